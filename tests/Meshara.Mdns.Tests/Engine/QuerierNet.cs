using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>A querier on a virtual clock: says what it hears, notes what it sends and tells.</summary>
internal sealed class QuerierNet
{
    public const string Type = "_meshara._tcp.local";

    private readonly Outbox _outbox = new();
    private readonly Dictionary<LinkKey, LinkState> _links = [];
    private readonly EngineConfig _config;
    private long _lastBrowse;

    public QuerierNet(int seed = 1, EngineConfig? config = null, bool withLink = true)
    {
        _config = config ?? new EngineConfig();
        Querier = new Querier(_config, new Random(seed), _outbox);
        if (withLink)
            Add(Eth4);
    }

    public static LinkKey Eth4 { get; } = new(2, IPv6: false);

    public static LinkKey Eth6 { get; } = new(2, IPv6: true);

    public static LinkKey Wlan4 { get; } = new(3, IPv6: false);

    public Querier Querier { get; }

    public TimeSpan Now { get; private set; }

    /// <summary>Queries sent since this was last read by <see cref="TakeSent"/>.</summary>
    public List<SentQuery> Sent { get; } = [];

    public List<(TimeSpan At, BrowseId Browse, ServiceChange Change)> Told { get; } = [];

    public RecordCache Cache => Querier.Links[0].Cache;

    public static EngineInterface Interface(LinkKey key, bool isShared = false) => new(
        key.InterfaceIndex,
        $"eth{key.InterfaceIndex}",
        [IPAddress.Parse($"10.0.{key.InterfaceIndex}.1"), IPAddress.Parse($"fe80::{key.InterfaceIndex}:1%{key.InterfaceIndex}")],
        [IPNetwork.Parse($"10.0.{key.InterfaceIndex}.0/24"), IPNetwork.Parse("fe80::/64")],
        IPv4: true,
        IPv6: true,
        isShared,
        isShared);

    public LinkState Link(LinkKey key) => _links[key];

    public void Add(LinkKey key, bool isShared = false)
    {
        LinkState state = new(key, Interface(key, isShared), _config);
        _links.Add(key, state);
        Querier.AddLink(state, Now);
        Poll();
    }

    public void Remove(LinkKey key)
    {
        _links.Remove(key, out LinkState? state);
        Querier.RemoveLink(state!, Now);
        Poll();
    }

    public BrowseId Browse(string type = Type, string? subtype = null, TimeSpan? requery = null)
    {
        BrowseId id = new(++_lastBrowse);
        Querier.Browse(id, DnsName.Parse(type), subtype, new BrowseSchedule(requery), Now);
        Poll();
        return id;
    }

    public void Hear(params DnsRecord[] records) => HearFrom("10.0.2.7", Eth4, records);

    public void HearFrom(string from, LinkKey link, params DnsRecord[] records)
    {
        Say(from, link, records);
        Poll();
    }

    /// <summary>Hears a response and does not poll: for floods.</summary>
    public void Say(string from, LinkKey link, params DnsRecord[] records) =>
        Querier.HandleResponse(_links[link], new DnsMessage { Flags = DnsFlags.Response | DnsFlags.Authoritative, Answers = records }, Info(from, link), Now);

    public void HearQuery(string from, IEnumerable<DnsRecord> known, params DnsQuestion[] questions) =>
        HearQuery(Eth4, from, MdnsPort.Number, toMulticast: true, DnsFlags.None, known, questions);

    public void HearQuery(LinkKey link, string from, int port, bool toMulticast, DnsFlags flags, IEnumerable<DnsRecord> known, params DnsQuestion[] questions)
    {
        DnsMessage message = new() { Flags = flags, Questions = questions, Answers = [.. known] };
        Querier.HandleQuery(_links[link], message, new PacketInfo(link, new IPEndPoint(IPAddress.Parse(from), port), toMulticast), Now);
        Poll();
    }

    /// <summary>Lets time go by, stopping at every deadline.</summary>
    public void RunTo(TimeSpan until)
    {
        while (Querier.NextDeadline is { } next && next <= until)
        {
            // A deadline that is not in the future after a poll would be a loop without end.
            Assert.True(next >= Now, $"the deadline {next} has passed at {Now}");
            bool isStuck = next == Now && Steps++ > 100;
            Assert.False(isStuck, $"it stays due at {Now}");
            Steps = next == Now ? Steps : 0;
            Now = next;
            Poll();
        }

        Now = until;
        Poll();
    }

    private int Steps { get; set; }

    public void Run(double seconds) => RunTo(Now + TimeSpan.FromSeconds(seconds));

    public void Poll()
    {
        Querier.Poll(Now);
        while (_outbox.TryTake(out EngineAction? action))
        {
            if (action is EngineAction.Changed changed)
            {
                Told.Add((Now, changed.Browse, changed.Change));
            }
            else if (action is EngineAction.Send send)
            {
                Assert.Null(send.Destination);
                Assert.InRange(send.Packet.Length, 12, 1440);
                Assert.True(DnsReader.TryRead(send.Packet.Span, out DnsMessage? message));
                Sent.Add(new SentQuery(Now, send.Link, message!));
            }
        }
    }

    public SentQuery[] TakeSent()
    {
        SentQuery[] sent = [.. Sent];
        Sent.Clear();
        return sent;
    }

    public string[] TakeTold()
    {
        string[] told = [.. Told.Select(t => $"{t.Change.Kind} {t.Change.Instance.InstanceName}")];
        Told.Clear();
        return told;
    }

    private static PacketInfo Info(string from, LinkKey link) => new(link, new IPEndPoint(IPAddress.Parse(from), MdnsPort.Number), ToMulticast: true);
}

/// <summary>A query that was sent.</summary>
internal sealed record SentQuery(TimeSpan At, LinkKey Link, DnsMessage Message)
{
    public double Seconds => At.TotalSeconds;

    public bool Asks(string name, DnsType type) => Message.Questions.Any(q => q.Type == type && q.Name.Equals(DnsName.Parse(name)));

    public override string ToString() => $"{At} {Link}: {string.Join(", ", Message.Questions)}";
}

/// <summary>Records of a service.</summary>
internal static class Records
{
    public const uint Long = 4500;
    public const uint Short = 120;

    public static DnsRecord Pointer(string instance, uint ttl = Long, string type = QuerierNet.Type, string? under = null)
    {
        DnsName name = DnsName.Parse(type);
        return new DnsRecord(under is null ? name : DnsName.Parse(under), ttl, new PointerData(name.Child(instance)));
    }

    public static DnsRecord Server(string instance, string host = "a.local", ushort port = 7777, uint ttl = Short, string type = QuerierNet.Type) =>
        new(DnsName.Parse(type).Child(instance), ttl, new ServiceData(0, 0, port, DnsName.Parse(host)), cacheFlush: true);

    public static DnsRecord Text(string instance, string value = "1", uint ttl = Long, string type = QuerierNet.Type) =>
        new(DnsName.Parse(type).Child(instance), ttl, new TextData(TxtRecord.Create(("version", value))), cacheFlush: true);

    public static DnsRecord Address(string address, string host = "a.local", uint ttl = Short, bool flush = true) =>
        new(DnsName.Parse(host), ttl, new AddressData(IPAddress.Parse(address)), flush);

    public static DnsRecord[] Service(string instance, string host = "a.local", string address = "10.0.2.7", ushort port = 7777) =>
        [Pointer(instance), Server(instance, host, port), Text(instance), Address(address, host)];

    public static DnsRecord[] Goodbye(params DnsRecord[] records) => [.. records.Select(r => r.With(0u))];
}
