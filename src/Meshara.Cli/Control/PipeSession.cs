namespace Meshara.Cli.Control;

/// <summary>The node's side of one client's pipe: lines until the answer, chunks from then on.</summary>
/// <param name="stream">The connection.</param>
/// <param name="lines">Its lines.</param>
/// <param name="timeouts">Deadlines.</param>
/// <param name="gone">Cancelled when the client leaves before the answer.</param>
internal sealed class PipeSession(Stream stream, LineChannel lines, ControlTimeouts timeouts, CancellationTokenSource gone) : IAsyncDisposable
{
    private readonly CancellationTokenSource _answered = new();
    private Task _watching = Task.CompletedTask;

    public ControlTimeouts Timeouts => timeouts;

    /// <summary>The answer line is out: what follows are chunks.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Watches whether the client leaves while it has to wait.</summary>
    public void Watch() => _watching = WatchAsync();

    /// <summary>A line before the answer.</summary>
    public Task TellAsync(ControlReply part) => lines.WriteAsync(part, timeouts);

    /// <summary>Answers, and from now on speaks chunks.</summary>
    public async Task<PipeChunks> BeginAsync(ControlReply answer)
    {
        await StopWatchingAsync();
        HasBegun = true;
        await lines.WriteAsync(answer, timeouts);
        return new PipeChunks(stream, ReadOnlyMemory<byte>.Empty);
    }

    public async ValueTask DisposeAsync()
    {
        await StopWatchingAsync();
        _answered.Dispose();
    }

    private async Task StopWatchingAsync()
    {
        await _answered.CancelAsync();
        await _watching;
    }

    // A client says nothing before it is answered: what a read brings means that it is gone.
    private async Task WatchAsync()
    {
        try
        {
            _ = await stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, _answered.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Gone as well.
        }

        await gone.CancelAsync();
    }
}
