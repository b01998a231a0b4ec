using Microsoft.Extensions.Logging.Abstractions;

namespace Meshara.Sqlite.Tests;

public sealed class SqlitePeerStoreContractTests : PeerStoreContract, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<SqlitePeerStore> _stores = [];
    private Func<SqlitePeerStore> _open = () => throw new InvalidOperationException("Create comes first.");

    public async ValueTask DisposeAsync()
    {
        foreach (SqlitePeerStore store in _stores)
            await store.DisposeAsync();

        _folder.Dispose();
    }

    protected override IPeerStore Create(TimeProvider time, int maxPeers, int maxBanned)
    {
        StoreSettings settings = new() { MaxPeers = maxPeers, MaxBanned = maxBanned };
        _open = () => new SqlitePeerStore(_folder["peers.db"], NullLogger.Instance, time, settings);
        return Open();
    }

    protected override async ValueTask<IPeerStore> ReopenAsync(IPeerStore store)
    {
        await ((SqlitePeerStore)store).DisposeAsync();
        return Open();
    }

    private SqlitePeerStore Open()
    {
        SqlitePeerStore store = _open();
        _stores.Add(store);
        return store;
    }
}
