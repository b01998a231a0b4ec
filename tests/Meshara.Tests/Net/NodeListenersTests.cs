using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Which sockets a list of addresses comes to; the kernel is the test's.</summary>
public sealed class NodeListenersTests
{
    private readonly List<string> _tried = [];
    private readonly List<FakeListener> _open = [];
    private readonly Dictionary<string, SocketError> _errors = [];

    [Theory]
    [InlineData("0.0.0.0:1", "0.0.0.0:1")]
    [InlineData("[::]:1", "[::]:1+")]
    [InlineData("0.0.0.0:1 [::]:1", "0.0.0.0:1 [::]:1")]
    [InlineData("[::]:1 0.0.0.0:1", "[::]:1 0.0.0.0:1")]
    [InlineData("[::]:1 127.0.0.1:1", "[::]:1 127.0.0.1:1")]
    [InlineData("[::]:1 127.0.0.1:2", "[::]:1+ 127.0.0.1:2")]
    [InlineData("[::]:0 0.0.0.0:0", "[::]:0 0.0.0.0:0")]
    [InlineData("127.0.0.1:0 127.0.0.1:0 [::1]:0", "127.0.0.1:0 127.0.0.1:0 [::1]:0")]
    [InlineData("two:1", "192.0.2.1:1 [2001:db8::1]:1")]
    [InlineData("::", "[::]:4040+")]
    [InlineData("0.0.0.0 [::]", "0.0.0.0:4040 [::]:4040")]
    [InlineData("0.0.0.0:4040 [::]", "0.0.0.0:4040 [::]:4040")]
    [InlineData("two:1 192.0.2.1:1", "192.0.2.1:1 [2001:db8::1]:1")]
    [InlineData("192.0.2.1:1 two:1 [2001:db8::1]:1", "192.0.2.1:1 [2001:db8::1]:1")]
    [InlineData("192.0.2.1:2 two:1", "192.0.2.1:2 192.0.2.1:1 [2001:db8::1]:1")]
    [InlineData("two other", "192.0.2.1:4040 [2001:db8::1]:4040")]
    [InlineData("two 127.0.0.1:7", "192.0.2.1:4040 [2001:db8::1]:4040 127.0.0.1:7")]
    public async Task Open_List_OpensEachAddressOnce(string entries, string expected)
    {
        (IReadOnlyList<TransportListener> listeners, int? port) = await OpenAsync(entries);

        Assert.Equal(expected.Split(' '), listeners.Select(l => l.ToString()));
        Assert.Equal(entries.Split(' ').Any(e => e is "::" or "0.0.0.0" or "two" or "[::]") ? 4040 : null, port);
    }

    [Theory]
    [InlineData("0.0.0.0:1 127.0.0.1:1", "0.0.0.0:1 takes")]
    [InlineData("[::1]:1 [::]:1", "[::]:1 takes")]
    [InlineData("0.0.0.0 127.0.0.1", "0.0.0.0 takes")]
    public async Task Open_WildcardBesideOneOfItsAddresses_SaysSoAndOpensNothing(string entries, string expected)
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => OpenAsync(entries));

        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
        Assert.False(e.IsTransient);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Empty(_tried);
    }

    [Fact]
    public async Task Open_ExplicitPortTaken_IsAnErrorAndClosesTheRest()
    {
        _errors["[::1]:2"] = SocketError.AddressAlreadyInUse;

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => OpenAsync("127.0.0.1:1 [::1]:2"));

        Assert.True(e.IsTransient);
        Assert.Contains("[::1]:2", e.Message, StringComparison.Ordinal);
        Assert.True(Assert.Single(_open).IsDisposed);
    }

    [Fact]
    public async Task Open_NoPort_TakesTheFirstThatIsFreeForAll()
    {
        _errors["0.0.0.0:4040"] = SocketError.AddressAlreadyInUse;
        _errors["[::]:4041"] = SocketError.AddressAlreadyInUse;

        // Windows: a port that it keeps for itself.
        _errors["[::]:4042"] = SocketError.AccessDenied;

        (IReadOnlyList<TransportListener> listeners, int? port) = await OpenAsync("[::] 0.0.0.0 127.0.0.1:7");

        Assert.Equal(["[::]:4043", "0.0.0.0:4043", "127.0.0.1:7"], listeners.Select(l => l.ToString()));
        Assert.Equal(4043, port);
        Assert.Equal(3, _open.Count(l => !l.IsDisposed));
    }

    [Fact]
    public async Task Open_NoPortAndOneRemembered_TriesThatFirstAndThenTheRange()
    {
        _errors["0.0.0.0:4050"] = SocketError.AddressAlreadyInUse;
        _errors["0.0.0.0:4040"] = SocketError.AddressAlreadyInUse;

        Assert.Equal(4041, (await OpenAsync("0.0.0.0", remembered: 4050)).Port);
        Assert.Equal(["0.0.0.0:4050", "0.0.0.0:4040", "0.0.0.0:4041"], _tried);
        Assert.Equal([9, .. Enumerable.Range(4040, 64)], DefaultPorts.InOrder(9));
        Assert.Equal([4103, .. Enumerable.Range(4040, 63)], DefaultPorts.InOrder(4103));
    }

    [Fact]
    public async Task Open_NoPortAndAllTaken_SaysSo()
    {
        _errors["*"] = SocketError.AddressAlreadyInUse;

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => OpenAsync("0.0.0.0 [::]"));

        Assert.Equal(64, _tried.Count);
        Assert.Contains("0.0.0.0 and [::]", e.Message, StringComparison.Ordinal);
        Assert.Contains("4040 to 4103", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_NoPortAndNotOurs_IsAnErrorAtOnce()
    {
        _errors["192.0.2.9:4040"] = SocketError.AddressNotAvailable;

        await Assert.ThrowsAsync<MesharaException>(() => OpenAsync("192.0.2.9"));
        Assert.Single(_tried);
    }

    [Fact]
    public async Task Open_NameWithAnAddressThatIsNotOurs_ListensOnTheOthers()
    {
        _errors["192.0.2.1:1"] = SocketError.AddressNotAvailable;

        Assert.Equal(["[2001:db8::1]:1"], (await OpenAsync("two:1")).Listeners.Select(l => l.ToString()));

        _errors["[2001:db8::1]:1"] = SocketError.AddressFamilyNotSupported;
        await Assert.ThrowsAsync<MesharaException>(() => OpenAsync("two:1"));
    }

    [Fact]
    public async Task Open_TwoNamesOfOneAddress_TheRestOfTheNameNeedNotBeOurs()
    {
        _errors["[2001:db8::1]:1"] = SocketError.AddressNotAvailable;

        Assert.Equal(["192.0.2.1:1"], (await OpenAsync("192.0.2.1:1 two:1")).Listeners.Select(l => l.ToString()));
        Assert.Equal(["192.0.2.1:1"], (await OpenAsync("two:1 192.0.2.1:1")).Listeners.Select(l => l.ToString()));
    }

    [Fact]
    public async Task Open_TwoNamesOfOneAddressThatOneNames_ItMustBeOurs()
    {
        _errors["192.0.2.1:1"] = SocketError.AddressNotAvailable;

        await Assert.ThrowsAsync<MesharaException>(() => OpenAsync("two:1 192.0.2.1:1"));
    }

    [Fact]
    public async Task Open_AnotherTransport_HostsAreTakenAsTheyAre()
    {
        MemoryTransport memory = new();
        await using TransportListener squatter = await memory.ListenAsync("bob", 4040, CancellationToken.None);
        NodeListeners all = new(memory.ListenAsync, null);

        (IReadOnlyList<TransportListener> listeners, int? port) = await all.OpenAsync(
            [new ListenEntry("alice", null), new ListenEntry("bob", null), new ListenEntry("bob", 7)], DefaultPorts.InOrder(null), CancellationToken.None);

        Assert.Equal([("alice", 4041), ("bob", 4041), ("bob", 7)], listeners.Select(l => (l.Host, l.Port)));
        Assert.Equal(4041, port);
    }

    private async Task<(IReadOnlyList<TransportListener> Listeners, int? Port)> OpenAsync(string entries, int? remembered = null)
    {
        NodeListeners all = new((_, _, _) => throw new InvalidOperationException(), new NodeListeners.Tcp(
            (host, _) => ValueTask.FromResult<IPAddress[]>(host is "two" or "other" ? [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::1")] : [IPAddress.Parse(host)]),
            Listen));
        return await all.OpenAsync(
            [.. entries.Split(' ').Select(e => PeerAddressParser.TryParseListen(e, out string? host, out int? port, out string? why) ? new ListenEntry(host, port) : throw new FormatException(why))],
            DefaultPorts.InOrder(remembered),
            CancellationToken.None);
    }

    private FakeListener Listen(IPAddress address, int port, bool takesIPv4)
    {
        string where = PeerAddress.Join(address.ToString(), port);
        _tried.Add(where);
        if (_errors.TryGetValue(where, out SocketError error) || _errors.TryGetValue("*", out error))
        {
            throw TcpErrors.ListenFailed(address.ToString(), port, new SocketException((int)error));
        }

        FakeListener listener = new(where + (takesIPv4 ? "+" : ""));
        _open.Add(listener);
        return listener;
    }

    private sealed class FakeListener(string text) : TransportListener
    {
        public bool IsDisposed { get; private set; }

        public override string Host => text;

        public override int Port => 0;

        public override ValueTask<TransportConnection?> AcceptAsync(CancellationToken cancellationToken) => throw new InvalidOperationException();

        public override ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return ValueTask.CompletedTask;
        }

        public override string ToString() => text;
    }
}
