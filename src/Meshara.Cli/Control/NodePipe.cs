namespace Meshara.Cli.Control;

/// <summary>Carries bytes between the stream of a peer and a client of the control socket, both ways, each with its own end.</summary>
internal sealed class NodePipe(MeshStream stream, PipeChunks client, ControlTimeouts timeouts)
{
    private readonly TaskCompletionSource _clientEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _sent;
    private long _received;
    private volatile bool _agreed;

    /// <summary>Runs until both directions have ended, and tells the client how.</summary>
    /// <param name="confirm">Called when both have ended: makes sure that the peer's node has the last bytes.</param>
    /// <param name="cancellationToken">Aborts it.</param>
    public async Task RunAsync(Func<CancellationToken, Task> confirm, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using CancellationTokenSource stopWriting = new(Timeout.InfiniteTimeSpan, timeouts.Time);
        Task up = UpAsync(stop.Token);
        Task down = DownAsync(confirm, stop.Token, stopWriting.Token);
        Task first = await Task.WhenAny(up, down);
        Exception? fault = await FaultOfAsync(first);
        if (fault is not null && !_agreed)
        {
            stream.Abort(fault is ClientAbortException abort ? abort.StreamCode : 0);
        }

        // A chunk that is half out is let out: after it the client can be told why.
        stopWriting.CancelAfter(timeouts.Write);
        await stop.CancelAsync();
        Exception? other = await FaultOfAsync(first == up ? down : up);
        if (fault is not null and not ClientAbortException && !_agreed && other is not ClientAbortException)
        {
            using CancellationTokenSource deadline = new(timeouts.Write, timeouts.Time);
            await client.WriteStatusAsync(Explain(fault), deadline.Token);
        }
    }

    private static async Task<Exception?> FaultOfAsync(Task task)
    {
        try
        {
            await task;
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private PipeStatus Explain(Exception fault)
    {
        (string code, string message) = fault switch
        {
            MesharaException { Code: MesharaErrorCode.UnknownProtocol } => ("unknown-protocol",
                $"Nobody waits for '{Rendering.Safe.Text(stream.Protocol)}' at {stream.Peer.ToShortString()}. Start there first: meshara pipe --accept"),
            MesharaException { Code: MesharaErrorCode.StreamReset, StreamCode: PipeCode.NotExpected } => ("refused", $"{stream.Peer.ToShortString()} waits for a stream from another node."),
            MesharaException { Code: MesharaErrorCode.StreamReset, StreamCode: PipeCode.Taken } => ("refused", $"{stream.Peer.ToShortString()} has taken another stream already."),
            MesharaException { Code: MesharaErrorCode.StreamReset, StreamCode: PipeCode.ReaderGone } => ("stream-reset", $"Whoever read the output at {stream.Peer.ToShortString()} has closed it."),
            MesharaException { Code: MesharaErrorCode.StreamReset, StreamCode: 0 } => ("stream-reset", $"{stream.Peer.ToShortString()} has aborted it."),
            MesharaException e => (Rendering.Kebab.Of(e.Code), e.Message),
            OperationCanceledException => ("cancelled", "The node is stopping."),
            _ => ("internal-error", $"{fault.GetType().Name}: {fault.Message}"),
        };
        return new PipeStatus { Ok = false, Code = code, Message = message, Sent = Interlocked.Read(ref _sent), Received = Interlocked.Read(ref _received) };
    }

    // Client to peer. Goes on after End, so that a client that dies is noticed; ends by a fault or by cancellation only.
    private async Task UpAsync(CancellationToken stop)
    {
        using CancellationTokenSource silence = new(Timeout.InfiniteTimeSpan, timeouts.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, silence.Token);
        while (true)
        {
            silence.CancelAfter(timeouts.Silence);
            (PipeChunk kind, ReadOnlyMemory<byte> payload) = await ReadAsync(either.Token, stop);

            // While the peer takes nothing, the client is not read from and cannot be judged.
            silence.CancelAfter(Timeout.InfiniteTimeSpan);
            switch (kind)
            {
                case PipeChunk.Data when !_clientEnded.Task.IsCompleted:
                    await stream.WriteAsync(payload, stop);
                    Interlocked.Add(ref _sent, payload.Length);
                    break;
                case PipeChunk.End when !_clientEnded.Task.IsCompleted:
                    stream.CompleteWrites();
                    _clientEnded.SetResult();
                    break;
                case PipeChunk.Alive:
                    break;
                case PipeChunk.Status when PipeChunks.ParseStatus(payload).Code == PipeClientCode.ReaderGone:
                    throw new ClientAbortException(PipeCode.ReaderGone);
                default:
                    throw new ClientAbortException(0);
            }
        }
    }

    private async ValueTask<(PipeChunk Kind, ReadOnlyMemory<byte> Payload)> ReadAsync(CancellationToken either, CancellationToken stop)
    {
        try
        {
            return await client.ReadAsync(either) ?? throw new ClientAbortException(0);
        }
        catch (Exception e) when (e is IOException or InvalidDataException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            // Killed, or it hangs: in either case the bytes that it still had are missing, so this is no end but an abort.
            throw new ClientAbortException(0);
        }
    }

    // Peer to client, and the last word when both directions have ended.
    private async Task DownAsync(Func<CancellationToken, Task> confirm, CancellationToken stop, CancellationToken stopWriting)
    {
        byte[] buffer = new byte[PipeChunks.HeaderSize + PipeChunks.MaxPayload];
        int read;
        while ((read = await stream.ReadAsync(buffer.AsMemory(PipeChunks.HeaderSize), stop)) > 0)
        {
            await ToClientAsync(client.WriteDataAsync(buffer.AsMemory(0, PipeChunks.HeaderSize + read), stopWriting));
            Interlocked.Add(ref _received, read);
        }

        await ToClientAsync(client.WriteAsync(PipeChunk.End, stopWriting));
        await ClientEndedAsync(stop);
        await confirm(stop);
        _agreed = true;
        await ToClientAsync(client.WriteStatusAsync(new PipeStatus { Ok = true, Sent = Interlocked.Read(ref _sent), Received = Interlocked.Read(ref _received) }, stopWriting));
    }

    // Nothing is read any more, and perhaps nothing written for hours: the end of the stream must be noticed all the same.
    private async Task ClientEndedAsync(CancellationToken stop)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, stream.Aborted);
        try
        {
            await _clientEnded.Task.WaitAsync(either.Token);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            // A write is what throws the reason.
            await stream.WriteAsync(new byte[1], stop);
            throw new InvalidOperationException("The stream was aborted, and can be written to.", e);
        }
    }

    private static async ValueTask ToClientAsync(ValueTask write)
    {
        try
        {
            await write;
        }
        catch (IOException)
        {
            throw new ClientAbortException(0);
        }
    }

    // The client has left: nobody is to be told.
    private sealed class ClientAbortException(long streamCode) : Exception
    {
        public long StreamCode { get; } = streamCode;
    }
}

/// <summary>Codes in the status of a client that aborts.</summary>
internal static class PipeClientCode
{
    public const string ReaderGone = "reader-gone";

    public const string InputFailed = "input-failed";
}
