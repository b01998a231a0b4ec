using System.IO.MemoryMappedFiles;

namespace Meshara.Fuzz.Engine;

/// <summary>A mapped file with the run that is under way: what is left of a process that ended in the middle of it.</summary>
internal sealed unsafe class SharedPage : IDisposable
{
    private const int Head = 16, MaxInput = 1 << 20;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _at;

    private SharedPage(MemoryMappedFile file)
    {
        _file = file;
        _view = file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _at);
    }

    /// <summary>The run's number; 0: none has begun.</summary>
    public long Run => Volatile.Read(ref *(long*)_at);

    /// <summary>Its input.</summary>
    public byte[] Input => new ReadOnlySpan<byte>(_at + Head, *(int*)(_at + 8)).ToArray();

    /// <summary>Makes the file, or opens it where it is.</summary>
    public static SharedPage Open(string path) => new(MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, Head + MaxInput));

    /// <summary>A run begins.</summary>
    public void Write(long run, ReadOnlySpan<byte> input)
    {
        input = input[..Math.Min(input.Length, MaxInput)];
        input.CopyTo(new Span<byte>(_at + Head, MaxInput));
        *(int*)(_at + 8) = input.Length;
        Volatile.Write(ref *(long*)_at, run);
    }

    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
