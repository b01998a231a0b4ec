using System.Globalization;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;
using Meshara.Cli.Tests.Support;
using Spectre.Console.Rendering;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class TopCommandTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Top_NoTerminal_IsOneTableAndTheEnd()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "top"));

        Assert.Contains("1 peer  in ", terminal.Text, StringComparison.Ordinal);
        Assert.Contains(bob.Id.ToShortString(), terminal.Text, StringComparison.Ordinal);
        Assert.Contains("B/s", terminal.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_KeyQ_Ends()
    {
        await using CommandBed bed = new();
        await bed.StartPairAsync();
        Queue<char> keys = new("xq");
        TestTerminal terminal = new(terminal: true, readKey: () => new ConsoleKeyInfo(keys.Dequeue(), default, false, false, false));

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "top"));
    }

    [Theory]
    [InlineData(80)]
    [InlineData(200)]
    [InlineData(20)]
    public void Look_HostilePeer_OneLineEachWithinTheWidth(int width)
    {
        TopTable table = new();
        PeerLine hostile = Line() with { Agent = "\u001b[2J[red]x[/]\n\u202e" + new string('x', 100), Address = "[::ffff:255.255.255.255]:65535" };

        table.Look([hostile], Start, width);
        string text = Render(table.Look([hostile with { BytesReceived = 3 << 20, BytesSent = 1024 }], Start.AddSeconds(2), width), width);

        string[] lines = text.TrimEnd().Split(Environment.NewLine);
        int more = Array.FindIndex(lines, static line => line.Contains(" more ", StringComparison.Ordinal));
        Assert.Equal(width < 200, more >= 0);
        lines = more < 0 ? lines : lines[..more];
        Assert.Equal(width < 40 ? lines.Length : 3, lines.Length);
        Assert.All(lines, line =>
        {
            Assert.True(line.TrimEnd().Length <= width, line);
            Assert.DoesNotContain(line, char.IsControl);
        });
        Assert.Equal(width >= 80, lines[^1].Contains("1.5 MiB/s", StringComparison.Ordinal) && lines[^1].Contains("512 B/s", StringComparison.Ordinal));
        Assert.Equal(width >= 80, lines[^1].Contains(" 3.0 MiB  ", StringComparison.Ordinal) && lines[^1].TrimEnd().Contains("1.0 KiB", StringComparison.Ordinal));
        Assert.Equal(width == 200, text.Contains("\\u{1B}[2J[red]x[/]", StringComparison.Ordinal));
    }

    [Fact]
    public void Look_AllColumnsFrom_IsTheWidthThatTheNoteNames()
    {
        string text = Render(new TopTable().Look([Line()], Start, 80), 80);
        int all = int.Parse(text.Split(" more columns (")[1].Split(' ')[0], CultureInfo.InvariantCulture);

        Assert.Contains("1 more column (", Render(new TopTable().Look([Line()], Start, all - 1), all - 1), StringComparison.Ordinal);
        text = Render(new TopTable().Look([Line()], Start, all), all);
        Assert.DoesNotContain("more column", text, StringComparison.Ordinal);
        Assert.Contains("agent/1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Look_LinkThatCameBack_HasNoRateFromTheOldOne()
    {
        TopTable table = new();
        table.Look([Line() with { BytesReceived = 1 << 30 }], Start, 120);

        string text = Render(table.Look([Line() with { ConnectedSince = Start.AddSeconds(1), BytesReceived = 5 }], Start.AddSeconds(2), 120), 120);

        Assert.DoesNotContain("-", text.Replace("- ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("in 0 B/s", text, StringComparison.Ordinal);
    }

    private static string Render(IRenderable picture, int width)
    {
        TestTerminal terminal = new(width);
        terminal.Terminal.Console.Write(picture);
        return terminal.Text;
    }

    private static PeerLine Line() => new()
    {
        Peer = new string('a', 64),
        PublicKey = "",
        Address = "127.0.0.1:4040",
        Inbound = false,
        Pinned = true,
        Class = "static",
        FirstSeen = DateTimeOffset.UnixEpoch,
        ConnectedSince = Start,
        LastSeen = Start,
        BytesSent = 0,
        BytesReceived = 0,
        MessagesSent = 0,
        MessagesReceived = 0,
        RoundTripMs = 0.25,
        Reputation = 0,
        Agent = "agent/1",
    };
}
