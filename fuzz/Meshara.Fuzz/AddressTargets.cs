using System.Text;

namespace Meshara.Fuzz;

/// <summary>The written forms of an address, multiaddr among them. Peers send such text, in records and lists. A finding is: any exception but the one that is told, a reason that
/// cannot be shown, or an address that does not read as it is written.</summary>
internal static class AddressTargets
{
    private static readonly string Id = string.Concat(Enumerable.Repeat("0a", NodeId.Size));

    /// <summary>Each form once, and what is nearly one.</summary>
    public static FuzzTarget Multiaddr { get; } = new("multiaddr", [.. Seeds().Select(Encoding.UTF8.GetBytes)], static input => Run(Encoding.UTF8.GetString(input)));

    private static string[] Seeds() =>
    [
        $"/ip4/10.0.0.1/tcp/4040/p2p/{Id}",
        $"/ip6/2001:db8::1/tcp/1/ipfs/{Id}/",
        $"/ip6zone/eth0/ip6/fe80::1/tcp/65535/p2p/{Id}",
        "/dns4/host.example/tcp/4040",
        "/dns/HOST/tcp/1",
        "/dns6/xn--mller-kva.example/tcp/80",
        $"{Id}@[fe80::1%eth0]:4040",
        $"{Id}@10.0.0.1",
        "[::ffff:10.0.0.1]:1",
        " example.org.:65535 ",
        "fe80::1",
        "https://example.org:1",
        "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X@host",
        "127.1:1",
    ];

    private static long Run(string text)
    {
        bool isRead = PeerAddressParser.TryParse(text, out PeerAddress? address, out string? why);
        long verdict = isRead ? CheckAddress(text, address!) : Refusal(why);
        if (isRead != PeerAddress.TryParse(text, out _))
            throw new FindingException($"Two readers disagree on \"{text}\".");
        if (!isRead)
            CheckThrows(text);
        return Verdict.With(verdict, Listen(text));
    }

    private static long CheckAddress(string text, PeerAddress address)
    {
        string shown = address.ToString();
        if (shown.Any(static c => c is <= ' ' or > '~') || !PeerAddress.TryParse(shown, out PeerAddress? again) || again != address || again.ToString() != shown)
            throw new FindingException($"\"{text}\" is {shown}, which does not read as it is written.");
        if (new PeerAddress(address.Host, address.Port, address.Id) != address || address.Port is < 1 or > 65535)
            throw new FindingException($"{shown} is not what its parts make.");
        return Verdict.Of(shown);
    }

    private static long Refusal(string? why) =>
        string.IsNullOrEmpty(why) || why.Any(char.IsControl) || why.Length > 1000 ? throw new FindingException($"A reason that cannot be shown: {why}") : Verdict.Refused;

    private static void CheckThrows(string text)
    {
        try
        {
            PeerAddress.Parse(text);
        }
        catch (FormatException e) when (!e.Message.Any(char.IsControl))
        {
            return;
        }

        throw new FindingException("It is read where it was not.");
    }

    private static long Listen(string text)
    {
        if (!PeerAddressParser.TryParseListen(text, out string? host, out int? port, out string? why))
            return Refusal(why);
        string shown = PeerAddress.Join(host, port ?? 0);
        if (port is < 0 or > 65535 || !PeerAddressParser.TryParseListen(shown, out string? again, out int? samePort, out _) || again != host || samePort != (port ?? 0))
            throw new FindingException($"Listening on \"{text}\" is {shown}, which does not read as it is written.");
        return Verdict.Of(shown);
    }
}
