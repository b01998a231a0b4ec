using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>The client's side of a pipe: standard input up, standard output down, and progress on standard error.</summary>
internal sealed class PipeClient(Terminal terminal, PipeChunks node, string peer, bool showProgress)
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromMilliseconds(500);

    private readonly long _started = terminal.Time.GetTimestamp();
    private long _sent;
    private long _received;
    private volatile bool _ended;
    private volatile bool _gotEnd;

    /// <summary>Runs until both directions have ended.</summary>
    /// <exception cref="ControlException">It was aborted; the message says how many bytes had gone.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task up = UpAsync(stop.Token);
        Task down = DownAsync(stop.Token);
        Task alive = AliveAsync(stop.Token);
        Task progress = showProgress ? ProgressAsync(stop.Token) : Task.CompletedTask;
        try
        {
            // Input that cannot be read is a reason; a connection that cannot be written to has its reason in what comes down.
            if (await Task.WhenAny(up, down) == up)
            {
                await up;
            }

            await down;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ControlException)
        {
            string code = e is ControlException { Code: { } known } ? known : "no-answer";
            throw new ControlException(
                code, $"The pipe to {Show.ShortId(peer)} broke off after {_sent} bytes sent and {_received} bytes received: {e.Message}", e);
        }
        finally
        {
            await stop.CancelAsync();
            await alive;
            await progress;
        }

        if (showProgress)
        {
            terminal.WriteError($"{Line()}\n");
        }
    }

    private async Task UpAsync(CancellationToken stop)
    {
        byte[] buffer = new byte[PipeChunks.HeaderSize + PipeChunks.MaxPayload];
        while (true)
        {
            int read;
            try
            {
                read = await terminal.Input.ReadAsync(buffer.AsMemory(PipeChunks.HeaderSize), stop);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                await TryToAbortAsync(PipeClientCode.InputFailed);
                throw new ControlException(PipeClientCode.InputFailed, $"standard input cannot be read: {e.Message}", e);
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
                    break;
                case PipeChunk.Status:
                    Finish(PipeChunks.ParseStatus(payload));
                    return;
                default:
                    throw new InvalidDataException("the node sent bytes after the end.");
            }
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
            using PeriodicTimer timer = new(ProgressEvery, terminal.Time);
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
        return $"{ClearLine}sent {Show.Bytes(sent)}  received {Show.Bytes(received)}  {Show.Span(taken)}  {Show.Bytes((long)((sent + received) / Math.Max(0.001, taken.TotalSeconds)))}/s";
    }
}
