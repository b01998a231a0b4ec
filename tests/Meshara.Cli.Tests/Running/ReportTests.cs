using System.Text;
using System.Text.Json;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class ReportTests
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 5, 4, 5, 678, TimeSpan.FromHours(2));
    private static readonly NodeId Peer = NodeId.Parse(new string('a', 64));

    private readonly ManualTimeProvider _time = new();
    private readonly TestTerminal _terminal;

    public ReportTests() => _terminal = new(time: _time);

    [Fact]
    public void Json_PeerConnected_HasPeerAddressInboundAndUtcTime()
    {
        JsonElement line = Json(new PeerConnected(Time, Peer, "192.0.2.1:4040", Inbound: true));

        Assert.Equal("peer-connected", line.GetProperty("event").GetString());
        Assert.Equal("2026-01-02T03:04:05.678Z", line.GetProperty("time").GetString());
        Assert.Equal(Peer.ToString(), line.GetProperty("peer").GetString());
        Assert.Equal("192.0.2.1:4040", line.GetProperty("address").GetString());
        Assert.True(line.GetProperty("inbound").GetBoolean());
    }

    [Fact]
    public void Json_PeerDisconnected_HasTheReasonInKebabCase()
    {
        JsonElement line = Json(new PeerDisconnected(Time, Peer, "a:1", DisconnectReason.RemoteShutdown, ""));

        Assert.Equal("peer-disconnected", line.GetProperty("event").GetString());
        Assert.Equal("remote-shutdown", line.GetProperty("reason").GetString());
    }

    [Fact]
    public void Json_Refused_HasAddressReasonAndWhenToRetry()
    {
        JsonElement line = Json(new PeerRefused(Time, "a:1", null, MesharaErrorCode.NotAdmitted, ByPeer: true, "no\n[x]", TimeSpan.FromSeconds(2.5)));

        Assert.Equal("refused", line.GetProperty("event").GetString());
        Assert.Equal("a:1", line.GetProperty("address").GetString());
        Assert.Equal("not-admitted", line.GetProperty("reason").GetString());
        Assert.Equal("no\n[x]", line.GetProperty("detail").GetString());
        Assert.True(line.GetProperty("by_peer").GetBoolean());
        Assert.Equal(2.5, line.GetProperty("retry_after").GetDouble());
        Assert.False(line.TryGetProperty("peer", out _));
    }

    [Fact]
    public void Json_IdentityShared_HasBothAddresses()
    {
        JsonElement line = Json(new IdentityShared(Time, Peer, "a:1", "b:2"));

        Assert.Equal("identity-shared", line.GetProperty("event").GetString());
        Assert.Equal("b:2", line.GetProperty("other_address").GetString());
    }

    [Theory]
    [InlineData("Grüße\n\u001b[31m\u202e", true)]
    [InlineData("", true)]
    [InlineData(null, false)]
    public void F12_JsonMessage_IsPrintableAscii_AndRoundTrips(string? text, bool isText)
    {
        byte[] payload = text is null ? [0xff, 0x00, 0xc3] : Encoding.UTF8.GetBytes(text);
        new JsonReport(_terminal.Terminal).Received(new Message(Peer, "chat/1", payload));

        Assert.All(_terminal.Json.TrimEnd('\n'), c => Assert.InRange(c, ' ', '~'));
        JsonElement line = Child.Parse(_terminal.Json);
        Assert.Equal("message", line.GetProperty("event").GetString());
        Assert.Equal("chat/1", line.GetProperty("protocol").GetString());
        Assert.Equal(isText, line.TryGetProperty("text", out JsonElement written));
        Assert.NotEqual(isText, line.TryGetProperty("base64", out JsonElement encoded));
        Assert.Equal(payload, isText ? Encoding.UTF8.GetBytes(written.GetString()!) : encoded.GetBytesFromBase64());
    }

    [Fact]
    public void F12_TextOfHostilePeer_IsOneEscapedLineEach()
    {
        TextReport report = new(_terminal.Terminal);
        report.Received(new Message(Peer, "[x]\u001b]0;title\u0007", "a\nb\u001b[2J"u8.ToArray()));
        report.Received(new Message(Peer, "bin", new byte[] { 0xff }));
        report.Happened(new PeerDisconnected(Time, Peer, "a:1", DisconnectReason.RemoteError, "x\u202ey\nz"));
        report.Happened(new PeerRefused(Time, "a:1", Peer, MesharaErrorCode.Full, ByPeer: true, "\u009b2J", TimeSpan.FromSeconds(3)));

        string[] lines = _terminal.Text.TrimEnd().Split(Environment.NewLine);
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.DoesNotContain(line, char.IsControl));
        Assert.EndsWith(": a\\u{A}b\\u{1B}[2J", lines[0], StringComparison.Ordinal);
        Assert.Contains("1 bytes, not text", lines[1], StringComparison.Ordinal);
        Assert.Contains("remote-error: x\\u{202E}y z", lines[2], StringComparison.Ordinal);
        Assert.Contains("full: \\u{9B}2J (again in 3 s)", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_RefusedAgain_SaysWhatToDoOnce()
    {
        await using CommandBed bed = new();
        Node node = await bed.StartAsync("alice");
        TextReport report = new(_terminal.Terminal);
        report.Started(node, new NodeFacts("test", "open", "data", "test/1", Time));
        PeerRefused refused = new(Time, "a:1", Peer, MesharaErrorCode.NotAdmitted, ByPeer: true, "The node at a:1 does not admit this node.", null);
        foreach (PeerRefused one in (PeerRefused[])[refused, refused, refused with { Address = "b:1" }, refused])
        {
            report.Happened(one);
        }

        string[] lines = _terminal.Text.TrimEnd().Split(Environment.NewLine)[^4..];
        Assert.EndsWith($"does not admit this node. There run: meshara trust add {node.PublicKey}", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("aaaaaaaaaaaaaaaa at a:1: not-admitted, as before", lines[1], StringComparison.Ordinal);
        Assert.EndsWith($"{node.PublicKey}", lines[2], StringComparison.Ordinal);
        Assert.Equal(lines[1], lines[3]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Text_SecondLink_IsNoRefusal(bool byPeer)
    {
        new TextReport(_terminal.Terminal).Happened(new PeerRefused(Time, "a:1", Peer, MesharaErrorCode.Duplicate, byPeer, "another link between the two nodes lives", null));

        Assert.EndsWith("linked        aaaaaaaaaaaaaaaa at a:1: there is a link already, another is not needed", _terminal.Text.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Json_SecondLink_IsNoRefusal()
    {
        PeerRefused second = new(Time, "192.0.2.1:1", Peer, MesharaErrorCode.Duplicate, ByPeer: false, "another link between the two nodes lives", null) { Inbound = true };
        JsonReport json = new(_terminal.Terminal);

        json.Happened(second);
        json.Happened(second);
        _time.Advance(TimeSpan.FromSeconds(61));
        json.TellDue();

        string[] lines = Lines(_terminal.Json);
        Assert.Equal(["already-linked", "already-linked"], lines.Select(l => Child.Parse(l).GetProperty("event").GetString()));
        Assert.Equal(1, Child.Parse(lines[1]).GetProperty("count").GetInt32());
        Assert.DoesNotContain("refused", _terminal.Json, StringComparison.Ordinal);
    }

    [Fact]
    public void Option_AppliedWithANoteOrPassedOver_IsTold()
    {
        TextReport text = new(_terminal.Terminal);

        text.Reconfigured([new OptionChange("Peers", "h:1", "none", IsApplied: true) { Note = "aaaaaaaaaaaaaaaa is pinned" }]);
        text.PassedOver([new PassedOver("Discovery.TargetPeers", "--target-peers")]);

        string[] lines = Lines(_terminal.Text);
        Assert.EndsWith("option        Peers: h:1 → none; aaaaaaaaaaaaaaaa is pinned", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("option        Discovery.TargetPeers has no effect: --target-peers goes over what the configuration file says", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void PeerBanned_SaysWhoWhyUntilWhenAndHowToLift()
    {
        PeerBanned banned = new(Time, Peer, ReputationCause.ProtocolViolation, Time.AddHours(1), 2);
        JsonElement line = Json(banned);
        new TextReport(_terminal.Terminal).Happened(banned);

        Assert.Equal(("peer-banned", "protocol-violation", "2026-01-02T04:04:05.678Z", 2), (line.GetProperty("event").GetString(), line.GetProperty("reason").GetString(), line.GetProperty("until").GetString(), line.GetProperty("count").GetInt32()));
        Assert.EndsWith(
            "banned        aaaaaaaaaaaaaaaa until 2026-01-02T04:04:05.678Z for protocol violation, ban number 2; to lift it: meshara peers --forgive aaaaaaaaaaaaaaaa", _terminal.Text.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_NodeOfAnotherDirectory_CommandsNameIt()
    {
        await using CommandBed bed = new();
        Node node = await bed.StartAsync("alice");
        TextReport report = new(_terminal.Terminal);
        string data = bed.DirectoryOf("alice");
        report.Started(node, new NodeFacts("test", "open", data, "test/1", Time));

        report.Happened(new PeerBanned(Time, Peer, ReputationCause.ProtocolViolation, Time.AddHours(1), 1));
        report.Happened(new PeerRefused(Time, "a:1", Peer, MesharaErrorCode.PinMismatch, ByPeer: false, "Accept it by this command: meshara trust replace 1 2", null));
        report.Happened(new PeerRefused(Time, "b:1", Peer, MesharaErrorCode.Refused, ByPeer: true, "this command: meshara trust replace 1 2", null));

        string[] lines = Lines(_terminal.Text)[^3..];
        Assert.EndsWith($"to lift it: meshara peers --data {Hints.Quote(data)} --forgive aaaaaaaaaaaaaaaa", lines[0], StringComparison.Ordinal);
        Assert.EndsWith($"this command: meshara trust replace --data {Hints.Quote(data)} 1 2", lines[1], StringComparison.Ordinal);

        // The other side's words stay its own.
        Assert.EndsWith("this command: meshara trust replace 1 2", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_StrangersByTheThousand_AreOneLineAMinuteForHostAndReason()
    {
        TextReport text = new(_terminal.Terminal);
        JsonReport json = new(_terminal.Terminal);
        for (int i = 0; i < 1000; i++)
        {
            foreach (INodeReport report in (INodeReport[])[text, json])
            {
                report.Happened(Junk($"192.0.2.1:{i + 1}", MesharaErrorCode.TlsFailed));
                report.Happened(Junk($"192.0.2.1:{i + 1}", MesharaErrorCode.HelloTimeout));
                report.Happened(Junk($"192.0.2.2:{i + 1}", MesharaErrorCode.TlsFailed));
            }
        }

        Assert.Equal(3, Lines(_terminal.Text).Length);
        Assert.Equal(3, Lines(_terminal.Json).Length);
        _time.Advance(TimeSpan.FromSeconds(61));
        text.TellDue();
        json.TellDue();
        Assert.Equal(6, Lines(_terminal.Text).Length);
        Assert.EndsWith("no link       192.0.2.1: 999 more like this within a minute (tls-failed)", Lines(_terminal.Text)[3], StringComparison.Ordinal);
        JsonElement folded = Child.Parse(Lines(_terminal.Json)[3]);
        Assert.Equal(("refused", "192.0.2.1", "tls-failed", 999), (folded.GetProperty("event").GetString(), folded.GetProperty("address").GetString(), folded.GetProperty("reason").GetString(), folded.GetProperty("count").GetInt32()));
        Assert.True(folded.GetProperty("inbound").GetBoolean());

        // A minute of peace, and the next is told in full.
        _time.Advance(TimeSpan.FromSeconds(61));
        text.Happened(Junk("192.0.2.1:7", MesharaErrorCode.TlsFailed));
        Assert.EndsWith("192.0.2.1:7: tls-failed: junk", Lines(_terminal.Text)[^1], StringComparison.Ordinal);
        text.Happened(Junk("192.0.2.1:8", MesharaErrorCode.TlsFailed));
        text.Stopped();
        Assert.Contains("192.0.2.1: 1 more like this", Lines(_terminal.Text)[^2], StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_OneKeyAgainAndAgain_IsDrawnTogether()
    {
        TextReport text = new(_terminal.Terminal);
        for (int i = 0; i < 100; i++)
        {
            text.Happened(Junk($"192.0.2.1:{i + 1}", MesharaErrorCode.NotAdmitted) with { Peer = Peer });
        }

        text.Stopped();
        Assert.Equal(3, Lines(_terminal.Text).Length);
        Assert.EndsWith("no link       aaaaaaaaaaaaaaaa at 192.0.2.1: 99 more like this within a minute (not-admitted)", Lines(_terminal.Text)[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_ManyHosts_AreBounded()
    {
        TextReport text = new(_terminal.Terminal);
        for (int i = 0; i < 5000; i++)
        {
            text.Happened(Junk($"198.51.{i / 250}.{i % 250}:9", MesharaErrorCode.TlsFailed));
        }

        Assert.Equal(RefusalFold.MostKinds + 1, Lines(_terminal.Text).Length);
        _time.Advance(TimeSpan.FromSeconds(61));
        text.TellDue();
        Assert.EndsWith($"no link       other addresses: {5000 - RefusalFold.MostKinds - 1} more like this within a minute", Lines(_terminal.Text)[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Refused_OwnDials_AreDrawnTogetherForPeopleAndCompleteInJson()
    {
        TextReport text = new(_terminal.Terminal);
        JsonReport json = new(_terminal.Terminal);
        PeerRefused dead = new(Time, "127.0.0.1:4040", null, MesharaErrorCode.ConnectFailed, ByPeer: false, "nothing listens there", null);
        for (int i = 0; i < 5; i++)
        {
            text.Happened(dead);
            json.Happened(dead);
        }

        // What another node says is told each time; so is another reason.
        text.Happened(dead with { Code = MesharaErrorCode.ConnectTimeout });
        text.Happened(dead with { Code = MesharaErrorCode.Full, ByPeer = true, Peer = Peer });
        text.Happened(dead with { Code = MesharaErrorCode.Full, ByPeer = true, Peer = Peer });

        Assert.Equal(4, Lines(_terminal.Text).Length);
        Assert.Equal(5, Lines(_terminal.Json).Length);
        _time.Advance(TimeSpan.FromSeconds(61));
        text.Happened(dead);
        Assert.EndsWith("no link       127.0.0.1:4040: 4 more like this within a minute (connect-failed)", Lines(_terminal.Text)[4], StringComparison.Ordinal);
        Assert.Equal(5, Lines(_terminal.Text).Length);
    }

    private static PeerRefused Junk(string address, MesharaErrorCode code) => new(Time, address, null, code, ByPeer: false, "junk", null) { Inbound = true };

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.TrimEnd('\r')).ToArray();

    private JsonElement Json(PeerEvent happened)
    {
        new JsonReport(_terminal.Terminal).Happened(happened);
        Assert.Equal(1, _terminal.Json.Count(static c => c == '\n'));
        return Child.Parse(_terminal.Json);
    }
}
