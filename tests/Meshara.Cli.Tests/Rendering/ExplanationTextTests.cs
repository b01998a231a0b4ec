using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class ExplanationTextTests
{
    private static readonly NodeId Id = NodeId.Parse(new string('a', 64));

    private readonly ManualTimeProvider _time = new();

    private DateTimeOffset Now => _time.GetUtcNow();

    [Fact]
    public void Of_BannedPeer_TellsWhatLoweredItsReputationAndUntilWhen()
    {
        ExplanationLine line = Line(Known() with { BannedUntil = Now.AddMinutes(90), BanCount = 2 });

        string text = string.Join('\n', ExplanationText.Of(line, _time));

        Assert.Contains("reputation  -80.3 of -100 to 10; half is forgotten in 10 min 0 s", text, StringComparison.Ordinal);
        Assert.Contains("gives way first at -10, disconnected at -50, banned at -75", text, StringComparison.Ordinal);
        Assert.Matches("banned      until .*, 1 h 30 min from now; ban number 2", text);
        Assert.Matches(@"history     \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  useful exchange       \+1\.2  to    1\.2  12 times", text);
        Assert.Matches(@"            \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  protocol violation   -81\.5  to  -80\.3", text);
        Assert.Contains("address     [2001:db8::1]:4040\n            named by another peer, first 3 h 0 min ago\n            reached 2 h 0 min ago, dialled 30 s ago, 3 failures since", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), static one => Assert.InRange(one.Length, 1, 80));
    }

    [Fact]
    public void Of_PeerThatTheOperatorNamed_ShowsNameAndWhereItIs()
    {
        TrustedPeer pin = new() { Id = Id, PublicKey = null!, Name = "bob", Addresses = [PeerAddress.Parse("192.0.2.1:1"), PeerAddress.Parse("192.0.2.2:2")] };
        ExplanationLine line = ExplanationLine.Of(Id, null, null, pin, [PeerAddress.Parse($"{Id}@192.0.2.2:2")], [], new ReputationOptions())!;

        string[] text = [.. ExplanationText.Of(line, _time)];

        Assert.Equal("name        bob", text[1]);
        Assert.StartsWith("class       static", text[2], StringComparison.Ordinal);
        Assert.Equal(["address     192.0.2.2:2", "address     192.0.2.1:1"], text.Where(static one => one.StartsWith("address", StringComparison.Ordinal)));
        Assert.DoesNotContain(text, static one => one.StartsWith("seen", StringComparison.Ordinal));
    }

    [Fact]
    public void F12_HostileTexts_ReachNoTerminal()
    {
        ExplanationLine line = Line(Known()) with { Name = "\u001b[2J\u202eevil\n", Class = "\u001b[31mred" };
        line = line with { Addresses = [new KnownAddressLine("a\u001b:1\n", "\u001b]0;x")], History = [new HistoryLine(Now, "\u001b[2J\n", double.NaN, -1, 1)] };

        Assert.All(ExplanationText.Of(line, _time), static one =>
        {
            Assert.DoesNotContain('\u001b', one);
            Assert.DoesNotContain('\n', one);
            Assert.DoesNotContain('\u202e', one);
        });
    }

    [Fact]
    public void Of_OnlyTheStaticPeersFileNamesIt_SaysWhereAndWho()
    {
        ExplanationLine line = ExplanationLine.Of(Id, null, null, null, [], [PeerAddress.Parse($"{Id}@192.0.2.2:2")], new ReputationOptions())!;

        Assert.Equal("static", line.Class);
        Assert.Equal(("192.0.2.2:2", "static-file"), (line.Addresses[0].Address, line.Addresses[0].Source));
    }

    [Fact]
    public void Of_NobodyKnowsIt_IsNothing() => Assert.Null(ExplanationLine.Of(Id, null, null, null, [], [], new ReputationOptions()));

    private static ExplanationLine Line(PeerExplanation known) => ExplanationLine.Of(known.Id, known, null, null, [], [], new ReputationOptions())!;

    private PeerExplanation Known() => new()
    {
        Id = Id,
        Alias = null,
        Class = PeerClass.Mesh,
        IsConnected = false,
        Reputation = -80.34,
        BannedUntil = null,
        BanCount = 0,
        History =
        [
            new ReputationEvent { Time = Now.AddMinutes(-5), Cause = ReputationCause.UsefulExchange, Delta = 1.2, Value = 1.2, Count = 12 },
            new ReputationEvent { Time = Now.AddMinutes(-1), Cause = ReputationCause.ProtocolViolation, Delta = -81.5, Value = -80.3 },
        ],
        Addresses =
        [
            new StoredAddress("2001:db8::1", 4040)
            {
                Source = AddressSource.PeerExchange,
                FirstSeen = Now.AddHours(-3),
                LastSuccess = Now.AddHours(-2),
                LastTried = Now.AddSeconds(-30),
                Failures = 3,
            },
        ],
        FirstSeen = Now.AddHours(-3),
        LastSeen = Now.AddMinutes(-2),
        BytesSent = 10,
        BytesReceived = 2048,
    };
}
