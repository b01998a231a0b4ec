using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

public sealed class TcpTransportTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);
    private readonly TcpTransport _transport = new();

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("localhost", "localhost")]
    [InlineData("localhost", "127.0.0.1")]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "::1")]
    [InlineData("::", "127.0.0.1")]
    [InlineData("::", "localhost")]
    public async Task Connect_ToAListener_BytesFlowBothWays(string listen, string dial)
    {
        SkipWithoutIPv6(listen + dial);
        await using TransportListener listener = await _transport.ListenAsync(listen, 0, CancellationToken.None);
        Assert.InRange(listener.Port, 1, 65535);
        Assert.Equal(listen == "localhost" ? "127.0.0.1" : listen, listener.Host);
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(listener, dial);
        await using (dialer)
        await using (acceptor)
        {
            // An IPv4 caller of a dual-mode listener is shown as IPv4.
            Assert.Equal(dial == "localhost" ? "127.0.0.1" : dial, acceptor.RemoteHost);
            Assert.Equal(((IPEndPoint)SocketOf(dialer).LocalEndPoint!).Port, acceptor.RemotePort);
            Assert.Equal(listener.Port, dialer.RemotePort);
            await EchoAsync(dialer.Stream, acceptor.Stream);
            await EchoAsync(acceptor.Stream, dialer.Stream);
        }
    }

    [Fact]
    public async Task Listen_OnAllOfIPv4_TakesNoIPv6()
    {
        SkipWithoutIPv6("::");
        await using TransportListener listener = await _transport.ListenAsync("0.0.0.0", 0, CancellationToken.None);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _transport.ConnectAsync("::1", listener.Port, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
    }

    [Fact]
    public async Task Connect_SocketOptions_AreSetOnBothEnds()
    {
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(listener, "127.0.0.1");
        await using (dialer)
        await using (acceptor)
        {
            foreach (Socket socket in (Socket[])[SocketOf(dialer), SocketOf(acceptor)])
            {
                Assert.True(socket.NoDelay);
                if (OperatingSystem.IsLinux())
                {
                    byte[] value = new byte[4];
                    try
                    {
                        socket.GetRawSocketOption(6, 25, value);
                    }
                    catch (SocketException)
                    {
                        Assert.Skip("This kernel has no TCP_NOTSENT_LOWAT.");
                    }

                    Assert.Equal(128 << 10, BitConverter.ToInt32(value));
                }
            }
        }
    }

    [Fact]
    public async Task Listen_OnATakenPort_SaysSo()
    {
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(
            async () => await new TcpTransport().ListenAsync("127.0.0.1", listener.Port, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
        Assert.Contains($"127.0.0.1:{listener.Port}", e.Message, StringComparison.Ordinal);
        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.IsType<SocketException>(e.InnerException).SocketErrorCode);
    }

    [Fact]
    public async Task Listen_OnAnAddressThatIsNotOurs_SaysSo()
    {
        // RFC 5737: documentation, nobody's.
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _transport.ListenAsync("192.0.2.1", 0, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ListenFailed, e.Code);
        Assert.False(e.IsTransient);
        Assert.Contains("192.0.2.1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Listen_AfterARestart_BindsBesideConnectionsInTimeWait()
    {
        TransportListener first = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(first, "127.0.0.1");
        byte[] one = new byte[1];

        // The listening side closes first and gracefully, so the TIME_WAIT is on its port.
        SocketOf(acceptor).Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await dialer.Stream.ReadAsync(one).AsTask().WaitAsync(Guard));
        SocketOf(dialer).Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await acceptor.Stream.ReadAsync(one).AsTask().WaitAsync(Guard));
        SocketOf(acceptor).Close();
        SocketOf(dialer).Close();
        await first.DisposeAsync();

        await using TransportListener second = await _transport.ListenAsync("127.0.0.1", first.Port, CancellationToken.None);

        Assert.Equal(first.Port, second.Port);
    }

    [Fact]
    public async Task Connect_NobodyListens_FailsAsTransient()
    {
        using Socket bound = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)bound.LocalEndPoint!).Port;

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _transport.ConnectAsync("127.0.0.1", port, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
        Assert.True(e.IsTransient);
        Assert.Contains($"127.0.0.1:{port}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connect_FirstAddressRefuses_TriesTheNext()
    {
        SkipWithoutIPv6("::1");
        await using TransportListener listener = await _transport.ListenAsync("::1", 0, CancellationToken.None);

        // localhost is 127.0.0.1 first, where nobody listens.
        await using TransportConnection dialer = await _transport.ConnectAsync("localhost", listener.Port, CancellationToken.None);

        Assert.Equal("::1", dialer.RemoteHost);
        Assert.Equal($"[::1]:{listener.Port}", dialer.RemoteAddress);
    }

    [Fact]
    public async Task Connect_NameWhoseIPv6IsRefused_TakesIPv4()
    {
        SkipWithoutIPv6("::1");
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);

        await using TransportConnection dialer = await Naming(TimeProvider.System).ConnectAsync("both.example", listener.Port, CancellationToken.None).AsTask().WaitAsync(Guard);

        Assert.Equal("127.0.0.1", dialer.RemoteHost);
    }

    [Fact]
    public async Task Connect_NameWhoseIPv6IsABlackHole_TakesIPv4After250Ms()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere a full backlog refuses instead of keeping silent.");
        SkipWithoutIPv6("::1");

        // Whoever knocks here gets no answer: the backlog is full, and Linux drops what comes.
        using Socket hole = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        hole.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        hole.Listen(0);
        int port = ((IPEndPoint)hole.LocalEndPoint!).Port;
        using CancellationTokenSource stop = new();
        Socket[] fillers = [.. Enumerable.Range(0, 8).Select(_ => new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp))];
        Task[] filling = [.. fillers.Select(s => s.ConnectAsync(hole.LocalEndPoint!, stop.Token).AsTask())];
        await filling[0].WaitAsync(Guard);
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", port, CancellationToken.None);
        ManualTimeProvider clock = new();

        Task<TransportConnection> connecting = Naming(clock).ConnectAsync("both.example", port, CancellationToken.None).AsTask();
        await Eventually.TrueAsync(() => clock.PendingTimers == 1);
        clock.Advance(TimeSpan.FromMilliseconds(249));
        Assert.False(connecting.IsCompleted);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await using TransportConnection dialer = await connecting.WaitAsync(Guard);

        Assert.Equal("127.0.0.1", dialer.RemoteHost);
        Assert.Equal(0, clock.PendingTimers);
        await stop.CancelAsync();
        foreach (Socket filler in fillers)
        {
            filler.Dispose();
        }

        await Task.WhenAll(filling).WaitAsync(Guard).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Theory]
    [InlineData("fe80::1", "[fe80::1%")]
    [InlineData("fe80::1%nothing0", "'nothing0'")]
    [InlineData("fe80::1%99999", "'99999'")]
    [InlineData("fe80::1%99999999999999999999", "'99999999999999999999'")]
    [InlineData("fe80::1%a:b", "'a:b'")]
    public async Task Connect_LinkLocalWithoutAnInterfaceOfOurs_SaysWhatToDo(string host, string expected)
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _transport.ConnectAsync(host, 4040, CancellationToken.None));
        MesharaException listening = await Assert.ThrowsAsync<MesharaException>(async () => await _transport.ListenAsync(host, 4040, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
        Assert.Equal(MesharaErrorCode.ListenFailed, listening.Code);
        Assert.All((string[])[e.Message, listening.Message], m => Assert.Contains(expected, m, StringComparison.Ordinal));
        Assert.All((string[])[e.Message, listening.Message], m => Assert.Contains("It has: ", m, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Connect_NameThatCannotBe_IsNotResolved()
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(
            async () => await _transport.ConnectAsync(new string('a', 300), 4040, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.NameNotResolved, e.Code);
        Assert.True(e.Message.Length < 250);
    }

    [Theory]
    [InlineData(SocketError.HostNotFound, false)]
    [InlineData(SocketError.NoData, false)]
    [InlineData(SocketError.TryAgain, true)]
    public void NameNotResolved_OnlyASilentNameServer_IsTransient(SocketError error, bool transient)
    {
        MesharaException e = TcpErrors.NameNotResolved("host\u001b[31m", new SocketException((int)error));

        Assert.Equal(transient, e.IsTransient);
        Assert.DoesNotContain("\u001b", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task Connect_ToAWildcard_SaysWhatItIs(string host)
    {
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(async () => await _transport.ConnectAsync(host, 4040, CancellationToken.None));

        Assert.Equal(MesharaErrorCode.ConnectFailed, e.Code);
        Assert.False(e.IsTransient);
    }

    [Fact]
    public async Task Connect_AlreadyCancelled_Throws() =>
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _transport.ConnectAsync("127.0.0.1", 1, new CancellationToken(true)));

    [Fact]
    public async Task Dispose_ResetsTheConnection()
    {
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(listener, "127.0.0.1");
        await using TransportConnection other = acceptor;

        await dialer.DisposeAsync();

        IOException e = await Assert.ThrowsAsync<IOException>(() => acceptor.Stream.ReadAsync(new byte[1]).AsTask().WaitAsync(Guard));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(e.InnerException).SocketErrorCode);
    }

    [Fact]
    public async Task Dispose_EndsItsOwnRead()
    {
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(listener, "127.0.0.1");
        await using TransportConnection other = acceptor;
        Task<int> reading = dialer.Stream.ReadAsync(new byte[1]).AsTask();

        await dialer.DisposeAsync();

        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => reading.WaitAsync(Guard));
        Assert.True(e is IOException or ObjectDisposedException, e.ToString());
    }

    [Fact]
    public async Task Dispose_WhileThePeerDoesNotRead_EndsAtOnce()
    {
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(listener, "127.0.0.1");
        await using TransportConnection other = acceptor;
        byte[] block = new byte[1 << 20];
        Task stuck = FillAsync();

        async Task FillAsync()
        {
            while (true)
            {
                await dialer.Stream.WriteAsync(block);
            }
        }

        await dialer.DisposeAsync().AsTask().WaitAsync(Guard);

        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => stuck.WaitAsync(Guard));
        Assert.True(e is IOException or ObjectDisposedException, e.ToString());
    }

    [Fact]
    public async Task Accept_DisposedMeanwhile_GivesNull()
    {
        TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        Task<TransportConnection?> waiting = listener.AcceptAsync(CancellationToken.None).AsTask();

        await listener.DisposeAsync();

        Assert.Null(await waiting.WaitAsync(Guard));
        Assert.Null(await listener.AcceptAsync(CancellationToken.None));
        await listener.DisposeAsync();
    }

    [Fact]
    public async Task Accept_Cancelled_ThrowsAndTheListenerLives()
    {
        await using TransportListener listener = await _transport.ListenAsync("127.0.0.1", 0, CancellationToken.None);
        using CancellationTokenSource cancel = new();
        Task<TransportConnection?> waiting = listener.AcceptAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(Guard));
        (TransportConnection dialer, TransportConnection acceptor) = await PairAsync(listener, "127.0.0.1");
        await dialer.DisposeAsync();
        await acceptor.DisposeAsync();
    }

    [Fact]
    public async Task Accept_OutOfDescriptors_PausesOnItsClockAndGoesOn()
    {
        ManualTimeProvider clock = new();
        using Socket socket = Listening();
        int calls = 0;
        await using TcpTransportListener listener = new(socket, clock, async token => ++calls switch
        {
            <= 12 => throw new SocketException((int)SocketError.TooManyOpenSockets),
            13 => throw new SocketException((int)SocketError.ConnectionAborted),
            _ => await socket.AcceptAsync(token),
        });
        Task<TransportConnection?> waiting = listener.AcceptAsync(CancellationToken.None).AsTask();
        TimeSpan total = TimeSpan.Zero;
        for (int failure = 1; failure <= 12; failure++)
        {
            await Eventually.TrueAsync(() => clock.PendingTimers > 0);
            Assert.Equal(failure, calls);
            TimeSpan pause = TimeSpan.FromMilliseconds(Math.Min(1000, 10 << (failure - 1)));
            clock.Advance(pause - TimeSpan.FromMilliseconds(1));
            Assert.Equal(failure, calls);
            Assert.Equal(1, clock.PendingTimers);
            clock.Advance(TimeSpan.FromMilliseconds(1));
            total += pause;
        }

        await using TransportConnection dialer = await _transport.ConnectAsync("127.0.0.1", listener.Port, CancellationToken.None);
        await using TransportConnection? acceptor = await waiting.WaitAsync(Guard);

        Assert.NotNull(acceptor);
        Assert.Equal(14, calls);
        Assert.Equal(total, clock.Now);
    }

    [Fact]
    public async Task Accept_DisposedDuringThePause_GivesNullAndLeavesNoTimer()
    {
        ManualTimeProvider clock = new();
        TcpTransportListener listener = new(Listening(), clock, static _ => throw new SocketException((int)SocketError.TooManyOpenSockets));
        Task<TransportConnection?> waiting = listener.AcceptAsync(CancellationToken.None).AsTask();
        await Eventually.TrueAsync(() => clock.PendingTimers > 0);

        await listener.DisposeAsync();

        Assert.Null(await waiting.WaitAsync(Guard));
        Assert.Equal(0, clock.PendingTimers);
    }

    [Fact]
    public async Task Accept_AConnectionThatIsGoneAlready_IsPassedOverWithoutAPause()
    {
        using Socket socket = Listening();
        using Socket gone = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        int calls = 0;

        // An unconnected socket fails as one does that was reset before it was accepted. The clock stands still.
        await using TcpTransportListener listener = new(socket, new ManualTimeProvider(), async token => ++calls == 1 ? gone : await socket.AcceptAsync(token));
        await using TransportConnection dialer = await _transport.ConnectAsync("127.0.0.1", listener.Port, CancellationToken.None);

        await using TransportConnection? acceptor = await listener.AcceptAsync(CancellationToken.None).AsTask().WaitAsync(Guard);

        Assert.Equal(((IPEndPoint)SocketOf(dialer).LocalEndPoint!).Port, acceptor?.RemotePort);
        Assert.Equal(2, calls);
        Assert.Throws<ObjectDisposedException>(() => gone.Available);
    }

    // A name of this machine with an address of each family.
    private static TcpTransport Naming(TimeProvider clock) => new(
        clock, static (_, family) => Task.FromResult<IPAddress[]>([family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Loopback : IPAddress.Loopback]));

    private static Socket Listening()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen(8);
        return socket;
    }

    private async Task<(TransportConnection Dialer, TransportConnection Acceptor)> PairAsync(TransportListener listener, string dial)
    {
        Task<TransportConnection?> accepting = listener.AcceptAsync(CancellationToken.None).AsTask();
        TransportConnection dialer = await _transport.ConnectAsync(dial, listener.Port, CancellationToken.None).AsTask().WaitAsync(Guard);
        TransportConnection? acceptor = await accepting.WaitAsync(Guard);
        return (dialer, acceptor ?? throw new InvalidOperationException("The listener is gone."));
    }

    private static async Task EchoAsync(Stream from, Stream to)
    {
        byte[] buffer = new byte[5];
        await from.WriteAsync("hello"u8.ToArray());
        await to.ReadExactlyAsync(buffer).AsTask().WaitAsync(Guard);
        Assert.Equal("hello"u8.ToArray(), buffer);
    }

    private static Socket SocketOf(TransportConnection connection) => Assert.IsAssignableFrom<NetworkStream>(connection.Stream).Socket;

    private static void SkipWithoutIPv6(string addresses)
    {
        if (!addresses.Contains(':', StringComparison.Ordinal))
        {
            return;
        }

        try
        {
            using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
        }
        catch (SocketException)
        {
            Assert.Skip("This machine has no IPv6 loopback.");
        }
    }
}
