using System.Globalization;
using System.Text;

namespace Meshara.Storage;

/// <summary>The file <c>sequence</c> in the data directory: the number of the node's last own peer record, so that the next one is above it even if the clock went back. One number, text.</summary>
/// <param name="path">The file.</param>
internal sealed class RememberedSequence(string path)
{
    private const int MaxSize = 32;

    /// <summary>Reads it.</summary>
    /// <param name="wrong">Why the file is of no use, for the log; null: it is right, or there is none.</param>
    /// <returns>0: nothing is remembered.</returns>
    public ulong Read(out string? wrong)
    {
        wrong = null;
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            Span<byte> bytes = stackalloc byte[MaxSize];
            int length = file.ReadAtLeast(bytes, MaxSize, throwOnEndOfStream: false);
            string text = Encoding.UTF8.GetString(bytes[..length]);
            if (length < MaxSize && ulong.TryParse(text.TrimEnd('\r', '\n'), NumberStyles.None, CultureInfo.InvariantCulture, out ulong sequence))
            {
                return sequence;
            }

            wrong = $"it holds {(length == 0 ? "nothing" : Printable.Quote(text))}; a number is expected";
        }
        catch (FileNotFoundException)
        {
            // The first start.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            wrong = e.Message;
        }

        return 0;
    }

    /// <summary>Writes it, all or nothing.</summary>
    /// <returns>Why it could not be written, for the log: the clock serves instead. Null: done.</returns>
    public string? Write(ulong sequence)
    {
        try
        {
            AtomicFile.Replace(path, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{sequence}\n")));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}
