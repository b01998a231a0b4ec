namespace Meshara.Tests.Support;

/// <summary>A peer store that loads when the test lets it, or its caller gives up.</summary>
internal sealed class SlowStore : IPeerStore
{
    public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public TaskCompletionSource Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<PeerStoreContent> LoadAsync(CancellationToken cancellationToken = default)
    {
        Asked.TrySetResult();
        await Answer.Task.WaitAsync(cancellationToken);
        return new PeerStoreContent();
    }

    public Task SaveAsync(PeerStoreChanges changes, CancellationToken cancellationToken = default) => Task.CompletedTask;
}
