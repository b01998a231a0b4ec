using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>The client's side of a pipe: standard input up, standard output down, and progress on standard error.</summary>
/// <remarks>A keyboard has no end of its own. Where nobody has typed, the end of the other side is taken for the end of both, so that receiving a
/// file into a terminal's shell ends when the file has come.</remarks>
internal sealed class PipeClient(Terminal terminal, PipeChunks node, string peer, bool quiet)
{
    // How often the progress is shown, and looked whether the keyboard is ours again.
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    // What the keyboard has done: nothing; something was read from it; it is not asked any more.
    private const int Silent = 0;
    private const int Used = 1;
    private const int Unasked = 2;

    private readonly bool _showProgress = !quiet && terminal.ErrorIsTerminal;

    private readonly long _started = terminal.Time.GetTimestamp();
    private long _sent;
    private long _received;
    private volatile bool _ended;
    private volatile bool _gotEnd;
    private volatile ControlException? _inputFault;
    private int _keyboard = Silent;

    /// <summary>Runs until both directions have ended.</summary>
    /// <exception cref="ControlException">It was aborted or cancelled; the message says how many bytes had gone.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task up = UpAsync(stop.Token);
        Task down = DownAsync(stop.Token);
        Task alive = AliveAsync(stop.Token);
        Task progress = _showProgress ? ProgressAsync(stop.Token) : Task.CompletedTask;
        try
        {
            // Not waited for after a cancellation: a read of the keyboard, or a write that nobody takes, cannot be called off.
            await BothAsync(up, down).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new ControlException("cancelled", $"The pipe to {Show.ShortId(peer)} was ended by Ctrl-C or a signal after {Gone()}.", e);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ControlException)
        {
            Exception reason = _inputFault ?? e;
            string code = reason is ControlException { Code: { } known } ? known : "no-answer";
            throw new ControlException(code, $"The pipe to {Show.ShortId(peer)} broke off after {Gone()}: {reason.Message}", e);
        }
        finally
        {
            await stop.CancelAsync();
            await alive;
            await progress;
        }

        if (_showProgress)
        {
            terminal.WriteError($"{Line()}\n");
        }
    }

    private static async Task BothAsync(Task up, Task down)
    {
        // Input that cannot be read is a reason; a connection that cannot be written to has its reason in what comes down.
        if (await Task.WhenAny(up, down) == up)
        {
            await up;
        }

        await down;
    }

    private string Gone() => $"{Interlocked.Read(ref _sent)} bytes sent and {Interlocked.Read(ref _received)} bytes received";

    private async Task UpAsync(CancellationToken stop)
    {
        byte[] buffer = new byte[PipeChunks.HeaderSize + PipeChunks.MaxPayload];
        while (true)
        {
            int read;
            await ForegroundAsync(stop);
            try
            {
                read = await terminal.Input.ReadAsync(buffer.AsMemory(PipeChunks.HeaderSize), stop);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException && _keyboard != Unasked)
            {
                // Known before the node hears of it: it then closes the connection, which is no reason.
                _inputFault = new ControlException(PipeClientCode.InputFailed, $"standard input cannot be read: {e.Message}", e);
                await TryToAbortAsync(PipeClientCode.InputFailed);
                throw _inputFault;
            }

            if (terminal.InputIsTerminal && Interlocked.CompareExchange(ref _keyboard, Used, Silent) == Unasked)
            {
                // Too late: this direction was ended with the other.
                return;
            }

            try
            {
                if (read == 0)
                {
                    _ended = true;
                    await node.WriteAsync(PipeChunk.End, stop);
                    return;
                }

                await node.WriteDataAsync(buffer.AsMemory(0, PipeChunks.HeaderSize + read), stop);
                Interlocked.Add(ref _sent, read);
            }
            catch (IOException)
            {
                // The node has said why, or is gone: what comes down tells.
                return;
            }
        }
    }

    // A job in the background may be brought back and typed into; until then it only receives.
    private async Task ForegroundAsync(CancellationToken stop)
    {
        if (!terminal.InputIsTerminal || terminal.InputIsInForeground())
        {
            return;
        }

        using PeriodicTimer timer = new(LookEvery, terminal.Time);
        while (await timer.WaitForNextTickAsync(stop) && !terminal.InputIsInForeground())
        {
        }
    }

    private async Task DownAsync(CancellationToken stop)
    {
        while (true)
        {
            (PipeChunk kind, ReadOnlyMemory<byte> payload) = await node.ReadAsync(stop)
                ?? throw new ControlException("no-answer", "the node closed its control socket. Has it been stopped?");
            switch (kind)
            {
                case PipeChunk.Data when !_gotEnd:
                    await WriteAsync(payload, stop);
                    Interlocked.Add(ref _received, payload.Length);
                    break;
                case PipeChunk.End when !_gotEnd:
                    _gotEnd = true;

                    // Whoever reads our output sees its end now, although our input may go on.
                    await terminal.Output.DisposeAsync();
                    await EndWithTheOtherSideAsync(stop);
                    break;
                case PipeChunk.Status:
                    Finish(PipeChunks.ParseStatus(payload));
                    return;
                default:
                    throw new InvalidDataException("the node sent bytes after the end.");
            }
        }
    }

    private async Task EndWithTheOtherSideAsync(CancellationToken stop)
    {
        if (!terminal.InputIsTerminal || _ended)
        {
            return;
        }

        // Whoever has a terminal on both sides and has seen nothing come may have opened this to write.
        bool mayWantToWrite = terminal.OutputIsTerminal && Interlocked.Read(ref _received) == 0;
        if (!mayWantToWrite && Interlocked.CompareExchange(ref _keyboard, Unasked, Silent) == Silent)
        {
            _ended = true;
            try
            {
                await node.WriteAsync(PipeChunk.End, stop);
            }
            catch (IOException)
            {
                // The node has said why, or is gone: what comes down tells.
            }
        }
        else if (!quiet)
        {
            if (_showProgress)
            {
                terminal.WriteError(ClearLine);
            }

            terminal.Complain("the other side has ended; Ctrl-D ends yours");
        }
    }

    private void Finish(PipeStatus status)
    {
        if (!status.Ok)
        {
            throw new ControlException(status.Code ?? "error", status.Message ?? "the node does not say why.");
        }

        // Never believed without both ends, and without every byte.
        if (!_ended || !_gotEnd || status.Sent != _sent || status.Received != _received)
        {
            throw new InvalidDataException("the node calls it complete, but not all bytes have passed.");
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> data, CancellationToken stop)
    {
        try
        {
            await terminal.Output.WriteAsync(data, stop);
        }
        catch (IOException e)
        {
            await TryToAbortAsync(PipeClientCode.ReaderGone);
            throw new ControlException(PipeClientCode.ReaderGone, $"standard output cannot be written: {e.Message}", e);
        }
    }

    // A courtesy: leaving aborts it too, only without this reason.
    private async Task TryToAbortAsync(string code)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(1), terminal.Time);
        try
        {
            await node.WriteStatusAsync(new PipeStatus { Ok = false, Code = code }, deadline.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The node is gone, or does not read: it will see that we left.
        }
    }

    private async Task AliveAsync(CancellationToken stop)
    {
        try
        {
            using PeriodicTimer timer = new(PipeChunks.AliveEvery, terminal.Time);
            while (await timer.WaitForNextTickAsync(stop))
            {
                await node.WriteAsync(PipeChunk.Alive, stop);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The end, of us or of the node.
        }
    }

    private async Task ProgressAsync(CancellationToken stop)
    {
        try
        {
            using PeriodicTimer timer = new(LookEvery, terminal.Time);
            while (await timer.WaitForNextTickAsync(stop))
            {
                terminal.WriteError(Line());
            }
        }
        catch (OperationCanceledException)
        {
            // The line is left to whoever writes next: the sum, or the error below it.
            terminal.WriteError(ClearLine);
        }
    }

    private const string ClearLine = "\r\x1b[K";

    private string Line()
    {
        TimeSpan taken = terminal.Time.GetElapsedTime(_started);
        (long sent, long received) = (Interlocked.Read(ref _sent), Interlocked.Read(ref _received));
        string rate = $"{Show.Bytes((long)((sent + received) / Math.Max(0.001, taken.TotalSeconds)))}/s";

        // At most 80 characters: a line that wraps cannot be overwritten.
        return $"{ClearLine}sent {Show.Bytes(sent)}  received {Show.Bytes(received)}  {Show.Span(taken)}  {(_ended && !_gotEnd ? "the other side goes on" : rate)}";
    }
}
