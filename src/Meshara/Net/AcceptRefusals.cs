using System.Net;
using System.Runtime.InteropServices;
using Meshara.Core.Policy;

namespace Meshara.Net;

/// <summary>Counts inbound connections that were closed before they had a link, and says so once a minute for each cause.</summary>
internal sealed class AcceptRefusals(NodeContext node)
{
    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly Lock _sync = new();
    private readonly Count[] _counts = new Count[Enum.GetValues<AcceptLevel>().Length];

    /// <summary>One more.</summary>
    public void Add(AcceptLevel level, IPAddress source)
    {
        if (Add(level) is { } count)
        {
            Log(level, count, source.ToString());
        }
    }

    /// <inheritdoc cref="Add(AcceptLevel, IPAddress)"/>
    public void Add(AcceptLevel level, string source)
    {
        if (Add(level) is { } count)
        {
            Log(level, count, PeerText.Clean(source));
        }
    }

    // How many since it was last said, where it is time to say it.
    private long? Add(AcceptLevel level)
    {
        node.Metrics.AcceptRefused(level);
        TimeSpan now = node.Clock.Now;
        lock (_sync)
        {
            ref Count count = ref _counts[(int)level];
            count.Number++;
            if (now < count.NextLine)
            {
                return null;
            }

            long number = count.Number;
            count = new Count { NextLine = now + Every };
            return number;
        }
    }

    private void Log(AcceptLevel level, long count, string source)
    {
        AcceptLimits limits = node.Options.Accept;
        string why = level switch
        {
            AcceptLevel.Address => $"more than {limits.AddressBurst} in a row and {limits.AddressRate} a second from one address (AcceptLimits.AddressRate, AddressBurst; of pinned peers PinnedRate, PinnedBurst)",
            AcceptLevel.Network => $"more than {limits.NetworkBurst} in a row and {limits.NetworkRate} a second from one /24 or /48 (AcceptLimits.NetworkRate, NetworkBurst)",
            AcceptLevel.Wide => $"more than {limits.WideBurst} in a row and {limits.WideRate} a second from one /16 or /32 (AcceptLimits.WideRate, WideBurst)",
            AcceptLevel.Pool => $"more than {limits.MaxWaiting} waited for TLS, and most were of its network (AcceptLimits.MaxWaiting)",
            AcceptLevel.Late => $"no complete ClientHello, or no turn, within {node.Timeouts.Tls.TotalSeconds:0.###} s (NodeTimeouts.Tls)",
            AcceptLevel.NotTls => "what they sent first is not TLS",
            AcceptLevel.Stalled => $"their handshakes stood still for {limits.HandshakePatience.TotalSeconds:0.###} s while others waited (AcceptLimits.HandshakePatience)",
            _ => $"{limits.MaxGreetings} were between TLS and a link already (AcceptLimits.MaxGreetings)",
        };
        node.Logger.AcceptRefused(count, count == 1 ? "inbound connection before it had a link" : "inbound connections before they had a link", source, why);
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Count
    {
        public long Number;
        public TimeSpan NextLine;
    }
}
