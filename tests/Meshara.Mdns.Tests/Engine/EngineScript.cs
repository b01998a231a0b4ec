using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Tests.Engine;

/// <summary>An engine that numbers are thrown at: each is a packet, a wish, a change of interfaces or a while. Watches what it sends.</summary>
internal sealed class EngineScript
{
    private static readonly string[] Sources = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.255", "10.0.3.7", "192.168.9.9", "0.0.0.0", "224.0.0.251"];

    private readonly MdnsEngine _engine;
    private readonly int _rate;
    private readonly List<(TimeSpan At, LinkKey Link)> _sent = [];
    private readonly List<PublicationId> _ids = [];
    private readonly List<BrowseId> _browses = [];
    private readonly List<string> _labels = ["Kitchen printer", "Kitchen printer (2)", "Other"];
    private Random _random = new(0);
    private long _lastId;

    public EngineScript(int rate)
    {
        _rate = rate;
        _engine = new MdnsEngine(new EngineConfig(CacheLimit: 64, PacketsPerSecond: rate), new Random(7));
        _engine.SetInterfaces([VirtualLan.Face(2, 1)], Now);
        Publish();
    }

    public TimeSpan Now { get; private set; }

    /// <summary>What went wrong; null: nothing.</summary>
    public string? Fault { get; private set; }

    /// <summary>What was sent and told.</summary>
    public List<string> Log { get; } = [];

    public void Step(int number)
    {
        _random = new Random(number);
        switch (number % 12)
        {
            case 0 or 1 or 2:
                Hear(Query());
                break;
            case 3 or 4:
                Hear(Response());
                break;
            case 5:
                byte[] noise = new byte[_random.Next(600)];
                _random.NextBytes(noise);
                Hear(noise);
                break;
            case 6:
                byte[] damaged = (_random.Next(2) == 0 ? Query() : Response()).ToArray();
                damaged[_random.Next(damaged.Length)] = (byte)_random.Next(256);
                Hear(damaged);
                break;
            case 7:
                Wish();
                break;
            case 8:
                Interfaces();
                break;
            default:
                Advance(TimeSpan.FromMilliseconds(_random.Next(4) == 0 ? _random.Next(20_000) : _random.Next(300)));
                break;
        }

        Poll();
    }

    public void Advance(TimeSpan time)
    {
        TimeSpan end = Now + time;
        for (int i = 0; _engine.NextDeadline is { } next && next <= end; i++)
        {
            if (i > 100_000)
            {
                Fault ??= $"It is due for ever at {next}.";
                return;
            }

            Now = next > Now ? next : Now;
            Poll();
        }

        Now = end;
        Poll();
    }

    private void Poll()
    {
        for (int i = 0; _engine.TryPoll(Now, out EngineAction? action); i++)
        {
            if (action is EngineAction.Send send)
                Check(send);
            else
                Log.Add($"{Now} {action}");
            if (i > 10_000)
            {
                Fault ??= "It never stops.";
                return;
            }
        }

        if (_engine.Remembered > 5_000)
            Fault ??= $"It remembers {_engine.Remembered} things.";
    }

    // In any second: two buckets of 2 · rate and rate a second, one of 2 · rate and 2 · rate a second.
    private void Check(EngineAction.Send send)
    {
        Log.Add($"{Now} {send.Link} {send.Destination} {Convert.ToHexString(send.Packet.Span)}");
        _sent.Add((Now, send.Link));
        int most = (2 * 3 * _rate) + (4 * _rate) + 3;
        if (_sent.Count(s => s.Link == send.Link && s.At > Now - TimeSpan.FromSeconds(1)) > most)
            Fault ??= $"More than {most} packets in a second.";
        if (send.Packet.Length > DnsWriter.DefaultSize || !DnsReader.TryRead(send.Packet.Span, out DnsMessage? message))
            Fault ??= $"A packet of {send.Packet.Length} bytes that cannot be sent.";
        else if (send.Destination is { } to && (to.Port == 0 || to.Address.ToString() is "10.0.0.255" or "192.168.9.9" or "0.0.0.0" or "224.0.0.251"))
            Fault ??= $"An answer to {to}.";
        else if (message.IsResponse && message.Answers.Length == 0)
            Fault ??= "An answer without an answer.";
    }

    private void Hear(ReadOnlyMemory<byte> packet)
    {
        bool ipv6 = _random.Next(4) == 0;
        IPAddress from = ipv6 ? IPAddress.Parse($"fe80::{_random.Next(1, 4)}%2") : IPAddress.Parse(Sources[_random.Next(Sources.Length)]);
        int port = _random.Next(5) switch { 0 => _random.Next(65536), 1 => 0, _ => 5353 };
        int times = _random.Next(10) == 0 ? 30 : 1;
        for (int i = 0; i < times; i++)
            _engine.Receive(new LinkKey(_random.Next(2, 4), ipv6), new IPEndPoint(from, port), _random.Next(4) > 0, packet.Span, Now);
    }

    private DnsName Name() => _random.Next(8) switch
    {
        0 => Printers.ServiceType,
        1 => Printers.Meta,
        2 => DnsName.Parse("printer.local"),
        3 => DnsName.Parse("printer-2.local"),
        4 => DnsName.FromLabels("_color", "_sub", "_ipp", "_tcp", "local"),
        5 => DnsName.FromLabels($"x{_random.Next(5)}", "local"),
        _ => Printers.ServiceType.Child(_labels[_random.Next(_labels.Count)]),
    };

    private DnsRecord Record()
    {
        DnsName name = Name();
        RecordData data = _random.Next(6) switch
        {
            0 => new PointerData(Name()),
            1 => new ServiceData(0, 0, (ushort)_random.Next(630, 633), Name()),
            2 => new TextData(TxtRecord.Create(("rp", _random.Next(2) == 0 ? "ipp/print" : "x"))),
            3 => new AddressData(IPAddress.Parse($"10.0.0.{_random.Next(1, 4)}")),
            4 => new AddressData(IPAddress.Parse($"fe80::{_random.Next(1, 4)}")),
            _ => new NextSecureData(name, (DnsType)_random.Next(1, 256)),
        };
        return new DnsRecord(name, (uint)(_random.Next(3) * _random.Next(4501)), data, _random.Next(2) == 0);
    }

    private ReadOnlyMemory<byte> Query()
    {
        DnsType[] types = [DnsType.Ptr, DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa, DnsType.Any, DnsType.Nsec];
        DnsQuestion[] questions = [.. Enumerable.Range(0, _random.Next(5)).Select(_ => new DnsQuestion(Name(), types[_random.Next(types.Length)], _random.Next(2) == 0))];
        return VirtualLan.Packet(questions, Records(4), _random.Next(3) == 0 ? Records(4) : [], _random.Next(4) == 0 ? DnsFlags.Truncated : DnsFlags.None, (ushort)_random.Next(3));
    }

    private ReadOnlyMemory<byte> Response() => VirtualLan.Packet([], Records(6), [], DnsFlags.Response | DnsFlags.Authoritative, 0);

    private DnsRecord[] Records(int most) => [.. Enumerable.Range(0, _random.Next(most)).Select(_ => Record())];

    private void Publish()
    {
        PublicationId id = new(++_lastId);
        _ids.Add(id);
        _engine.Publish(id, Profile(), Now);
    }

    private ServiceProfile Profile() => new(_labels[_random.Next(_labels.Count)], "_ipp._tcp", _random.Next(630, 633))
    {
        HostName = _random.Next(3) == 0 ? null : "printer",
        Subtypes = _random.Next(2) == 0 ? ["_color"] : [],
        Txt = TxtRecord.Create(("rp", _random.Next(2) == 0 ? "ipp/print" : "y")),
    };

    private void Wish()
    {
        if (_random.Next(3) == 0)
        {
            Browse();
            return;
        }

        int which = _random.Next(_ids.Count + 1);
        if (_ids.Count < 8 && which == _ids.Count)
            Publish();
        else if (which < _ids.Count && _random.Next(3) > 0)
            _engine.Update(_ids[which], Profile(), Now);
        else if (which < _ids.Count)
        {
            _engine.Unpublish(_ids[which], Now);
            _ids.RemoveAt(which);
        }
    }

    private void Browse()
    {
        if (_browses.Count > 0 && _random.Next(3) == 0)
        {
            _engine.StopBrowse(_browses[0], Now);
            _browses.RemoveAt(0);
        }
        else if (_browses.Count > 0 && _random.Next(3) == 0)
        {
            _engine.Requery(_browses[0], Now);
        }
        else if (_browses.Count < 4)
        {
            _browses.Add(new BrowseId(++_lastId));
            _engine.Browse(_browses[^1], Printers.ServiceType, _random.Next(2) == 0 ? "_color" : null, new BrowseSchedule(_random.Next(2) == 0 ? TimeSpan.FromSeconds(5) : null), Now);
        }
    }

    private void Interfaces()
    {
        switch (_random.Next(5))
        {
            case 0:
                _engine.Wake(Now);
                break;
            case 1:
                _engine.SendFailed(new LinkKey(2, _random.Next(2) == 0), Now);
                break;
            case 2:
                _engine.LinkUp(new LinkKey(2, _random.Next(2) == 0), Now);
                break;
            default:
                EngineInterface[] faces = [VirtualLan.Face(2, _random.Next(1, 3), ipv6: _random.Next(2) == 0), VirtualLan.Face(3, _random.Next(1, 3)) with { IPv4PortShared = _random.Next(2) == 0 }];
                _engine.SetInterfaces(faces[.._random.Next(3)], Now);
                break;
        }
    }
}
