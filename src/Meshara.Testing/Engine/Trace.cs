using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Meshara.Testing.Engine;

/// <summary>What happened, in order, with the virtual time; two runs of one seed have the same hash.</summary>
/// <param name="time">The clock of the lines.</param>
/// <param name="writer">Gets every line; null: only the last of each node are kept.</param>
internal sealed class Trace(VirtualTime time, TextWriter? writer = null) : IDisposable
{
    /// <summary>How many lines of each node are kept.</summary>
    public const int Kept = 64;

    // Lines are hashed in pieces of this size.
    private const int Piece = 8192;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly byte[] _piece = new byte[Piece];
    private readonly Dictionary<string, Queue<string>> _tails = new(StringComparer.Ordinal);
    private readonly Queue<string> _last = new(Kept);
    private int _used;

    /// <summary>How many lines there were.</summary>
    public long Lines { get; private set; }

    /// <summary>Of all until now, in lower-case hexadecimal.</summary>
    public string Hash
    {
        get
        {
            Flush();
            return Convert.ToHexStringLower(_hash.GetCurrentHash());
        }
    }

    /// <summary>Adds a line of the simulation itself.</summary>
    public void Add(string text) => Add("", text);

    /// <summary>Adds a line.</summary>
    /// <param name="node">Whose: a name, and never an id or an address that another machine would have otherwise.</param>
    /// <param name="text">What happened, the same in every run of this seed: no text of an exception, no path.</param>
    public void Add(string node, string text)
    {
        string line = string.Create(CultureInfo.InvariantCulture, $"{time.Now.TotalMilliseconds:F4} {(node.Length == 0 ? "-" : node)} {text}");
        Lines++;
        Mix(line);
        writer?.WriteLine(line);
        Keep(TailFor(node), line);
        Keep(_last, line);
    }

    /// <summary>Adds two numbers without a line: for what happens very often.</summary>
    public void Mix(long what, long size)
    {
        const int length = 3 * sizeof(long);
        if (_used > Piece - length)
        {
            Flush();
        }

        Span<byte> at = _piece.AsSpan(_used, length);
        BitConverter.TryWriteBytes(at, time.Now.Ticks);
        BitConverter.TryWriteBytes(at[sizeof(long)..], what);
        BitConverter.TryWriteBytes(at[(2 * sizeof(long))..], size);
        _used += length;
        writer?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time.Now.TotalMilliseconds:F4} # {what} {size}"));
    }

    /// <summary>The last lines of a node, the oldest first; of "" the last of all.</summary>
    public IReadOnlyList<string> TailOf(string node) => node.Length == 0 ? [.. _last] : _tails.TryGetValue(node, out Queue<string>? tail) ? [.. tail] : [];

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();

    private static void Keep(Queue<string> tail, string line)
    {
        if (tail.Count == Kept)
        {
            tail.Dequeue();
        }

        tail.Enqueue(line);
    }

    private Queue<string> TailFor(string node)
    {
        if (!_tails.TryGetValue(node, out Queue<string>? tail))
        {
            _tails.Add(node, tail = new Queue<string>(Kept));
        }

        return tail;
    }

    private void Mix(string line)
    {
        int longest = Encoding.UTF8.GetMaxByteCount(line.Length) + 1;
        if (longest > Piece)
        {
            Flush();
            _hash.AppendData(Encoding.UTF8.GetBytes(line + '\n'));
            return;
        }

        if (_used > Piece - longest)
        {
            Flush();
        }

        _used += Encoding.UTF8.GetBytes(line, _piece.AsSpan(_used));
        _piece[_used++] = (byte)'\n';
    }

    private void Flush()
    {
        _hash.AppendData(_piece.AsSpan(0, _used));
        _used = 0;
    }
}
