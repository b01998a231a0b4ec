using System.Collections.Concurrent;
using System.Net;
using Meshara.Discovery;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Discovery;

/// <summary>A list over HTTPS: where it may come from, how large it may be, and what is used when it does not come.</summary>
public sealed class ListSourceTests : IAsyncLifetime
{
    private const string List = "https://lists.example/peers.json";
    private static readonly string A = string.Concat(Enumerable.Repeat("0a", NodeId.Size));

    private readonly TempFolder _folder = new();
    private readonly ManualTimeProvider _clock = new();
    private readonly LoggedLines _log = new();
    private readonly FakeWeb _web = new();
    private readonly ConcurrentQueue<string> _learned = new();
    private readonly List<ListSource> _sources = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_sources.Select(static s => s.DisposeAsync().AsTask()));
        _web.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Fetch_Good_IsLearnedAndFetchedAgainWithinTheHour()
    {
        _web.Serve(List, Peers("x:1"));
        ListSource source = Begin();
        await UntilAsync(() => _learned.Contains("x:1"));
        Assert.Equal((1, null, false), (source.State.Addresses.Count, source.State.Trouble, source.State.IsCopy));

        _web.Serve(List, Peers("x:2"));
        TimeSpan since = _clock.Now;
        await UntilAsync(() => _learned.Contains("x:2"), TimeSpan.FromMinutes(1));
        Assert.InRange(_clock.Now - since, TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(65));
    }

    [Fact]
    public async Task Fetch_Unreachable_CopyIsUsedAndSaidSoOnce()
    {
        _web.Serve(List, Peers("x:1"));
        ListSource first = Begin();
        await UntilAsync(() => File.Exists(_folder[ListSource.CopyName(new Uri(List))]));
        await first.DisposeAsync();
        _learned.Clear();
        _web.Remove(List);

        ListSource second = Begin();

        await UntilAsync(() => _learned.Contains("x:1"));
        await UntilAsync(() => _log.Of(6151).Length > 0);
        Assert.True(second.State.IsCopy);
        Assert.Contains("No route", second.State.Trouble, StringComparison.Ordinal);
        Assert.Contains("The copy of", _log.Of(6151)[0], StringComparison.Ordinal);
        Assert.Contains("with 1 address;", _log.Of(6151)[0], StringComparison.Ordinal);
        Assert.Contains("again in 5 s, then after twice as long each time", _log.Of(6151)[0], StringComparison.Ordinal);
        Assert.Empty(_log.Of(6153));
        int asked = _web.Asked.Count;
        await UntilAsync(() => _web.Asked.Count >= asked + 3);
        Assert.Single(_log.Of(6151));

        _web.Serve(List, Peers("x:2"));
        await UntilAsync(() => _learned.Contains("x:2"), TimeSpan.FromMinutes(1));
        Assert.Equal((false, null), (second.State.IsCopy, second.State.Trouble));
        await Eventually.TrueAsync(() => _log.Of(6153).Length == 1);
    }

    [Fact]
    public async Task Fetch_UnreachableWithoutACopy_IsRetriedMoreAndMoreSlowly()
    {
        Begin();
        List<TimeSpan> at = [];
        await UntilAsync(
            () =>
            {
                if (_web.Asked.Count > at.Count)
                {
                    at.Add(_clock.Now);
                }

                return at.Count == 5;
            },
            TimeSpan.FromSeconds(0.5));
        Assert.Contains("There is no copy of it", Assert.Single(_log.Of(6151)), StringComparison.Ordinal);

        // 5 s · 2ⁿ at most, half of it at least.
        for (int i = 1; i < at.Count; i++)
        {
            double most = 5 * Math.Pow(2, i - 1);
            Assert.InRange((at[i] - at[i - 1]).TotalSeconds, (most / 2) - 1, most + 60);
        }
    }

    [Fact]
    public async Task Fetch_Broken_NamesThePlaceAndTheLastOneStays()
    {
        _web.Serve(List, Peers("x:1"));
        ListSource source = Begin();
        await UntilAsync(() => _learned.Contains("x:1") && File.Exists(_folder[ListSource.CopyName(new Uri(List))]));
        byte[] copy = await CopyAsync();

        _web.Serve(List, "{ \"static_peers\": [\n 1 ] }");
        await UntilAsync(() => source.State.Trouble is not null, TimeSpan.FromMinutes(1));

        Assert.Contains("line 2, column 2", source.State.Trouble, StringComparison.Ordinal);
        Assert.Single(source.State.Addresses);
        Assert.Equal(copy, await CopyAsync());
    }

    [Fact]
    public async Task T4_OverTheLimit_IsCutOffAndRefused()
    {
        EndlessStream body = new();
        _web.Stream(List, body);
        ListSource source = Begin();

        await UntilAsync(() => source.State.Trouble is not null);

        Assert.Contains("more than 1048576 bytes", source.State.Trouble, StringComparison.Ordinal);
        Assert.InRange(body.Given, StaticPeersText.MaxBytes, 2L * StaticPeersText.MaxBytes);
        Assert.Empty(_learned);
    }

    [Fact]
    public async Task Fetch_NoAnswer_EndsAfterTenSeconds()
    {
        _web.Hang(List);
        ListSource source = Begin();
        await UntilAsync(() => source.State.Trouble is not null, TimeSpan.FromSeconds(1));
        Assert.Contains("within 10 s", source.State.Trouble, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://lists.example/peers.json")]
    [InlineData("ftp://lists.example/peers.json")]
    [InlineData("file:///etc/passwd")]
    public async Task Redirect_NotToHttps_IsNotFollowed(string to)
    {
        _web.Redirect(List, to);
        _web.Serve(to, Peers("evil:1"));
        ListSource source = Begin();

        await UntilAsync(() => source.State.Trouble is not null);

        Assert.Contains("not https", source.State.Trouble, StringComparison.Ordinal);
        Assert.DoesNotContain(to, _web.Asked);
        Assert.Empty(_learned);
    }

    [Fact]
    public async Task Redirect_ToHttps_IsFollowedFiveTimes()
    {
        _web.Redirect(List, "/b.json");
        _web.Redirect("https://lists.example/b.json", "https://other.example/c.json");
        _web.Serve("https://other.example/c.json", Peers("x:1"));
        Begin();
        await UntilAsync(() => _learned.Contains("x:1"));

        const string loop = "https://lists.example/loop";
        _web.Redirect(loop, loop);
        ListSource source = Begin(loop);
        await UntilAsync(() => source.State.Trouble is not null);
        Assert.Contains("more than 5 times", source.State.Trouble, StringComparison.Ordinal);
        Assert.Equal(6, _web.Asked.Count(static asked => asked == loop));
    }

    [Fact]
    public async Task Fetch_ErrorStatus_IsNamed()
    {
        _web.Serve(List, HttpStatusCode.NotFound);
        ListSource source = Begin();
        await UntilAsync(() => source.State.Trouble is not null);
        Assert.Contains("404", source.State.Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetch_CopyIsDamaged_IsAsIfThereWereNone()
    {
        await File.WriteAllTextAsync(_folder[ListSource.CopyName(new Uri(List))], "{");
        ListSource source = Begin();
        await UntilAsync(() => _log.Of(6151).Length > 0);
        Assert.Equal((0, false), (source.State.Addresses.Count, source.State.IsCopy));
    }

    private static string Peers(string address) => $"{{ \"static_peers\": [ {{ \"address\": \"{address}\" }} ] }}";

    private Task<byte[]> CopyAsync() => File.ReadAllBytesAsync(_folder[ListSource.CopyName(new Uri(List))]);

    private ListSource Begin(string list = List)
    {
        ListSource source = new(new Uri(list), _folder.Path, _web, _clock, seed: 1, _log, addresses =>
        {
            foreach (PeerAddress address in addresses)
            {
                _learned.Enqueue(address.ToString());
            }

            return Task.CompletedTask;
        });
        _sources.Add(source);
        source.Start();
        return source;
    }

    private async Task UntilAsync(Func<bool> condition, TimeSpan? step = null) => await Eventually.TrueAsync(() =>
    {
        if (condition())
        {
            return true;
        }

        _clock.Advance(step ?? TimeSpan.FromMilliseconds(200));
        return false;
    });

    private sealed class EndlessStream : Stream
    {
        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int length = Math.Min(count, 8192);
            Given += length;
            buffer.AsSpan(offset, length).Fill((byte)' ');
            return length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
