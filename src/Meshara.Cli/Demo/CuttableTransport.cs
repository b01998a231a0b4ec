namespace Meshara.Cli.Demo;

/// <summary>A transport that can die at once, as the kernel lets it when a process is killed: no goodbye leaves it.</summary>
internal sealed class CuttableTransport(ITransport inner) : ITransport
{
    private readonly Lock _lock = new();
    private readonly List<Stream> _streams = [];
    private bool _cut;

    public ValueTask<TransportListener> ListenAsync(string host, int port, CancellationToken cancellationToken) => ListenCoreAsync(host, port, cancellationToken);

    public async ValueTask<TransportConnection> ConnectAsync(string host, int port, CancellationToken cancellationToken) =>
        await HoldAsync(await inner.ConnectAsync(host, port, cancellationToken));

    /// <summary>Ends every connection where it is, and every new one.</summary>
    public async Task CutAsync()
    {
        Stream[] streams;
        lock (_lock)
        {
            _cut = true;
            streams = [.. _streams];
        }

        foreach (Stream stream in streams)
        {
            await stream.DisposeAsync();
        }
    }

    private async ValueTask<TransportListener> ListenCoreAsync(string host, int port, CancellationToken cancellationToken) =>
        new Listener(this, await inner.ListenAsync(host, port, cancellationToken));

    private async ValueTask<TransportConnection> HoldAsync(TransportConnection connection)
    {
        bool cut;
        lock (_lock)
        {
            cut = _cut;
            _streams.Add(connection.Stream);
        }

        if (cut)
        {
            await connection.DisposeAsync();
        }

        return connection;
    }

    private sealed class Listener(CuttableTransport owner, TransportListener inner) : TransportListener
    {
        public override string Host => inner.Host;

        public override int Port => inner.Port;

        public override async ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken) =>
            await inner.AcceptAsync(cancellationToken) is { } connection ? await owner.HoldAsync(connection) : null;

        public override ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
