using System.Buffers.Binary;
using System.Net;
using Meshara.Mdns;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;

namespace Meshara.Fuzz;

/// <summary>One engine, and what must hold whatever it hears. A finding is: any exception, more packets or more memory than it is allowed, a packet that cannot be read or goes where it must not,
/// work that never ends, or a service shown that cannot be.</summary>
internal sealed class MdnsScript
{
    private const int Rate = 50, CacheLimit = 64, MostSentInASecond = (10 * Rate) + 3, MostRemembered = 5000;

    private static readonly IPAddress[] Sources = [.. new[] { "10.0.0.2", "10.0.0.1", "10.0.0.255", "192.168.9.9", "0.0.0.0", "224.0.0.251" }.Select(IPAddress.Parse)];
    private static readonly IPAddress LinkLocal = IPAddress.Parse("fe80::2%2");
    private static readonly DnsName Type = DnsName.Parse("_ipp._tcp.local");

    private readonly MdnsEngine _engine = new(new EngineConfig(CacheLimit, Rate), new Random(7));
    private readonly Queue<(TimeSpan At, LinkKey Link)> _sent = new();
    private readonly List<PublicationId> _published = [];
    private readonly List<BrowseId> _browsing = [];
    private TimeSpan _now;
    private long _lastId;

    public MdnsScript()
    {
        _engine.SetInterfaces([Face(2, 1)], _now);
        Poll();
    }

    /// <summary>Of all that was sent and told.</summary>
    public long Outcome { get; private set; }

    /// <summary>Does one step.</summary>
    public void Step(ReadOnlySpan<byte> step)
    {
        int which = step.Length > 1 ? step[1] : 0;
        switch (step[0] % 8)
        {
            case < 4:
                if (step.Length >= 4)
                    Hear(which, step[4..]);
                break;
            case 4:
                Advance(TimeSpan.FromMilliseconds(step.Length < 3 ? 1 : BinaryPrimitives.ReadUInt16BigEndian(step[1..])));
                break;
            case 5:
                Browse(which);
                break;
            case 6:
                Publish(which);
                break;
            default:
                Change(which);
                break;
        }

        Poll();
    }

    /// <summary>A while in which nothing is heard, and the end.</summary>
    public void Rest()
    {
        Advance(TimeSpan.FromSeconds(10));
        _engine.Shutdown(_now);
        Poll();
        Advance(TimeSpan.FromSeconds(5));
    }

    private static EngineInterface Face(int index, int number, bool ipv6 = true) => new(
        index, $"eth{index}", ipv6 ? [IPAddress.Parse($"10.0.0.{number}"), IPAddress.Parse($"fe80::{number}%{index}")] : [IPAddress.Parse($"10.0.0.{number}")], [IPNetwork.Parse("10.0.0.0/24")], IPv4: true, ipv6);

    // Who says it, to whom, from which port: bits of one number.
    private void Hear(int how, ReadOnlySpan<byte> packet)
    {
        bool isIPv6 = (how & 8) != 0;
        IPAddress from = isIPv6 ? LinkLocal : Sources[(how & 7) % Sources.Length];
        int port = (how & 0x60) switch { 0x20 => 53_530, 0x40 => 0, _ => 5353 };
        _engine.Receive(new LinkKey((how & 0x80) != 0 ? 3 : 2, isIPv6), new IPEndPoint(from, port), (how & 0x10) == 0, packet, _now);
    }

    private void Browse(int which)
    {
        if (which % 4 == 1 && _browsing.Count > 0)
        {
            _engine.StopBrowse(_browsing[0], _now);
            _browsing.RemoveAt(0);
        }
        else if (which % 4 == 2 && _browsing.Count > 0)
        {
            _engine.Requery(_browsing[^1], _now);
        }
        else if (_browsing.Count < 4)
        {
            _browsing.Add(new BrowseId(++_lastId));
            DnsName type = (which & 16) != 0 ? DnsName.Parse("_services._dns-sd._udp.local") : Type;
            _engine.Browse(_browsing[^1], type, (which & 32) != 0 ? "_color" : null, new BrowseSchedule((which & 64) != 0 ? TimeSpan.FromSeconds(5) : null), _now);
        }
    }

    private void Publish(int which)
    {
        ServiceProfile profile = new((which & 16) != 0 ? "Other" : "Kitchen printer", "_ipp._tcp", 631)
        {
            HostName = (which & 32) != 0 ? null : "printer",
            Subtypes = (which & 64) != 0 ? ["_color"] : [],
            Txt = TxtRecord.Create(("rp", (which & 128) != 0 ? "y" : "ipp/print")),
        };
        if (which % 4 == 1 && _published.Count > 0)
        {
            _engine.Update(_published[0], profile, _now);
        }
        else if (which % 4 == 2 && _published.Count > 0)
        {
            _engine.Unpublish(_published[0], _now);
            _published.RemoveAt(0);
        }
        else if (_published.Count < 4)
        {
            _published.Add(new PublicationId(++_lastId));
            _engine.Publish(_published[^1], profile, _now);
        }
    }

    private void Change(int which)
    {
        switch (which % 8)
        {
            case 0:
                _engine.Wake(_now);
                break;
            case 1 or 2:
                _engine.SendFailed(new LinkKey(2, which % 8 == 2), _now);
                break;
            case 3 or 4:
                _engine.LinkUp(new LinkKey(2, which % 8 == 4), _now);
                break;
            default:
                EngineInterface[] faces = [Face(2, 1 + ((which >> 3) & 1), (which & 16) == 0), Face(3, 3)];
                _engine.SetInterfaces(faces[..((which >> 5) % 3)], _now);
                break;
        }
    }

    private void Advance(TimeSpan time)
    {
        TimeSpan end = _now + time;
        for (int i = 0; _engine.NextDeadline is { } next && next <= end; i++)
        {
            if (i > 20_000)
                throw new FindingException($"It is due for ever, now at {next}.");
            _now = next > _now ? next : _now;
            Poll();
        }

        _now = end;
        Poll();
    }

    private void Poll()
    {
        for (int i = 0; _engine.TryPoll(_now, out EngineAction? action); i++)
        {
            if (i > 5000)
                throw new FindingException("It never has done.");
            if (action is EngineAction.Send send)
                Check(send);
            else if (action is EngineAction.Changed { Change: { } change })
                Check(change.Instance);
        }

        if (_engine.Remembered > MostRemembered)
            throw new FindingException($"It remembers {_engine.Remembered} things.");
    }

    private void Check(EngineAction.Send send)
    {
        Outcome = Verdict.With(Outcome, Verdict.Of(send.Packet.Span));
        _sent.Enqueue((_now, send.Link));
        while (_sent.Peek().At <= _now - TimeSpan.FromSeconds(1))
            _sent.Dequeue();
        if (_sent.Count > MostSentInASecond && _sent.Count(s => s.Link == send.Link) > MostSentInASecond)
            throw new FindingException($"More than {MostSentInASecond} packets in a second.");
        if (send.Packet.Length > DnsWriter.DefaultSize || !DnsReader.TryRead(send.Packet.Span, out DnsMessage? message))
            throw new FindingException($"A packet of {send.Packet.Length} bytes that cannot be sent.");
        if (send.Destination is { } to && (to.Port == 0 || to.Address.ToString() is "10.0.0.255" or "192.168.9.9" or "0.0.0.0" or "224.0.0.251"))
            throw new FindingException($"An answer to {to}.");
        if (message.IsResponse && message.Answers.Length == 0)
            throw new FindingException("An answer without an answer.");
    }

    private void Check(ServiceInstance instance)
    {
        Outcome = Verdict.With(Outcome, Verdict.Of(instance.InstanceName));
        if (instance.Port is < 0 or > 65535 || instance.HostName.Length == 0 || instance.Addresses.Count > 256 || instance.Addresses.Any(static a => a.EndPoint.Port is < 0 or > 65535))
            throw new FindingException($"A service that cannot be: {instance}");
    }
}
