using System.Globalization;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Tests.Support;
using Spectre.Console;
using Xunit;

namespace Meshara.Cli.Tests.Rendering;

public sealed class PeerTableTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(200)]
    [InlineData(1000)]
    public void F12_HostilePeer_AtAnyWidth_StaysInItsTable(int width)
    {
        string text = Render(width, [Peer("[red]\u001b[2J\u202eevil[/]\n世界世界", "[/]"), Peer("fine", "192.0.2.1:4040")]);

        Assert.All(text.Split('\n'), line => Assert.True(new Text(line.TrimEnd('\r')).Length <= Math.Max(width, 10), $"{width}: {line}"));
        Assert.DoesNotContain('\u001b', text);
        Assert.DoesNotContain('\u202e', text);
    }

    [Fact]
    public void Create_WideTerminal_ShowsEverything()
    {
        string text = Render(220, [Peer("[red]agent[/]", "[2001:db8::1]:4040")]);

        Assert.Contains("0123456789abcdef", text, StringComparison.Ordinal);
        Assert.Contains("[2001:db8::1]:4040", text, StringComparison.Ordinal);
        Assert.Contains("[red]agent[/]", text, StringComparison.Ordinal);
        Assert.Contains("1 h 4 min", text, StringComparison.Ordinal);
        Assert.Contains("12 ms", text, StringComparison.Ordinal);
        Assert.Contains("2.0 KiB/10 B", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_80Columns_ShowsWhoWhereAndSinceWhen()
    {
        string text = Render(80, [Peer("agent", "192.0.2.1:4040")]);

        Assert.Contains("0123456789abcdef", text, StringComparison.Ordinal);
        Assert.Contains("192.0.2.1:4040", text, StringComparison.Ordinal);
        Assert.Contains("1 h 4 min", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_TooNarrowForAll_SaysFromWhichWidthOnTheRestIsShown()
    {
        string text = Render(80, [Peer("agent/1", "192.0.2.1:4040")]);
        int all = int.Parse(text.Split(" more columns (")[1].Split(' ')[0], CultureInfo.InvariantCulture);

        Assert.Contains("1 more column (", Render(all - 1, [Peer("agent/1", "192.0.2.1:4040")]), StringComparison.Ordinal);
        text = Render(all, [Peer("agent/1", "192.0.2.1:4040")]);
        Assert.DoesNotContain("more column", text, StringComparison.Ordinal);
        Assert.Contains("agent/1", text, StringComparison.Ordinal);
    }

    private static string Render(int width, IReadOnlyList<PeerLine> peers)
    {
        TestTerminal terminal = new(width);
        terminal.Terminal.Console.Write(PeerTable.Create(peers, width, Now));
        return terminal.Text;
    }

    private static PeerLine Peer(string agent, string address) => new()
    {
        Peer = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        PublicKey = "30",
        Address = address,
        Inbound = true,
        Pinned = true,
        Class = "static",
        FirstSeen = DateTimeOffset.UnixEpoch,
        ConnectedSince = Now - TimeSpan.FromMinutes(64),
        LastSeen = Now - TimeSpan.FromSeconds(3),
        BytesSent = 10,
        BytesReceived = 2048,
        MessagesSent = 1,
        MessagesReceived = 2,
        RoundTripMs = 12.3,
        Reputation = -0.5,
        Agent = agent,
    };
}
