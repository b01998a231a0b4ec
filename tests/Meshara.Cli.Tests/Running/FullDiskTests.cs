using System.Text;
using System.Text.Json;
using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Running;

/// <summary>Standard output and standard error on a full disk: nothing ends for that, and what is missing is said.</summary>
[Collection(nameof(Child))]
public sealed class FullDiskTests : IDisposable
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly NodeId Peer = NodeId.Parse(new string('a', 64));

    private readonly TempFolder _folder = new();
    private readonly Disk _output = new(), _error = new();
    private bool _readerIsGone;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("2>/dev/full")]
    [InlineData(">/dev/full")]
    [InlineData(">/dev/full 2>&1")]
    public async Task Run_NoRoomForOutput_RunsOnAndStops(string redirection)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Needs /dev/full, of Linux.");
        string file = _folder["key"];
        await File.WriteAllTextAsync(file, "short");

        // A warning of the command itself, one of the library, and lines of the report.
        await using Child node = Child.StartBy(
            ["bash", "--norc", "-c", $"exec \"$@\" {redirection}", "-"], "run", "--json", "--listen", "127.0.0.1:0", "--data", _folder["node"], "--secret-file", file, "--log", "trace");

        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_folder["node"], "control.sock")));
        Assert.Equal(0, (await Child.RunAsync("info", "--data", _folder["node"])).ExitCode);
        await node.SignalAsync("TERM");
        Assert.Equal(0, await node.ExitAsync());
        Assert.DoesNotContain("fault of this program", node.AllError(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Info_NoRoomForOutput_IsAnErrorAndNoFault()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Needs /dev/full, of Linux.");
        await using Child id = Child.StartBy(["bash", "--norc", "-c", "exec \"$@\" >/dev/full 2>&1", "-"], "id", "--data", _folder["node"]);

        Assert.Equal(1, await id.ExitAsync());
    }

    [Fact]
    public void Json_LinesWithoutRoom_AreCountedOnceThereIsRoom()
    {
        JsonReport report = new(Terminal());
        PeerConnected happened = new(Time, Peer, "a:1", Inbound: true);
        report.Happened(happened);
        _output.Room = 20;
        report.Happened(happened);
        report.Stopped();
        _output.Room = null;
        report.Happened(happened);
        report.Happened(happened);

        string[] lines = _output.Text.TrimEnd('\n').Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.Equal("""{"event":"peer-conne""", lines[1]);
        JsonElement lost = Child.Parse(lines[2]);
        Assert.Equal(("lines-lost", 2), (lost.GetProperty("event").GetString(), lost.GetProperty("count").GetInt32()));
        Assert.Contains("No space", lost.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(lines[0], lines[3]);
        Assert.Equal(lines[0], lines[4]);
    }

    [Fact]
    public void Text_LinesWithoutRoom_AreCountedOnceThereIsRoom()
    {
        TextReport report = new(Terminal());
        _output.Room = 0;
        report.Happened(new PeerConnected(Time, Peer, "a:1", Inbound: true));
        _output.Room = null;
        report.Stopped();

        string[] lines = _output.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Contains("1 line is missing here, which could not be written: No space left on device", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("stopped", lines[1].TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_ReaderIsGone_Throws()
    {
        TextReport report = new(Terminal());
        _output.Room = 0;
        _readerIsGone = true;

        Assert.Throws<IOException>(report.Stopped);
    }

    [Fact]
    public void Complain_LinesWithoutRoom_AreCountedOnceThereIsRoom()
    {
        Terminal terminal = Terminal();
        terminal.Complain("one");
        _error.Room = 5;
        terminal.Complain("two");
        terminal.Complain("three");
        _error.Room = null;
        terminal.Complain("four");
        terminal.Complain("five");

        Assert.Equal(
            ["meshara: one", "mesha", "meshara: 2 lines are missing here: there was no room for them", "meshara: four", "meshara: five"],
            _error.Text.TrimEnd().Split('\n').Select(static line => line.TrimEnd()));
    }

    private Terminal Terminal() => new(() => throw new InvalidOperationException("no table is printed"), () => Stream.Null)
    {
        Output = _output,
        Text = new StreamWriter(_output) { AutoFlush = true },
        Error = new StreamWriter(_error) { AutoFlush = true },
        OutputIsBroken = () => _readerIsGone,
        Time = new ManualTimeProvider(),
    };

    // What does not fit is written in part, as a file system does it.
    private sealed class Disk : MemoryStream
    {
        public int? Room { get; set; }

        public string Text => Encoding.UTF8.GetString(ToArray());

        public override void Write(ReadOnlySpan<byte> buffer) => Write(buffer.ToArray(), 0, buffer.Length);

        public override void Write(byte[] buffer, int offset, int count)
        {
            if (Room is { } room && room < count)
            {
                base.Write(buffer, offset, room);
                Room = 0;
                throw new IOException("No space left on device");
            }

            base.Write(buffer, offset, count);
        }
    }
}
