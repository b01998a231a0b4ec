using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Meshara.Cli.Rendering;

/// <summary>A node's own entry for the static peers file of another one.</summary>
/// <param name="Name">What the other operator may call it.</param>
/// <param name="Multiaddr">Where it is, and who.</param>
internal sealed record StaticPeerLine(string Name, string Multiaddr)
{
    /// <summary>The entry of a node; null: it listens nowhere.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="addresses">Full, as <c>id@host:port</c>.</param>
    /// <param name="others">The other addresses, in the same form as the one in the entry.</param>
    public static StaticPeerLine? Of(string name, IEnumerable<string> addresses, out IReadOnlyList<string> others)
    {
        // One of this machine alone is right only for another node on it.
        PeerAddress[] ordered = [.. addresses.Select(PeerAddress.Parse).OrderBy(static a => IPAddress.TryParse(a.Host, out IPAddress? ip) ? IPAddress.IsLoopback(ip) ? 2 : ip.IsIPv6LinkLocal ? 1 : 0 : 0)];
        others = [.. ordered.Skip(1).Select(MultiaddrOf)];
        return ordered is [var best, ..] ? new StaticPeerLine(name, MultiaddrOf(best)) : null;
    }

    /// <summary>The entry over several lines, as a file has it.</summary>
    public string Format()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            writer.WriteString("name", Name);
            writer.WriteString("multiaddr", Multiaddr);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string MultiaddrOf(PeerAddress address)
    {
        string[] parts = address.Host.Split('%');
        string host = !IPAddress.TryParse(parts[0], out IPAddress? ip) ? $"/dns/{address.Host}"
            : ip.AddressFamily == AddressFamily.InterNetwork ? $"/ip4/{address.Host}"
            : parts.Length > 1 ? $"/ip6zone/{parts[1]}/ip6/{parts[0]}" : $"/ip6/{address.Host}";
        return FormattableString.Invariant($"{host}/tcp/{address.Port}/p2p/{address.Id}");
    }
}
