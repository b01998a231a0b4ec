using Xunit;

namespace Meshara.Cli.Tests.Running;

/// <summary>Makes all the changes of <see cref="NetworkChangeTests"/> at the same time, since most of each is waiting.</summary>
public sealed class NetworkChanges : IAsyncLifetime
{
    private static readonly TimeSpan Guard = TimeSpan.FromMinutes(3);

    // All links are up before the first change: two processes that start would disturb what is measured.
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _pending = 5;

    public NetworkChanges()
    {
        ShortCut = WithPairAsync("10.9.1.1/24", "10.9.1.2/24", known: false, async pair =>
        {
            // The link is not silent, so no PING falls into the time without a cable.
            await pair.TimeToMessageAsync();
            await CutAsync(pair, TimeSpan.FromSeconds(10));
            await PlugInAsync(pair);
            return await pair.TimeToMessageAsync();
        });
        LongCut = WithPairAsync("10.9.2.1/24", "10.9.2.2/24", known: false, async pair =>
        {
            await CutAsync(pair, TimeSpan.FromSeconds(45));
            return await pair.TimeToLinkAsync(() => PlugInAsync(pair));
        });
        V6Moves = WithPairAsync("fd00:9:4::1/64", "fd00:9:4::2/64", known: false, pair =>
            pair.TimeToLinkAsync(() => CabledPair.MoveAsync(pair.AliceNetwork, "fd00:9:4::1/64", "fd00:9:4::3/64")));
        Frozen = WithPairAsync("10.9.5.1/24", "10.9.5.2/24", known: true, async pair =>
        {
            await pair.Bob.SignalAsync("STOP");
            await Task.Delay(TimeSpan.FromSeconds(40), TimeProvider.System);
            return await pair.TimeToLinkAsync(() => pair.Bob.SignalAsync("CONT"));
        });
        Task<(TimeSpan Dialer, TimeSpan Dialled)> moves = WithPairAsync("10.9.3.1/24", "10.9.3.2/24", known: true, MoveBothAsync);
        DialerMoves = FirstAsync(moves);
        DialledMoves = SecondAsync(moves);
    }

    public Task<TimeSpan> ShortCut { get; }

    public Task<TimeSpan> LongCut { get; }

    public Task<TimeSpan> DialerMoves { get; }

    public Task<TimeSpan> DialledMoves { get; }

    public Task<TimeSpan> V6Moves { get; }

    public Task<TimeSpan> Frozen { get; }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync() =>
        await ((Task)Task.WhenAll(ShortCut, LongCut, DialerMoves, DialledMoves, V6Moves, Frozen)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    // Alice knows Bob's first address only. When he moves, he dials her, at the address that she has told after she had moved.
    private static async Task<(TimeSpan Dialer, TimeSpan Dialled)> MoveBothAsync(CabledPair pair)
    {
        TimeSpan dialer = await pair.TimeToLinkAsync(() => CabledPair.MoveAsync(pair.AliceNetwork, "10.9.3.1/24", "10.9.3.3/24"));
        string addresses = await pair.AddressesOfAsync("alice");
        Assert.Contains("@10.9.3.3:4040", addresses, StringComparison.Ordinal);
        Assert.DoesNotContain("@10.9.3.1:4040", addresses, StringComparison.Ordinal);

        return (dialer, await pair.TimeToLinkAsync(() => CabledPair.MoveAsync(pair.BobNetwork, "10.9.3.2/24", "10.9.3.4/24")));
    }

    private static async Task CutAsync(CabledPair pair, TimeSpan time)
    {
        await pair.AliceNetwork.IpAsync("link", "set", CabledPair.Cable, "down");
        await Task.Delay(time, TimeProvider.System);
    }

    private static Task<string> PlugInAsync(CabledPair pair) => pair.AliceNetwork.IpAsync("link", "set", CabledPair.Cable, "up");

    private static async Task<TimeSpan> FirstAsync(Task<(TimeSpan First, TimeSpan Second)> both) => (await both).First;

    private static async Task<TimeSpan> SecondAsync(Task<(TimeSpan First, TimeSpan Second)> both) => (await both).Second;

    private async Task<T> WithPairAsync<T>(string alice, string bob, bool known, Func<CabledPair, Task<T>> work)
    {
        CabledPair pair;
        try
        {
            pair = await CabledPair.StartAsync(alice, bob, known);
        }
        finally
        {
            if (Interlocked.Decrement(ref _pending) == 0)
            {
                _ready.SetResult();
            }
        }

        await using (pair)
        {
            await _ready.Task.WaitAsync(Guard);
            return await work(pair).WaitAsync(Guard);
        }
    }
}
