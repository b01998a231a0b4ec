namespace Meshara.Allocations;

/// <summary>Two nodes with a link between them, over TLS.</summary>
internal sealed class NodePair : IAsyncDisposable
{
    private const string Messages = "allocations/messages", Echo = "allocations/echo";
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(60);

    private readonly Node _sender;
    private readonly Node _receiver;
    private readonly byte[] _payload = new byte[64];
    private TaskCompletionSource _handled = new();
    private int _missing;

    private NodePair(Node sender, Node receiver)
    {
        _sender = sender;
        _receiver = receiver;
        receiver.Handle(Messages, (_, _) =>
        {
            if (Interlocked.Decrement(ref _missing) == 0)
            {
                _handled.TrySetResult();
            }

            return ValueTask.CompletedTask;
        });
        receiver.HandleRequest(Echo, static (message, _) => ValueTask.FromResult(message.Payload));
    }

    /// <summary>Starts both and links them.</summary>
    /// <param name="transport">Null: TCP.</param>
    public static async Task<NodePair> StartAsync(ITransport? transport)
    {
        NodeOptions options = new()
        {
            Mesh = "allocations",
            Admission = Admission.Open,
            Listen = [transport is null ? "127.0.0.1:0" : "node:0"],
            Transport = transport,
            Discovery = DiscoveryOptions.Minimal,
            Seed = 1,
        };
        Node sender = await Node.StartAsync(options), receiver = await Node.StartAsync(options);
        await sender.AddPeerAsync(receiver.Addresses[0]).WaitAsync(Guard);
        return new NodePair(sender, receiver);
    }

    /// <summary>Sends messages of 64 B, as many as find room; done when all of them are handled.</summary>
    public async Task SendAsync(int count)
    {
        _handled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _missing, count);
        for (int i = 0; i < count; i++)
        {
            await _sender.SendAsync(_receiver.Id, Messages, _payload);
        }

        await _handled.Task;
    }

    /// <summary>Requests of 64 B with a reply of as much, all at a time.</summary>
    public async Task RequestAsync(int count)
    {
        Task<byte[]>[] replies = new Task<byte[]>[count];
        for (int i = 0; i < count; i++)
        {
            replies[i] = _sender.RequestAsync(_receiver.Id, Echo, _payload).AsTask();
        }

        await Task.WhenAll(replies);
    }

    public async ValueTask DisposeAsync()
    {
        await _sender.DisposeAsync();
        await _receiver.DisposeAsync();
    }
}
