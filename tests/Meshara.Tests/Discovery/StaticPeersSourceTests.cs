using System.Collections.Concurrent;
using Meshara.Discovery;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Discovery;

/// <summary>A file that people and programs change while it is watched.</summary>
public sealed class StaticPeersSourceTests : IAsyncLifetime
{
    private static readonly string A = string.Concat(Enumerable.Repeat("0a", NodeId.Size));
    private static readonly NodeId IdA = NodeId.Parse(A);
    private static readonly string B = string.Concat(Enumerable.Repeat("0b", NodeId.Size));

    private readonly TempFolder _folder = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly LoggedLines _log = new();
    private readonly ConcurrentQueue<string> _named = new();
    private StaticPeersSource? _source;

    private string Path => _folder["peers.json"];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
        {
            await _source.DisposeAsync();
        }

        _folder.Dispose();
    }

    [Fact]
    public void Load_Broken_ThrowsAndNamesNobody()
    {
        File.WriteAllText(Path, "{");
        Assert.Equal(MesharaErrorCode.StaticPeersFile, Assert.Throws<MesharaException>(() => New().Load()).Code);
        Assert.Empty(_named);
    }

    [Fact]
    public async Task Watch_MissingAtFirst_IsWarnedOfAndReadWhenItComes()
    {
        StaticPeersSource source = Begin();
        Assert.Empty(source.Addresses);
        Assert.Contains(Path, source.State.Trouble, StringComparison.Ordinal);
        Assert.Single(_log.Of(6101));

        Write(Entry(A, "x:1"));

        await UntilAsync(() => _named.Contains($"{A}@x:1"));
        Assert.Null(source.State.Trouble);
        Assert.Single(source.State.Addresses);
    }

    [Fact]
    public async Task Watch_ChangedAddedRemoved_WholeSetIsNamedEachTime()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin();
        Assert.Equal([$"{A}@x:1"], source.Addresses.Select(static a => a.ToString()));

        Write(Entry(A, "x:2"), Entry(B, "y:1"));
        await UntilAsync(() => _named.Contains($"{A}@x:2 {B}@y:1"));

        // As editors do it.
        await File.WriteAllTextAsync(_folder["new"], $"{{ \"static_peers\": [ {Entry(B, "y:1")} ] }}");
        File.Move(_folder["new"], Path, overwrite: true);
        await UntilAsync(() => _named.Last() == $"{B}@y:1");

        Write();
        await UntilAsync(() => _named.Last().Length == 0);
    }

    [Fact]
    public async Task Watch_BrokenOrGone_KeepsThePeersAndSaysSoOnce()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin();

        await File.WriteAllTextAsync(Path, "{ \"static_peers\": [\n }");
        await UntilAsync(() => source.State.Trouble is not null);
        Assert.Contains("line 2, column 2", source.State.Trouble, StringComparison.Ordinal);
        await LookAsync(5);
        Assert.Single(_log.Of(6101));

        File.Delete(Path);
        await UntilAsync(() => _log.Of(6101).Length == 2);
        Assert.Equal([$"{A}@x:1"], source.Addresses.Select(static a => a.ToString()));
        Assert.Empty(_named);

        Assert.Empty(_log.Of(6105));
        Write(Entry(A, "x:1"));
        await UntilAsync(() => source.State.Trouble is null);
        await Eventually.TrueAsync(() => _log.Of(6105).Length == 1);
        Assert.Contains("names 1 address", _log.Of(6105)[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_EmptyForAMoment_IsNotBelieved()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin();

        await File.WriteAllBytesAsync(Path, []);
        await LookForAsync(TimeSpan.FromSeconds(0.7));
        Assert.Null(source.State.Trouble);

        Write(Entry(A, "x:2"));
        await UntilAsync(() => _named.Contains($"{A}@x:2"));
        Assert.Empty(_log.Of(6101));

        await File.WriteAllBytesAsync(Path, []);
        await UntilAsync(() => source.State.Trouble is not null);
        Assert.Contains("it is empty", Assert.Single(_log.Of(6101)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Moved_FileNamesTheOldAddress_IsWrittenAndNamed()
    {
        Write(Entry(A, "10.0.0.1:1"), Entry(B, "y:1"));
        StaticPeersSource source = Begin();

        source.Moved(IdA, Address("10.0.0.1:1"), Address("10.0.0.2:7"));

        await UntilAsync(() => _named.Contains($"{A}@10.0.0.2:7 {B}@y:1"));
        Assert.Contains("10.0.0.2:7", await File.ReadAllTextAsync(Path), StringComparison.Ordinal);
        Assert.Contains("says so now", Assert.Single(_log.Of(6102)), StringComparison.Ordinal);

        // What it wrote itself is no news.
        int named = _named.Count;
        await LookAsync(5);
        Assert.Equal(named, _named.Count);
    }

    [Fact]
    public async Task Moved_EditedMeanwhile_TheEditIsKept()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin();
        await LookAsync(1);

        Write(Entry(B, "y:1"), Entry(A, "x:1"));
        source.Moved(IdA, Address("x:1"), Address("x:2"));

        await UntilAsync(() => _named.Contains($"{B}@y:1 {A}@x:2"));
        Assert.Equal($"{{ \"static_peers\": [ {Entry(B, "y:1")}, {Entry(A, "x:2")} ] }}", await File.ReadAllTextAsync(Path));
    }

    [Fact]
    public async Task Moved_NotToBeWritten_EachMoveIsToldOnceAndTheProvenAddressCounts()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin(update: false);
        string before = await File.ReadAllTextAsync(Path);

        source.Moved(IdA, Address("x:1"), Address("x:2"));
        await UntilAsync(() => _log.Of(6103).Length > 0);
        source.Moved(IdA, Address("x:2"), Address("x:3"));
        await UntilAsync(() => _log.Of(6103).Length > 1);
        await LookAsync(60);
        Assert.Equal(2, _log.Of(6103).Length);
        Assert.Equal(before, await File.ReadAllTextAsync(Path));

        // The operator changes something else: the file's address is still the old one.
        Write(Entry(A, "x:1"), Entry(B, "y:1"));
        await UntilAsync(() => _named.Contains($"{A}@x:3 {B}@y:1"));

        source.Update = true;
        await UntilAsync(() => File.ReadAllText(Path).Contains("x:3", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Moved_FileIsBroken_IsWrittenWhenItIsRightAgain()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin();
        await File.WriteAllTextAsync(Path, "{");
        await UntilAsync(() => source.State.Trouble is not null);

        source.Moved(IdA, Address("x:1"), Address("x:2"));
        await UntilAsync(() => _log.Of(6103).Length > 0);
        Assert.Equal("{", await File.ReadAllTextAsync(Path));

        Write(Entry(A, "x:1"));
        await UntilAsync(() => File.ReadAllText(Path).Contains("x:2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Moved_ThereAndBackBeforeItIsWritten_FileStays()
    {
        Write(Entry(A, "x:1"));
        StaticPeersSource source = Begin(update: false);
        source.Moved(IdA, Address("x:1"), Address("x:2"));
        await UntilAsync(() => _log.Of(6103).Length > 0);

        source.Moved(IdA, Address("x:2"), Address("x:1"));
        source.Update = true;
        await LookAsync(60);

        Assert.Equal($"{{ \"static_peers\": [ {Entry(A, "x:1")} ] }}", await File.ReadAllTextAsync(Path));
    }

    [Fact]
    public void NameOf_PeerWithAName_IsIt()
    {
        File.WriteAllText(Path, $"{{ \"static_peers\": [ {{ \"name\": \"Ann\", \"address\": \"{A}@x:1\" }}, {Entry(B, "y:1")} ] }}");
        StaticPeersSource source = New();
        source.Load();

        Assert.Equal("Ann", source.NameOf(IdA));
        Assert.Null(source.NameOf(NodeId.Parse(B)));
    }

    private static string Entry(string id, string address) => $"{{ \"address\": \"{id}@{address}\" }}";

    private static PeerAddress Address(string text) => PeerAddress.Parse(text) with { Id = IdA };

    private void Write(params string[] entries) => File.WriteAllText(Path, $"{{ \"static_peers\": [ {string.Join(", ", entries)} ] }}");

    private StaticPeersSource New(bool update = true) => _source = new StaticPeersSource(Path, update, _clock, _log, addresses =>
    {
        _named.Enqueue(string.Join(' ', addresses));
        return Task.CompletedTask;
    });

    private StaticPeersSource Begin(bool update = true)
    {
        StaticPeersSource source = New(update);
        source.Load();
        source.Start();
        return source;
    }

    // So many looks.
    private async Task LookAsync(int times)
    {
        for (int i = 0; i < times * 20; i++)
        {
            _clock.Advance(StaticPeersSource.LookEvery / 20);
            await Task.Yield();
        }

        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }

    // The system's watcher wakes the reader at once, and without it the timer does: either way it waits on this clock.
    private async Task LookForAsync(TimeSpan time)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += StaticPeersSource.Settle)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
            _clock.Advance(StaticPeersSource.Settle);
        }

        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }

    private async Task UntilAsync(Func<bool> condition) => await Eventually.TrueAsync(() =>
    {
        _clock.Advance(StaticPeersSource.Settle);
        return condition();
    });
}
