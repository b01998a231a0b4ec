using System.Security.Cryptography;
using System.Text;

namespace Meshara.Testing.Engine;

/// <summary>What happened, in order, with the virtual time; two runs of one seed must have the same hash.</summary>
internal sealed class Trace(VirtualTime time)
{
    private readonly List<string> _lines = [];

    public void Add(string line) => _lines.Add($"{time.Now.TotalMilliseconds:F3} {line}");

    public IReadOnlyList<string> Lines => _lines;

    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', _lines))));
}
