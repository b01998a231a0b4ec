namespace Meshara.Tests.Support;

/// <summary>Handlers that hold what they were given until the test lets go or the node stops.</summary>
internal sealed class Held
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _started;

    /// <summary>How many are or were at work.</summary>
    public int Started => Volatile.Read(ref _started);

    public void Release() => _release.TrySetResult();

    public IDisposable Messages(LinkSide side, string protocol) => side.Handlers.AddMessages(protocol, async (_, stop) => await HoldAsync(stop));

    public IDisposable Requests(LinkSide side, string protocol) => side.Handlers.AddRequests(protocol, async (message, stop) =>
    {
        await HoldAsync(stop);
        return message.Payload;
    });

    public IDisposable Streams(LinkSide side, string protocol) => side.Handlers.AddStreams(protocol, async (_, stop) => await HoldAsync(stop));

    private async Task HoldAsync(CancellationToken stop)
    {
        Interlocked.Increment(ref _started);
        await _release.Task.WaitAsync(stop);
    }
}
