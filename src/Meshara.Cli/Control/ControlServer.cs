using System.Net.Sockets;
using System.Text.Json;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>Listens on the control socket of a running node and answers the commands of its operator.</summary>
/// <remarks>
/// One request a connection. The client keeps the connection open until the last line of the reply: closing it cancels the request.
/// After the answer to a pipe the connection carries <see cref="PipeChunks"/>. Requests that last (<see cref="ControlCommand.Lasts"/>) have
/// places of their own, so that no number of them keeps an ordinary command waiting.
/// Who may connect is decided by the mode of the directory (0700), nothing else.
/// </remarks>
internal sealed class ControlServer : IAsyncDisposable
{
    // A message of 1 MiB in base64 with what belongs to it.
    public const int LongestLine = 2 << 20;

    private const int MostAtOnce = 128;
    private const int MostLasting = 64;
    private const int Backlog = 512;

    private readonly string _dataDirectory;
    private readonly string _path;
    private readonly Socket _listener;
    private readonly Func<ControlRequest, CancellationToken, IAsyncEnumerable<ControlReply>> _execute;
    private readonly Func<ControlRequest, PipeSession, CancellationToken, Task>? _pipe;
    private readonly ControlTimeouts _timeouts;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _slots = new(MostAtOnce);
    private readonly SemaphoreSlim _lasting = new(MostLasting);
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _serving = [];
    private readonly Task _accepting;

    private ControlServer(
        string dataDirectory,
        string path,
        Socket listener,
        Func<ControlRequest, CancellationToken, IAsyncEnumerable<ControlReply>> execute,
        Func<ControlRequest, PipeSession, CancellationToken, Task>? pipe,
        ControlTimeouts timeouts)
    {
        _dataDirectory = dataDirectory;
        _path = path;
        _listener = listener;
        _execute = execute;
        _pipe = pipe;
        _timeouts = timeouts;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public string Path => _path;

    /// <summary>Opens the socket. The caller holds the data directory's lock, so whatever socket is there is a dead one.</summary>
    /// <param name="dataDirectory">Where.</param>
    /// <param name="execute">Executes a request; the last reply has <see cref="ControlReply.Ok"/>.</param>
    /// <param name="timeouts">Deadlines.</param>
    /// <param name="pipe">Carries a pipe; null: there are none.</param>
    /// <exception cref="CliException">The socket cannot be opened.</exception>
    public static ControlServer Start(
        string dataDirectory,
        Func<ControlRequest, CancellationToken, IAsyncEnumerable<ControlReply>> execute,
        ControlTimeouts? timeouts = null,
        Func<ControlRequest, PipeSession, CancellationToken, Task>? pipe = null)
    {
        ControlPath.Forget(dataDirectory);
        string direct = ControlPath.Direct(dataDirectory);
        File.Delete(direct);
        Socket? listener = ControlPath.Fits(direct) ? TryListen(direct, out _) : null;
        if (listener is not null)
        {
            return new ControlServer(dataDirectory, direct, listener, execute, pipe, timeouts ?? new ControlTimeouts());
        }

        // Too long, or a file system that has no sockets (some network and shared folders).
        string path = ControlPath.CreateShort(dataDirectory);
        listener = TryListen(path, out SocketException? fault)
            ?? throw new CliException($"The control socket {path} cannot be opened: {fault?.Message}", fault);
        return new ControlServer(dataDirectory, path, listener, execute, pipe, timeouts ?? new ControlTimeouts());
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Task[] serving;
        lock (_lock)
        {
            serving = [.. _serving];
        }

        await Task.WhenAll(serving);
        ControlPath.Remove(_dataDirectory, _path);
        _slots.Dispose();
        _lasting.Dispose();
        _stop.Dispose();
    }

    private static Socket? TryListen(string path, out SocketException? fault)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
            {
                // The directory protects it already; this is for who copies the directory with wider rights.
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            socket.Listen(Backlog);
            fault = null;
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            fault = e;
            return null;
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _slots.WaitAsync(_stop.Token);
                Socket client = await _listener.AcceptAsync(_stop.Token);
                Track(ServeAsync(client));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                // Out of descriptors, or the client was gone before it was accepted: the next one may fare better.
                _slots.Release();
                await Task.Delay(_timeouts.AfterFault, _timeouts.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Track(Task serving)
    {
        lock (_lock)
        {
            _serving.RemoveWhere(static task => task.IsCompleted);
            _serving.Add(serving);
        }
    }

    // Never throws: a client that misbehaves is closed, and nobody else notices.
    private async Task ServeAsync(Socket socket)
    {
        SemaphoreSlim place = _slots;
        try
        {
            await using NetworkStream stream = new(socket, ownsSocket: true);
            LineChannel lines = new(stream, LongestLine);
            if (await ReadRequestAsync(lines) is not { } line)
            {
                return;
            }

            try
            {
                ControlRequest request = Parse(line);
                if (ControlCommand.Lasts(request.Command))
                {
                    place = await ChangePlaceAsync();
                }

                await (_pipe is not null && request.Command is ControlCommand.Pipe or ControlCommand.PipeAccept
                    ? PipeAsync(_pipe, request, stream, lines)
                    : AnswerAsync(request, stream, lines));
            }
            catch (ControlException e)
            {
                await lines.WriteAsync(Explain(e), _timeouts);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
            // The client is gone, hangs, sends no end of line, or the node stops. Nobody is left to be told.
        }
        finally
        {
            place.Release();
        }
    }

    private async Task<SemaphoreSlim> ChangePlaceAsync()
    {
        if (!await _lasting.WaitAsync(TimeSpan.Zero))
        {
            throw new ControlException("busy", $"{MostLasting} pipes and watches are under way on this node: end one first.");
        }

        _slots.Release();
        return _lasting;
    }

    private async Task<ReadOnlyMemory<byte>?> ReadRequestAsync(LineChannel lines)
    {
        using CancellationTokenSource deadline = new(_timeouts.Request, _timeouts.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _stop.Token);
        return await lines.ReadAsync(either.Token);
    }

    private async Task AnswerAsync(ControlRequest request, NetworkStream stream, LineChannel lines)
    {
        using CancellationTokenSource running = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        Task watching = CancelWhenGoneAsync(stream, running);
        try
        {
            await foreach (ControlReply reply in _execute(request, running.Token).WithCancellation(running.Token))
            {
                await lines.WriteAsync(reply, _timeouts);
            }
        }
        catch (Exception e) when (e is not (IOException or InvalidDataException))
        {
            // Any fault of a command is its answer; the node lives on.
            await lines.WriteAsync(Explain(e), _timeouts);
        }
        finally
        {
            await running.CancelAsync();
            await watching;
        }
    }

    private async Task PipeAsync(Func<ControlRequest, PipeSession, CancellationToken, Task> pipe, ControlRequest request, NetworkStream stream, LineChannel lines)
    {
        using CancellationTokenSource running = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        await using PipeSession session = new(stream, lines, _timeouts, running);
        session.Watch();
        try
        {
            await pipe(request, session, running.Token);
        }
        catch (Exception e) when (!session.HasBegun && e is not (IOException or InvalidDataException))
        {
            await lines.WriteAsync(Explain(e), _timeouts);
        }
    }

    // The client sends nothing after its request, so whatever a read brings means that it is gone.
    private static async Task CancelWhenGoneAsync(NetworkStream stream, CancellationTokenSource running)
    {
        try
        {
            _ = await stream.ReadAtLeastAsync(new byte[1], 1, throwOnEndOfStream: false, running.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Gone as well.
        }

        await running.CancelAsync();
    }

    /// <summary>Reads the one line that a client sends.</summary>
    /// <exception cref="ControlException">It is no request.</exception>
    internal static ControlRequest Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, ControlJson.Default.ControlRequest) ?? throw new JsonException();
        }
        catch (JsonException e)
        {
            throw new ControlException("bad-request", "The control socket takes one JSON object a line, as the meshara command writes it, and this is none.", e);
        }
    }

    private static ControlReply Explain(Exception fault) => fault switch
    {
        MesharaException e => new ControlReply { Ok = false, Code = Kebab.Of(e.Code), Message = e.Message, RetryAfter = e.RetryAfter?.TotalSeconds },
        ControlException e => new ControlReply { Ok = false, Code = e.Code, Message = e.Message, RetryAfter = (e.InnerException as MesharaException)?.RetryAfter?.TotalSeconds },
        OperationCanceledException => new ControlReply { Ok = false, Code = "cancelled", Message = "The node is stopping." },
        _ => new ControlReply { Ok = false, Code = "internal-error", Message = $"{fault.GetType().Name}: {fault.Message}" },
    };
}

/// <summary>Deadlines of the control socket.</summary>
internal sealed record ControlTimeouts
{
    /// <summary>From the connection to the end of the request.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>One line that the client does not take.</summary>
    public TimeSpan Write { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A pipe whose client says nothing, not even that it is alive.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Pause after an accept that failed.</summary>
    public TimeSpan AfterFault { get; init; } = TimeSpan.FromMilliseconds(100);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>The running node said no, or could not be asked; <see cref="Code"/> says which, for programs.</summary>
internal sealed class ControlException(string code, string message, Exception? innerException = null) : CliException(message, innerException)
{
    /// <summary>No node runs on the data directory.</summary>
    public const string NotRunning = "not-running";

    /// <summary>Somebody has the data directory, and does not answer.</summary>
    public const string InUse = "in-use";

    public string Code { get; } = code;
}
