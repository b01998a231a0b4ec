using System.IO.Pipelines;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Both ends of a pipe: nodes, control sockets and commands are real, only the standard streams are the test's.</summary>
public sealed class PipeCommandTests
{
    [Fact]
    public async Task Pipe_BothWays_EveryByteArrivesAndBothExit0()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        byte[] up = Noise(3_000_001, 1);
        byte[] down = Noise(2_000_003, 2);
        TestTerminal alice = new(input: new MemoryStream(up));
        TestTerminal atBob = new(input: new MemoryStream(down));

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Assert.Equal((ExitCode.Done, ExitCode.Done), (await bed.RunAsync("alice", alice, "pipe", bob.Id.ToString()), await accepting));

        Assert.Equal(up, atBob.Bytes);
        Assert.Equal(down, alice.Bytes);
        Assert.Equal("", alice.Error + alice.Text + atBob.Text);
    }

    [Fact]
    public async Task Pipe_InputEnds_OnlyThatDirectionEnds()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe toAlice = new();
        Pipe bobsInput = new();
        TestTerminal alice = new(input: Stream.Null, output: toAlice.Writer.AsStream());
        Pipe bobsOutput = new();
        TestTerminal atBob = new(input: bobsInput.Reader.AsStream(), output: bobsOutput.Writer.AsStream());

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, "pipe", bob.Id.ToString());

        // Alice's input ended at once: so does Bob's output, while his input goes on.
        Assert.True((await bobsOutput.Reader.ReadAsync().AsTask().WaitAsync(CommandBed.Guard)).IsCompleted);
        await bobsInput.Writer.WriteAsync("still here"u8.ToArray());
        ReadResult read = await toAlice.Reader.ReadAtLeastAsync(10).AsTask().WaitAsync(CommandBed.Guard);
        Assert.Equal("still here"u8.ToArray(), read.Buffer.FirstSpan.ToArray());
        toAlice.Reader.AdvanceTo(read.Buffer.End);
        Assert.False(piping.IsCompleted || accepting.IsCompleted);
        await bobsInput.Writer.CompleteAsync();

        Assert.Equal((ExitCode.Done, ExitCode.Done), (await piping, await accepting));
    }

    [Fact]
    public async Task Pipe_WriterIsKilled_ReaderExits1AndSaysHowMuchCame()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe input = new();
        using CancellationTokenSource kill = new();
        TestTerminal alice = new(input: input.Reader.AsStream());
        TestTerminal atBob = new();

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, kill.Token, "pipe", bob.Id.ToString());
        await input.Writer.WriteAsync(new byte[1000]);
        await Eventually.TrueAsync(() => atBob.Bytes.Length == 1000);
        await kill.CancelAsync();

        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (await piping, await accepting));
        Assert.Contains("0 bytes sent and 1000 bytes received", LastLine(atBob), StringComparison.Ordinal);
        Assert.Contains("aborted", LastLine(atBob), StringComparison.Ordinal);
        Assert.Contains("Ctrl-C", LastLine(alice), StringComparison.Ordinal);
        Assert.Contains("1000 bytes sent and 0 bytes received", LastLine(alice), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipe_LinkIsLost_BothExit1()
    {
        await using CommandBed bed = new();
        (Node node, Node bob) = await bed.StartPairAsync();
        Pipe input = new();
        TestTerminal alice = new(input: input.Reader.AsStream());
        TestTerminal atBob = new();

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, "pipe", bob.Id.ToString());
        await input.Writer.WriteAsync(new byte[1000]);
        await Eventually.TrueAsync(() => atBob.Bytes.Length == 1000);
        await node.RemovePeerAsync(bob.Id).WaitAsync(CommandBed.Guard);

        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (await piping, await accepting));
        Assert.Contains("1000 bytes sent and 0 bytes received", LastLine(alice), StringComparison.Ordinal);
        Assert.Contains("The link to", LastLine(alice), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipe_NobodyAccepts_Exits1AndSaysWhatToDo()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal alice = new(input: new MemoryStream(new byte[10]));

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", alice, "pipe", bob.Id.ToString(), "--protocol", "other/7"));

        Assert.Contains("other/7", LastLine(alice), StringComparison.Ordinal);
        Assert.Contains("meshara pipe --accept", LastLine(alice), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accept_FromAnotherPeerOnly_RefusesThisOneAndGoesOnWaiting()
    {
        await using CommandBed bed = new();
        (Node node, Node bob) = await bed.StartPairAsync();
        Node carol = await bed.StartAsync("carol");
        await carol.AddPeerAsync(bob.Addresses[0]).WaitAsync(CommandBed.Guard);
        TestTerminal alice = new(input: new MemoryStream(new byte[10]));
        TestTerminal atCarol = new(input: new MemoryStream([1, 2, 3]));
        TestTerminal atBob = new();

        Task<int> accepting = await AcceptAsync(bed, atBob, carol.Id.ToString());
        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", alice, "pipe", bob.Id.ToString()));
        Assert.Contains("waits for a stream from another node", LastLine(alice), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, await bed.RunAsync("carol", atCarol, "pipe", bob.Id.ToString()));

        Assert.Equal(ExitCode.Done, await accepting);
        Assert.Equal([1, 2, 3], atBob.Bytes);
        Assert.NotEqual(node.Id, carol.Id);
    }

    [Fact]
    public async Task Accept_SecondForTheSameProtocol_IsToldSo_AndTheFirstWaitsOn()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal first = new();
        TestTerminal second = new();

        Task<int> accepting = await AcceptAsync(bed, first);
        Assert.Equal(ExitCode.Failed, await bed.RunAsync("bob", second, "pipe", "--accept"));
        Assert.Contains("Another 'meshara pipe --accept' waits for 'pipe/1'", LastLine(second), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", new TestTerminal(input: new MemoryStream([7])), "pipe", bob.Id.ToString()));

        Assert.Equal(ExitCode.Done, await accepting);
        Assert.Equal([7], first.Bytes);
    }

    [Fact]
    public async Task Accept_ClientLeaves_ProtocolIsFreeAgain()
    {
        await using CommandBed bed = new();
        await bed.StartPairAsync();
        using CancellationTokenSource kill = new();
        TestTerminal first = new();
        Task<int> leaving = await AcceptAsync(bed, first, cancellationToken: kill.Token);

        await kill.CancelAsync();
        Assert.Equal(ExitCode.Failed, await leaving);
        Assert.Contains("no byte was sent or received", LastLine(first), StringComparison.Ordinal);

        // The node notices by itself; until then the second would be told that the first waits.
        for (int i = 0; ; i++)
        {
            using CancellationTokenSource again = new();
            TestTerminal second = new();
            Task<int> accepting = bed.RunAsync("bob", second, again.Token, "pipe", "--accept");
            await Eventually.TrueAsync(() => second.Error.Length > 0);
            bool waits = second.Error.Contains("waiting for a stream", StringComparison.Ordinal);
            await again.CancelAsync();
            await accepting;
            Assert.True(i < 1000);
            if (waits)
            {
                return;
            }
        }
    }

    [Fact]
    public async Task Pipe_ReaderOfTheOutputIsGone_BothExit1AndTheWriterIsToldWhy()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe input = new();
        TestTerminal alice = new(input: input.Reader.AsStream());
        TestTerminal atBob = new(output: new BrokenStream());

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, "pipe", bob.Id.ToString());
        await input.Writer.WriteAsync(new byte[100]);

        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (await piping, await accepting));
        Assert.Contains("standard output cannot be written", LastLine(atBob), StringComparison.Ordinal);
        Assert.Contains("has closed it", LastLine(alice), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipe_InputCannotBeRead_BothExit1()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        TestTerminal alice = new(input: new BrokenStream());
        TestTerminal atBob = new();

        Task<int> accepting = await AcceptAsync(bed, atBob);

        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (await bed.RunAsync("alice", alice, "pipe", bob.Id.ToString()), await accepting));
        Assert.Contains("standard input cannot be read", LastLine(alice), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipe_ReaderDoesNotRead_WriterWaitsAndLittleIsHeld()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe output = new(new PipeOptions(pauseWriterThreshold: 64 << 10, resumeWriterThreshold: 32 << 10));
        CountingStream input = new(256L << 20);
        using CancellationTokenSource kill = new();
        TestTerminal alice = new(input: input);
        TestTerminal atBob = new(output: output.Writer.AsStream());

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, kill.Token, "pipe", bob.Id.ToString());
        await Eventually.TrueAsync(() => input.Taken > 0);
        long before = -1;
        while (before != input.Taken)
        {
            before = input.Taken;
            await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System);
        }

        // The window of the stream, the sockets' buffers and a chunk in each process: megabytes, whatever the length of the input.
        Assert.InRange(before, 1, 16L << 20);
        Assert.False(piping.IsCompleted || accepting.IsCompleted);
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", new TestTerminal(), "ping", bob.Id.ToString(), "--count", "1"));
        await kill.CancelAsync();
        await output.Reader.CompleteAsync();
        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (await piping, await accepting));
    }

    [Fact]
    public async Task Pipe_ErrorIsATerminal_ShowsProgressUnlessQuiet()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        foreach (bool quiet in (bool[])[false, true])
        {
            TestTerminal alice = new(input: new MemoryStream(new byte[2048]), errorIsTerminal: true);
            Task<int> accepting = await AcceptAsync(bed, new TestTerminal());
            await bed.RunAsync("alice", alice, ["pipe", bob.Id.ToString(), .. quiet ? (string[])["--quiet"] : []]);
            await accepting;
            Assert.Equal(!quiet, alice.Error.Contains("sent 2.0 KiB", StringComparison.Ordinal));
        }
    }

    private static async Task<Task<int>> AcceptAsync(CommandBed bed, TestTerminal terminal, string? only = null, CancellationToken cancellationToken = default)
    {
        Task<int> accepting = bed.RunAsync("bob", terminal, cancellationToken, ["pipe", "--accept", .. only is null ? (string[])[] : [only]]);
        await Eventually.TrueAsync(() => terminal.Error.Contains("waiting for a stream", StringComparison.Ordinal));
        return accepting;
    }

    private static string LastLine(TestTerminal terminal) => terminal.Error.TrimEnd().Split(Environment.NewLine)[^1];

    private static byte[] Noise(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private abstract class OneWayStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count) => throw new IOException("broken, as a test wants it");

        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("broken, as a test wants it");
    }

    private sealed class BrokenStream : OneWayStream;

    private sealed class CountingStream(long length) : OneWayStream
    {
        private long _taken;

        public long Taken => Interlocked.Read(ref _taken);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int read = (int)Math.Min(buffer.Length, length - Taken);
            Interlocked.Add(ref _taken, read);
            return ValueTask.FromResult(read);
        }
    }
}
