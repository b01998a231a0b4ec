using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Support;

/// <summary>Networks of engines in memory, on a clock that only <see cref="Run"/> moves: with delay and, where asked for, loss. As on Linux with loopback on, each packet to the group comes back to its sender too.</summary>
internal sealed class VirtualLan(int seed = 1)
{
    private readonly Random _random = new(seed);
    private readonly PriorityQueue<Action, (TimeSpan At, long Order)> _events = new();
    private long _order;

    public TimeSpan Now { get; private set; }

    /// <summary>How long a packet is under way: between these.</summary>
    public TimeSpan LeastDelay { get; set; } = TimeSpan.FromMilliseconds(0.1);

    public TimeSpan MostDelay { get; set; } = TimeSpan.FromMilliseconds(1);

    /// <summary>The share of deliveries that are lost, 0 to 1; a sender's own echo never is.</summary>
    public double Loss { get; set; }

    /// <summary>Further packets to lose: true loses the packet for that receiver.</summary>
    public Func<LanPacket, LanNode, bool>? Drop { get; set; }

    public List<LanNode> Nodes { get; } = [];

    /// <summary>Every packet that was sent, in order.</summary>
    public List<LanPacket> Sent { get; } = [];

    /// <summary>A node with one interface of one IPv4 and one link-local IPv6 address made of <paramref name="number"/> (1 to 254), on one network.</summary>
    public LanNode Add(int number, int network = 0, bool ipv4 = true, bool ipv6 = true, EngineConfig? config = null)
    {
        LanNode node = new(this, new MdnsEngine(config ?? new EngineConfig(), new Random(_random.Next())));
        Nodes.Add(node);
        node.Attach(Face(1 + number, number, network, ipv4, ipv6), network);
        return node;
    }

    /// <summary>An interface of its own index with addresses made of a number: 10.0.network.number and fe80::network:number.</summary>
    public static EngineInterface Face(int index, int number, int network = 0, bool ipv4 = true, bool ipv6 = true)
    {
        List<IPAddress> addresses = [];
        if (ipv4)
            addresses.Add(IPAddress.Parse($"10.0.{network}.{number}"));
        if (ipv6)
            addresses.Add(IPAddress.Parse($"fe80::{network:x}:{number:x}%{index}"));
        return new EngineInterface(index, $"eth{index}", addresses, [IPNetwork.Parse($"10.0.{network}.0/24")], ipv4, ipv6);
    }

    /// <summary>Moves the clock, doing everything in its order.</summary>
    public void Run(TimeSpan duration)
    {
        TimeSpan end = Now + duration;
        PollAll();
        while (true)
        {
            TimeSpan? deadline = Nodes.Where(n => !n.IsStopped).Min(n => n.Engine.NextDeadline);
            TimeSpan? arrival = _events.TryPeek(out _, out (TimeSpan At, long Order) first) ? first.At : null;
            TimeSpan next = Min(deadline, arrival) ?? TimeSpan.MaxValue;
            if (next > end)
                break;
            Now = next > Now ? next : Now;
            if (arrival <= Now)
                _events.Dequeue()();
            PollAll();
        }

        Now = end;
        PollAll();
    }

    /// <summary>Moves the clock until something holds; false: it did not within the time.</summary>
    public bool RunUntil(Func<bool> holds, TimeSpan atMost)
    {
        for (TimeSpan end = Now + atMost; Now < end && !holds();)
            Run(TimeSpan.FromMilliseconds(5));
        return holds();
    }

    /// <summary>Puts a packet on a network as if it came from this address. To the group where <paramref name="to"/> is null.</summary>
    public void Inject(IPEndPoint from, ReadOnlyMemory<byte> packet, IPAddress? to = null, int network = 0) =>
        Deliver(new LanPacket(Now, null, new LinkKey(0, from.AddressFamily == AddressFamily.InterNetworkV6), network, from, to is null ? null : new IPEndPoint(to, 5353), packet));

    /// <summary>Asks as somebody who is no engine.</summary>
    public void Ask(string from, DnsQuestion[] questions, DnsRecord[]? known = null, DnsRecord[]? authorities = null, DnsFlags flags = DnsFlags.None, ushort id = 0, int port = 5353, string? to = null, int network = 0) =>
        Inject(new IPEndPoint(IPAddress.Parse(from), port), Packet(questions, known ?? [], authorities ?? [], flags, id), to is null ? null : IPAddress.Parse(to), network);

    /// <summary>Answers as somebody who is no engine.</summary>
    public void Say(string from, DnsRecord[] answers, int port = 5353, string? to = null, int network = 0) =>
        Inject(new IPEndPoint(IPAddress.Parse(from), port), Packet([], answers, [], DnsFlags.Response | DnsFlags.Authoritative, 0), to is null ? null : IPAddress.Parse(to), network);

    public static ReadOnlyMemory<byte> Packet(DnsQuestion[] questions, DnsRecord[] answers, DnsRecord[] authorities, DnsFlags flags, ushort id)
    {
        DnsWriter writer = new(9000);
        foreach (DnsQuestion question in questions)
            Assert.True(writer.TryAdd(question));
        foreach (DnsRecord answer in answers)
            Assert.True(writer.TryAdd(answer, DnsSection.Answer));
        foreach (DnsRecord authority in authorities)
            Assert.True(writer.TryAdd(authority, DnsSection.Authority));
        return writer.Finish(id, flags).ToArray();
    }

    internal void Transmit(LanNode sender, EngineAction.Send send)
    {
        if (!sender.TryFind(send.Link, out EngineInterface? face, out int network) || sender.IsUnplugged)
            return;
        AddressFamily family = send.Link.IPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        IPAddress source = face.Addresses.First(a => a.AddressFamily == family);
        LanPacket packet = new(Now, sender, send.Link, network, new IPEndPoint(source, 5353), send.Destination, send.Packet);
        Sent.Add(packet);
        Deliver(packet);
    }

    private static TimeSpan? Min(TimeSpan? a, TimeSpan? b) => a is null ? b : b is null || a < b ? a : b;

    private void Deliver(LanPacket packet)
    {
        foreach (LanNode node in Nodes)
        {
            foreach ((EngineInterface face, int network) in node.Faces)
            {
                LinkKey key = new(face.Index, packet.Link.IPv6);
                if (network != packet.Network || !(packet.Link.IPv6 ? face.IPv6 : face.IPv4))
                    continue;
                if (packet.To is { } to && !face.Addresses.Any(a => Bare(a).Equals(Bare(to.Address))))
                    continue;
                bool isEcho = node == packet.Sender && packet.To is null;
                if (!isEcho && (_random.NextDouble() < Loss || Drop?.Invoke(packet, node) == true))
                    continue;
                TimeSpan at = Now + LeastDelay + ((MostDelay - LeastDelay) * _random.NextDouble());
                _events.Enqueue(() => node.Hear(key, packet), (at, _order++));
            }
        }
    }

    internal static IPAddress Bare(IPAddress address) => address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes()) : address;

    private void PollAll()
    {
        foreach (LanNode node in Nodes)
            node.Poll();
    }
}

/// <summary>A packet on the network.</summary>
internal sealed record LanPacket(TimeSpan At, LanNode? Sender, LinkKey Link, int Network, IPEndPoint From, IPEndPoint? To, ReadOnlyMemory<byte> Bytes)
{
    private DnsMessage? _message;

    public DnsMessage Message => _message ??= DnsReader.TryRead(Bytes.Span, out DnsMessage? message) ? message : throw new InvalidOperationException("A packet that cannot be read was sent.");
}

/// <summary>An engine on the network.</summary>
internal sealed class LanNode(VirtualLan lan, MdnsEngine engine)
{
    private readonly List<(EngineInterface Face, int Network)> _faces = [];
    private long _lastId;

    public MdnsEngine Engine { get; } = engine;

    public IReadOnlyList<(EngineInterface Face, int Network)> Faces => _faces;

    /// <summary>What it told its owner, packets aside.</summary>
    public List<(TimeSpan At, EngineAction Action)> News { get; } = [];

    /// <summary>It was killed: it hears, says and does nothing.</summary>
    public bool IsStopped { get; set; }

    /// <summary>Its cable is out: nothing comes or goes, and it does not know.</summary>
    public bool IsUnplugged { get; set; }

    /// <summary>Its packets, in order.</summary>
    public IEnumerable<LanPacket> Sent => lan.Sent.Where(p => p.Sender == this);

    /// <summary>Its packets on the IPv4 link, in order: most rules are a link's own.</summary>
    public IEnumerable<LanPacket> SentIPv4 => Sent.Where(p => !p.Link.IPv6);

    public LinkKey IPv4 => new(_faces[0].Face.Index, IPv6: false);

    /// <summary>The name under which a publication was last told to be there; null: not told.</summary>
    public string? PublishedName(PublicationId id) => News.Select(n => n.Action).OfType<EngineAction.Published>().LastOrDefault(p => p.Publication == id)?.Names.InstanceName;

    /// <summary>Publishes from now on.</summary>
    public PublicationId Publish(ServiceProfile profile)
    {
        PublicationId id = new(++_lastId);
        Engine.Publish(id, profile, lan.Now);
        return id;
    }

    /// <summary>Another interface, or one that has changed (of the same index).</summary>
    public void Attach(EngineInterface face, int network)
    {
        _faces.RemoveAll(f => f.Face.Index == face.Index);
        _faces.Add((face, network));
        Engine.SetInterfaces([.. _faces.Select(f => f.Face)], lan.Now);
    }

    /// <summary>An interface goes.</summary>
    public void Detach(int index)
    {
        _faces.RemoveAll(f => f.Face.Index == index);
        Engine.SetInterfaces([.. _faces.Select(f => f.Face)], lan.Now);
    }

    internal bool TryFind(LinkKey key, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out EngineInterface? face, out int network)
    {
        (face, network) = _faces.Find(f => f.Face.Index == key.InterfaceIndex);
        return face is not null;
    }

    internal void Hear(LinkKey key, LanPacket packet)
    {
        if (IsStopped || IsUnplugged)
            return;
        IPAddress from = packet.From.Address.IsIPv6LinkLocal ? new IPAddress(packet.From.Address.GetAddressBytes(), key.InterfaceIndex) : packet.From.Address;
        Engine.Receive(key, new IPEndPoint(from, packet.From.Port), packet.To is null, packet.Bytes.Span, lan.Now);
    }

    internal void Poll()
    {
        while (!IsStopped && Engine.TryPoll(lan.Now, out EngineAction? action))
        {
            if (action is EngineAction.Send send)
                lan.Transmit(this, send);
            else
                News.Add((lan.Now, action));
        }
    }
}
