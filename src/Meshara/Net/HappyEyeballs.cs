using System.Net;
using System.Net.Sockets;

namespace Meshara.Net;

/// <summary>Happy Eyeballs (RFC 8305): tries the addresses of a host one after the other, a little apart, and takes the connection that comes first.</summary>
/// <remarks>
/// <para>The IPv6 and the IPv4 addresses are asked for separately (section 3): some name servers swallow one of the questions, and
/// who asks for both at once then waits for seconds. The price: the resolver orders each family (RFC 6724), but which family comes
/// first is decided here, IPv6 (section 4). Where IPv6 leads nowhere that costs nothing if there is no route, or one
/// <see cref="AttemptDelay"/> if there seems to be one.</para>
/// <para>One connect, one object; not for several threads.</para>
/// </remarks>
internal sealed class HappyEyeballs
{
    /// <summary>How long an attempt has before the next one starts beside it: section 5, the recommended value.</summary>
    public static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>How long IPv4 addresses wait for the IPv6 ones: section 3, the recommended value.</summary>
    public static readonly TimeSpan ResolutionDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>Most addresses of one name that are tried; whoever runs its zone could make it as long as he likes.</summary>
    public const int MaxAttempts = 32;

    private readonly string _host;
    private readonly int _port;
    private readonly TimeProvider _timeProvider;
    private readonly Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>> _connect;
    private readonly Queue<IPAddress> _six = [];
    private readonly Queue<IPAddress> _four = [];
    private readonly List<Task<NameAnswer>> _lookUps = [];
    private readonly List<NameAnswer> _answers = [];
    private readonly List<(IPAddress Address, Task<TransportConnection> Task)> _running = [];
    private readonly List<(IPEndPoint Where, SocketException Why)> _failures = [];
    private bool _sixIsNext = true;
    private int _started;
    private Task? _pause;
    private Task? _resolution;

    /// <summary>For one connect.</summary>
    /// <param name="host">For errors.</param>
    /// <param name="port">1 to 65535.</param>
    /// <param name="timeProvider">The clock of both delays.</param>
    /// <param name="connect">Connects to one address, or throws <see cref="SocketException"/>; ends soon when cancelled.</param>
    public HappyEyeballs(string host, int port, TimeProvider timeProvider, Func<IPEndPoint, CancellationToken, ValueTask<TransportConnection>> connect)
    {
        _host = host;
        _port = port;
        _timeProvider = timeProvider;
        _connect = connect;
    }

    /// <summary>Tries known addresses, those of the first one's family and the others in turn.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.ConnectFailed"/>: what each address answered.</exception>
    public ValueTask<TransportConnection> ConnectAsync(IPAddress[] addresses, CancellationToken cancellationToken)
    {
        _sixIsNext = addresses[0].AddressFamily == AddressFamily.InterNetworkV6;
        Add(addresses);
        return RunAsync(cancellationToken);
    }

    /// <summary>Tries the addresses that the look-ups bring, each as soon as it is there.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NameNotResolved"/>, or <see cref="MesharaErrorCode.ConnectFailed"/>: what each address answered.</exception>
    public ValueTask<TransportConnection> ConnectAsync(IEnumerable<Task<NameAnswer>> lookUps, CancellationToken cancellationToken)
    {
        _lookUps.AddRange(lookUps);
        return RunAsync(cancellationToken);
    }

    private async ValueTask<TransportConnection> RunAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        TransportConnection? winner = null;
        try
        {
            while (winner is null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await TakeAnswersAsync().ConfigureAwait(false);
                winner = await TakeEndedAsync().ConfigureAwait(false);
                if (winner is null && !TryStartNext(stop.Token))
                {
                    await WaitAsync(stop.Token).WaitAsync(cancellationToken).ConfigureAwait(false);
                }
            }

            return winner;
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested && _failures.Count > 0)
        {
            // Whoever gave up says so; what some of the addresses answered until then may be the reason.
            throw new OperationCanceledException(e.Message, TcpErrors.ConnectFailed(_host, _port, _failures), cancellationToken);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await DropAllAsync().ConfigureAwait(false);
        }
    }

    private async ValueTask TakeAnswersAsync()
    {
        foreach (Task<NameAnswer> lookUp in _lookUps.FindAll(l => l.IsCompleted))
        {
            _lookUps.Remove(lookUp);
            NameAnswer answer = await lookUp.ConfigureAwait(false);
            _answers.Add(answer);
            Add(answer.Addresses);
        }
    }

    private void Add(IPAddress[] addresses)
    {
        foreach (IPAddress address in addresses)
        {
            (address.AddressFamily == AddressFamily.InterNetworkV6 ? _six : _four).Enqueue(address);
        }
    }

    // The connection of an attempt that succeeded; what failed is noted, and the next may start at once.
    private async ValueTask<TransportConnection?> TakeEndedAsync()
    {
        foreach ((IPAddress Address, Task<TransportConnection> Task) attempt in _running.FindAll(a => a.Task.IsCompleted))
        {
            _running.Remove(attempt);
            try
            {
                return await attempt.Task.ConfigureAwait(false);
            }
            catch (SocketException e)
            {
                _failures.Add((new IPEndPoint(attempt.Address, _port), e));
                _pause = null;
            }
        }

        return null;
    }

    // False: there is something to wait for.
    private bool TryStartNext(CancellationToken stop)
    {
        if (_pause is { IsCompleted: false } || _started == MaxAttempts)
        {
            return ThrowIfNothingIsLeft();
        }

        Queue<IPAddress> next = _sixIsNext && _six.Count > 0 || _four.Count == 0 ? _six : _four;
        if (next.Count == 0)
        {
            return ThrowIfNothingIsLeft();
        }

        // Only before the first attempt; later nothing waits for a slow answer.
        if (_started == 0 && next == _four && _sixIsNext && _lookUps.Count > 0)
        {
            _resolution ??= Task.Delay(ResolutionDelay, _timeProvider, stop);
            if (!_resolution.IsCompleted)
            {
                return false;
            }
        }

        _sixIsNext = next == _four;
        _started++;
        IPAddress address = next.Dequeue();
        _running.Add((address, AttemptAsync(address, stop)));
        _pause = Task.Delay(AttemptDelay, _timeProvider, stop);
        return true;
    }

    private async Task<TransportConnection> AttemptAsync(IPAddress address, CancellationToken stop) =>
        await _connect(new IPEndPoint(address, _port), stop).ConfigureAwait(false);

    private bool ThrowIfNothingIsLeft()
    {
        bool isLeft = _running.Count > 0 || _lookUps.Count > 0 || (_started < MaxAttempts && _six.Count + _four.Count > 0);
        if (!isLeft)
        {
            throw _failures.Count > 0 ? TcpErrors.ConnectFailed(_host, _port, _failures) : TcpNames.NotResolved(_host, _answers);
        }

        return false;
    }

    private Task<Task> WaitAsync(CancellationToken stop)
    {
        List<Task> any = [.. _running.Select(a => a.Task), .. _lookUps];
        foreach (Task? delay in (Task?[])[_pause, _resolution])
        {
            if (delay is { IsCompleted: false })
            {
                any.Add(delay);
            }
        }

        stop.ThrowIfCancellationRequested();
        return Task.WhenAny(any);
    }

    // Losers are told already; each ends soon, and one that connected in the meantime is closed.
    private async ValueTask DropAllAsync()
    {
        foreach ((_, Task<TransportConnection> attempt) in _running)
        {
            await ((Task)attempt).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (attempt.IsCompletedSuccessfully)
            {
                TransportConnection late = await attempt.ConfigureAwait(false);
                await late.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
