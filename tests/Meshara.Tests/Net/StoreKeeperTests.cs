using Meshara.Net;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class StoreKeeperTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    private readonly ManualTimeProvider _clock = new();
    private readonly ListLogger _log = new();
    private readonly FakeStore _store = new();

    [Fact]
    public async Task Changed_ManyTimesInASecond_OneWriteOfEachPeer()
    {
        StoreKeeper keeper = Keeper();
        keeper.Changed(Id(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 1);
        for (int i = 0; i < 100; i++)
        {
            keeper.Changed(Id(1));
            keeper.Changed(Id(2));
        }

        // Nothing happens before the second is over.
        await Eventually.TrueAsync(() => _clock.PendingTimers == 1);
        Assert.Single(_store.Saves);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 2);
        Assert.Equal([Id(1), Id(2)], _store.Saves[1].Upserted.Select(r => r.Id).Order());
        await keeper.StopAsync(Guard);
        Assert.Equal(2, _store.Saves.Count);
    }

    [Fact]
    public async Task Changed_DuringAWrite_WaitsForItsSecondToo()
    {
        StoreKeeper? keeper = null;
        _store.OnSave = changes =>
        {
            if (_store.Saves.Count == 1)
            {
                keeper!.Changed(Id(2));
            }

            return Task.CompletedTask;
        };
        keeper = Keeper();
        keeper.Changed(Id(1));

        await Eventually.TrueAsync(() => _clock.PendingTimers == 1);
        Assert.Single(_store.Saves);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 2);
        await keeper.StopAsync(Guard);
    }

    [Fact]
    public async Task Stop_ChangesWait_TheyAreWrittenFirst()
    {
        StoreKeeper keeper = Keeper();
        keeper.Changed(Id(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 1);
        keeper.Changed(Id(2));
        keeper.AnchorsChanged([new PeerAddress("h", 1, Id(2))]);

        await keeper.StopAsync(Guard);

        Assert.Equal([Id(2)], _store.Saves[^1].Upserted.Select(r => r.Id));
        Assert.Equal([Id(2)], _store.Saves[^1].Anchors!.Select(a => a.Id!.Value));
    }

    [Fact]
    public async Task Stop_TheStoreHangs_GivesUpInTimeAndSaysSo()
    {
        TaskCompletionSource hang = new();
        _store.OnSave = _ => hang.Task;
        StoreKeeper keeper = Keeper();
        keeper.Changed(Id(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 1);

        Task stopped = keeper.StopAsync(TimeSpan.FromSeconds(2));
        await Eventually.TrueAsync(() => _clock.PendingTimers > 0);
        _clock.Advance(TimeSpan.FromSeconds(2));
        await stopped.WaitAsync(Guard);

        Assert.Contains(4902, _log.Ids);
        hang.SetResult();
    }

    [Fact]
    public async Task Save_Fails_OneWarningAndTriedAgainAfterAMinuteWithNothingLost()
    {
        bool broken = true;
        _store.OnSave = _ => broken ? throw new IOException("disk full") : Task.CompletedTask;
        StoreKeeper keeper = Keeper(newKey: new byte[PeerStoreContent.TableKeySize]);
        keeper.Changed(Id(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 1);
        keeper.Changed(Id(2));
        await Eventually.TrueAsync(() => _clock.PendingTimers == 1);
        _clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 2 && _clock.PendingTimers == 1);
        Assert.Equal(1, _log.Ids.Count(id => id == 4900));
        broken = false;
        _clock.Advance(TimeSpan.FromMinutes(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 3);

        Assert.Equal([Id(1), Id(2)], _store.Saves[2].Upserted.Select(r => r.Id).Order());
        Assert.NotNull(_store.Saves[2].TableKey);
        await keeper.StopAsync(Guard);
    }

    [Fact]
    public async Task Save_NothingIsKnownOfAPeer_ItIsForgottenInTheStore()
    {
        StoreKeeper keeper = new(_store, null, _clock, _log, _ => Task.FromResult<IReadOnlyList<PeerRecord>>([]));
        keeper.Changed(Id(1));
        await Eventually.TrueAsync(() => _store.Saves.Count == 1);

        Assert.Equal([Id(1)], _store.Saves[0].Removed);
        await keeper.StopAsync(Guard);
    }

    [Fact]
    public async Task Load_TheStoreHangs_TheStartGoesOnWithoutAfterFiveSeconds()
    {
        _store.OnLoad = async ct =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, _clock, ct);
            return new PeerStoreContent();
        };
        Task<PeerStoreContent?> load = StoreKeeper.LoadAsync(_store, _clock, _log, CancellationToken.None);
        await Eventually.TrueAsync(() => _clock.PendingTimers > 0);
        Assert.False(load.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Null(await load.WaitAsync(Guard));
        Assert.Contains(4901, _log.Ids);
    }

    [Fact]
    public async Task Load_AnyFault_OneWarning_ANewerStoreIsAnError()
    {
        _store.OnLoad = _ => throw new IOException("no such disk");
        Assert.Null(await StoreKeeper.LoadAsync(_store, _clock, _log, CancellationToken.None));
        Assert.Equal([4900], _log.Ids);

        _store.OnLoad = _ => throw new MesharaException(MesharaErrorCode.PeerStore, "newer");
        Assert.Equal(MesharaErrorCode.PeerStore, (await Assert.ThrowsAsync<MesharaException>(() => StoreKeeper.LoadAsync(_store, _clock, _log, CancellationToken.None))).Code);
    }

    private static NodeId Id(byte number) => Core.Ids.Of(number);

    private StoreKeeper Keeper(byte[]? newKey = null)
    {
        ReadOnlyMemory<byte>? key = newKey is null ? null : newKey;
        return new StoreKeeper(_store, key, _clock, _log, ids => Task.FromResult<IReadOnlyList<PeerRecord>>(
            [.. ids.Select(id => new PeerRecord { Id = id, FirstSeen = DateTimeOffset.UnixEpoch, LastSeen = DateTimeOffset.UnixEpoch })]));
    }

    private sealed class FakeStore : IPeerStore
    {
        private readonly Lock _sync = new();
        private readonly List<PeerStoreChanges> _saves = [];

        public Func<CancellationToken, Task<PeerStoreContent>> OnLoad { get; set; } = _ => Task.FromResult(new PeerStoreContent());

        public Func<PeerStoreChanges, Task> OnSave { get; set; } = _ => Task.CompletedTask;

        public IReadOnlyList<PeerStoreChanges> Saves
        {
            get
            {
                lock (_sync)
                {
                    return [.. _saves];
                }
            }
        }

        public Task<PeerStoreContent> LoadAsync(CancellationToken cancellationToken = default) => OnLoad(cancellationToken);

        public Task SaveAsync(PeerStoreChanges changes, CancellationToken cancellationToken = default)
        {
            lock (_sync)
            {
                _saves.Add(changes);
            }

            return OnSave(changes);
        }
    }

    private sealed class ListLogger : ILogger
    {
        private readonly Lock _sync = new();
        private readonly List<int> _ids = [];

        public IReadOnlyList<int> Ids
        {
            get
            {
                lock (_sync)
                {
                    return [.. _ids];
                }
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_sync)
            {
                _ids.Add(eventId.Id);
            }
        }
    }
}
