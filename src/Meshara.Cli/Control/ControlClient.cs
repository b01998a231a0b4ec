using System.Net.Sockets;
using System.Text.Json;
using Meshara.Cli.Rendering;
using Meshara.Storage;

namespace Meshara.Cli.Control;

/// <summary>Asks the node that runs on a data directory.</summary>
internal static class ControlClient
{
    /// <summary>How long each line of a reply may take. Longer than the node's own deadlines, so that its reason is heard.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a node that has its data directory is waited for.</summary>
    public static TimeSpan StartsWithin { get; } = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>Sends a request and returns the last line of its reply.</summary>
    /// <param name="dataDirectory">Whose node.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="part">Gets each line before the last.</param>
    /// <param name="time">The clock of the deadline.</param>
    /// <param name="cancellationToken">Gives up; the node then cancels what it does for this request.</param>
    /// <param name="patience">Other than <see cref="Patience"/>.</param>
    /// <exception cref="ControlException">No node runs there, it does not answer, or it answers that it could not.</exception>
    public static async Task<ControlReply> CallAsync(
        string dataDirectory, ControlRequest request, Action<ControlReply>? part, TimeProvider time, CancellationToken cancellationToken, TimeSpan? patience = null)
    {
        using Socket socket = await ConnectAsync(dataDirectory, time, cancellationToken);
        await using NetworkStream stream = new(socket, ownsSocket: false);
        return await AskAsync(new LineChannel(stream, ControlServer.LongestLine), dataDirectory, request, part, time, patience ?? Patience, cancellationToken);
    }

    /// <summary>Sends a request whose answer is followed by chunks; waits for the answer as long as it takes.</summary>
    /// <param name="dataDirectory">Whose node.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="part">Gets each line before the answer.</param>
    /// <param name="use">Gets the answer and the chunks.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ControlException">As for <see cref="CallAsync"/>.</exception>
    public static async Task PipeAsync(
        string dataDirectory, ControlRequest request, Action<ControlReply> part, Func<ControlReply, PipeChunks, Task> use, TimeProvider time, CancellationToken cancellationToken)
    {
        using Socket socket = await ConnectAsync(dataDirectory, time, cancellationToken);
        await using NetworkStream stream = new(socket, ownsSocket: false);
        LineChannel lines = new(stream, ControlServer.LongestLine);
        ControlReply answer = await AskAsync(lines, dataDirectory, request, part, time, Timeout.InfiniteTimeSpan, cancellationToken);
        await use(answer, new PipeChunks(stream, lines.TakeRest()));
    }

    private static async Task<ControlReply> AskAsync(
        LineChannel lines, string dataDirectory, ControlRequest request, Action<ControlReply>? part, TimeProvider time, TimeSpan patience, CancellationToken cancellationToken)
    {
        ControlReply? reply = await ReadAsync(request);
        while (reply.Ok is null)
        {
            part?.Invoke(reply);
            reply = await ReadAsync(null);
        }

        return reply.Ok == true ? reply : throw Failure(reply);

        async Task<ControlReply> ReadAsync(ControlRequest? ask)
        {
            try
            {
                if (ask is not null)
                {
                    await lines.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(ask, ControlJson.Default.ControlRequest), cancellationToken);
                }

                return await ControlClient.ReadAsync(lines, time, patience, cancellationToken)
                    ?? throw new ControlException("no-answer", "The node closed its control socket before it had answered. Has it been stopped?");
            }
            catch (JsonException e)
            {
                throw new ControlException("no-answer", $"What answers at {dataDirectory} is no node that this version of the command understands. Start the node anew with this one.", e);
            }
            catch (Exception e) when (e is IOException or InvalidDataException)
            {
                throw new ControlException("no-answer", $"The answer of the node at {dataDirectory} broke off: {e.Message}", e);
            }
        }
    }

    // A node has its directory a while before its control socket answers.
    private static async Task<Socket> ConnectAsync(string dataDirectory, TimeProvider time, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await ConnectOnceAsync(dataDirectory, time, cancellationToken);
            }
            catch (ControlException e) when (e.Code == ControlException.NotRunning && DirectoryHolder.Of(dataDirectory) is { } holder)
            {
                if (time.GetElapsedTime(begun) >= StartsWithin)
                {
                    throw new ControlException(ControlException.InUse, $"Data directory {dataDirectory} is in use by {holder}, whose control socket does not answer: a node that is still starting, or another program's. Try again in a moment.", e);
                }

                await Task.Delay(LookAgain, time, cancellationToken);
            }
        }
    }

    private static async Task<Socket> ConnectOnceAsync(string dataDirectory, TimeProvider time, CancellationToken cancellationToken)
    {
        string path = await FindAsync(dataDirectory, time) ?? throw NobodyRuns(dataDirectory, null);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return socket;
        }
        catch (Exception e)
        {
            socket.Dispose();
            throw e switch
            {
                SocketException { SocketErrorCode: SocketError.AccessDenied } =>
                    await AccessDenied.ExplainAsync(path, Environment.UserName, e, time),

                // A socket that a killed node left behind refuses.
                SocketException => NobodyRuns(dataDirectory, e),
                ArgumentException => new ControlException("access-denied", $"The path of the control socket {path} is too long.", e),
                _ => e,
            };
        }
    }

    private static async Task<string?> FindAsync(string dataDirectory, TimeProvider time)
    {
        try
        {
            return ControlPath.Find(dataDirectory);
        }
        catch (UnauthorizedAccessException e)
        {
            throw await AccessDenied.ExplainAsync(dataDirectory, Environment.UserName, e, time);
        }
    }

    private static async Task<ControlReply?> ReadAsync(LineChannel lines, TimeProvider time, TimeSpan patience, CancellationToken cancellationToken)
    {
        using CancellationTokenSource deadline = new(patience, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await lines.ReadAsync(either.Token) is { } line
                ? JsonSerializer.Deserialize(line.Span, ControlJson.Default.ControlReply)
                : null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ControlException("timeout", $"The node did not answer within {patience.TotalSeconds:0} s.");
        }
    }

    private static ControlException Failure(ControlReply reply)
    {
        string message = reply.Message ?? "The node says no and not why.";
        return new ControlException(reply.Code ?? "error", reply.RetryAfter is { } wait ? $"{message} Again {EventText.In(wait)}." : message);
    }

    private static ControlException NobodyRuns(string dataDirectory, Exception? cause) =>
        new(ControlException.NotRunning, $"No node runs on {dataDirectory}. Start one with: meshara run --data {Hints.Quote(dataDirectory)}", cause);
}
