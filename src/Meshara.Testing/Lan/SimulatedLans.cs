using System.Net;
using Meshara.Core.Policy;
using Meshara.Discovery;
using Meshara.Mdns.Net;
using Meshara.Testing.Network;
using LinkKey = Meshara.Mdns.Engine.LinkKey;

namespace Meshara.Testing.Lan;

/// <summary>The local networks: nodes behind one router hear one another's multicast, late or not at all.</summary>
internal sealed class SimulatedLans(SimulatedNetwork network)
{
    private const int Interface = 1;
    private const int Prefix = 24;

    private readonly Dictionary<SimulatedNat, MemoryLan> _lans = [];
    private readonly Dictionary<MemoryHost, SimulatedNode> _hosts = [];
    private readonly Random _random = SeededIdentity.Random(network.Seed, "lan");

    /// <summary>How many packets are lost, 0 to 1.</summary>
    public double Loss { get; set; }

    /// <summary>Packets that were lost by <see cref="Loss"/>.</summary>
    public int Lost { get; private set; }

    /// <summary>The local network of a node, asked for at each of its starts; null: its machine is alone in its network.</summary>
    public OpenLocalNetwork? Of(SimulatedNode node)
    {
        if (node.Nat is not { } nat)
            return null;

        return (settings, options, self) =>
        {
            MemoryHost host = new MemoryHost().Attach(LanOf(nat), Interface, "eth0", $"{node.Address}/{Prefix}");
            _hosts[host] = node;
            LateTransport late = new(host, node, SeededIdentity.Random(network.Seed, $"{node.Name}/lan/{node.Starts}"));
            return MdnsNetwork.OpenAsync(o => o with { Transport = late, UseIPv6 = false }, () => Scan(node), settings, options, self);
        };
    }

    private static IReadOnlyList<LanInterface> Scan(SimulatedNode node) =>
        node.Nat is { } nat ? [new LanInterface(Interface, "eth0", [node.Address], [nat.Inside])] : [];

    private MemoryLan LanOf(SimulatedNat nat)
    {
        if (!_lans.TryGetValue(nat, out MemoryLan? lan))
            _lans.Add(nat, lan = new MemoryLan { Drop = (from, to, _) => IsLost(from, to) });
        return lan;
    }

    private bool IsLost(MemoryHost from, MemoryHost to)
    {
        SimulatedNode sender = _hosts[from], receiver = _hosts[to];
        if (Loss > 0 && _random.NextDouble() < Loss)
        {
            Lost++;
            return true;
        }

        // A killed process is off the network, whatever its last breath says.
        return sender.State != SimulatedNodeState.Running || receiver.State != SimulatedNodeState.Running || (sender != receiver && !network.Network.CanReach(sender, receiver));
    }

    /// <summary>Hands packets on after a while.</summary>
    private sealed class LateTransport(MemoryHost inner, SimulatedNode node, Random random) : IMulticastTransport
    {
        private readonly TimeProvider _time = node.Time;

        public event EventHandler? Changed
        {
            add => inner.Changed += value;
            remove => inner.Changed -= value;
        }

        public string? Fault(bool ipv6) => inner.Fault(ipv6);

        public InterfaceScan Scan() => inner.Scan();

        public string? Join(LinkKey link) => inner.Join(link);

        public void Leave(LinkKey link) => inner.Leave(link);

        public ValueTask SendAsync(LinkKey link, IPEndPoint? destination, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken) =>
            inner.SendAsync(link, destination, packet, cancellationToken);

        public async ValueTask<Datagram> ReceiveAsync(bool ipv6, Memory<byte> buffer, CancellationToken cancellationToken)
        {
            Datagram datagram = await inner.ReceiveAsync(ipv6, buffer, cancellationToken).ConfigureAwait(false);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(5)), _time, cancellationToken).ConfigureAwait(false);
            return datagram;
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
