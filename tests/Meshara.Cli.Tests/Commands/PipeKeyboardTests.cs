using System.IO.Pipelines;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>A pipe whose standard input is a keyboard, which has no end until somebody presses Ctrl-D.</summary>
public sealed class PipeKeyboardTests
{
    private const string Note = "the other side has ended; Ctrl-D ends yours";

    // The output is a file, or the terminal itself; an empty stream into a file is one that was received too.
    [Theory]
    [InlineData(3000, false)]
    [InlineData(3000, true)]
    [InlineData(0, false)]
    public async Task Accept_NobodyTypes_EndsWithTheOtherSide(int length, bool outputIsTerminal)
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe keyboard = new();
        TestTerminal alice = new(input: new MemoryStream(new byte[length]));
        TestTerminal atBob = new(input: keyboard.Reader.AsStream(), inputIsTerminal: true, terminal: outputIsTerminal);

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Assert.Equal((ExitCode.Done, ExitCode.Done), (await bed.RunAsync("alice", alice, "pipe", bob.Id.ToString()), await accepting));

        Assert.Equal(length, atBob.Bytes.Length);
        Assert.DoesNotContain(Note, atBob.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pipe_NobodyTypes_EndsWithTheOtherSideAsWell()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe keyboard = new();
        TestTerminal alice = new(input: keyboard.Reader.AsStream(), inputIsTerminal: true);
        TestTerminal atBob = new(input: new MemoryStream(new byte[3000]));

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Assert.Equal((ExitCode.Done, ExitCode.Done), (await bed.RunAsync("alice", alice, "pipe", bob.Id.ToString()), await accepting));

        Assert.Equal(3000, alice.Bytes.Length);
    }

    [Fact]
    public async Task Accept_SomethingWasTyped_GoesOnUntilCtrlDAndSaysSo()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe keyboard = new();
        Pipe input = new();
        TestTerminal alice = new(input: input.Reader.AsStream());
        TestTerminal atBob = new(input: keyboard.Reader.AsStream(), inputIsTerminal: true);
        await keyboard.Writer.WriteAsync("typed\n"u8.ToArray());

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, "pipe", bob.Id.ToString());
        await Eventually.TrueAsync(() => alice.Bytes.Length == 6);
        await input.Writer.WriteAsync(new byte[10]);
        await input.Writer.CompleteAsync();
        await Eventually.TrueAsync(() => atBob.Bytes.Length == 10 && atBob.Error.Contains(Note, StringComparison.Ordinal));
        Assert.False(accepting.IsCompleted || piping.IsCompleted);
        await keyboard.Writer.WriteAsync("more\n"u8.ToArray());
        await keyboard.Writer.CompleteAsync();

        Assert.Equal((ExitCode.Done, ExitCode.Done), (await piping, await accepting));
        Assert.Equal("typed\nmore\n", alice.Json);
    }

    // 'meshara pipe --accept > file &': the system would stop whoever reads the keyboard there.
    [Fact]
    public async Task Accept_InTheBackground_ReceivesWithoutTheKeyboardUntilItIsBroughtBack()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe keyboard = new();
        bool inForeground = false;
        TestTerminal atBob = new(input: keyboard.Reader.AsStream(), inputIsTerminal: true, inputIsInForeground: () => Volatile.Read(ref inForeground));
        await keyboard.Writer.WriteAsync("typed\n"u8.ToArray());

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", new TestTerminal(input: new MemoryStream(new byte[3000])), "pipe", bob.Id.ToString()));
        Assert.Equal((ExitCode.Done, 3000), (await accepting, atBob.Bytes.Length));
        Assert.True(keyboard.Reader.TryRead(out ReadResult unread));
        Assert.Equal(6, unread.Buffer.Length);
        keyboard.Reader.AdvanceTo(unread.Buffer.Start);

        Pipe input = new();
        TestTerminal alice = new(input: input.Reader.AsStream());
        atBob = new TestTerminal(input: keyboard.Reader.AsStream(), inputIsTerminal: true, inputIsInForeground: () => Volatile.Read(ref inForeground));
        accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, "pipe", bob.Id.ToString());
        Volatile.Write(ref inForeground, true);
        await Eventually.TrueAsync(() => alice.Json == "typed\n");
        await keyboard.Writer.CompleteAsync();
        await input.Writer.CompleteAsync();
        Assert.Equal((ExitCode.Done, ExitCode.Done), (await piping, await accepting));
    }

    [Fact]
    public async Task Pipe_OtherSideOnlyListens_NothingEndsBeforeSomebodyCouldType()
    {
        await using CommandBed bed = new();
        (_, Node bob) = await bed.StartPairAsync();
        Pipe keyboard = new();
        TestTerminal alice = new(input: keyboard.Reader.AsStream(), inputIsTerminal: true, terminal: true);
        TestTerminal atBob = new();

        Task<int> accepting = await AcceptAsync(bed, atBob);
        Task<int> piping = bed.RunAsync("alice", alice, "pipe", bob.Id.ToString());
        await Eventually.TrueAsync(() => alice.Error.Contains(Note, StringComparison.Ordinal));
        await keyboard.Writer.WriteAsync("hello\n"u8.ToArray());
        await keyboard.Writer.CompleteAsync();

        Assert.Equal((ExitCode.Done, ExitCode.Done), (await piping, await accepting));
        Assert.Equal("hello\n", atBob.Json);
    }

    private static async Task<Task<int>> AcceptAsync(CommandBed bed, TestTerminal terminal)
    {
        Task<int> accepting = bed.RunAsync("bob", terminal, "pipe", "--accept");
        await Eventually.TrueAsync(() => terminal.Error.Contains("waiting for a stream", StringComparison.Ordinal));
        return accepting;
    }
}
