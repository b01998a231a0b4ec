using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary><c>pipe</c> and <c>pipe-accept</c> at the node: opens a stream to a peer, or waits for one.</summary>
/// <param name="node">The running node.</param>
/// <param name="resolve">From what the operator wrote to an id.</param>
internal sealed class NodePipes(Node node, Func<string, NodeId> resolve)
{
    /// <summary>Carries one pipe from its request to its end.</summary>
    public async Task RunAsync(ControlRequest request, PipeSession session, CancellationToken cancellationToken)
    {
        string protocol = request.Protocol ?? throw new ControlException("bad-request", "The request lacks 'protocol'.");
        NodeId? peer = request.Peer is { } text ? resolve(text) : null;
        if (request.Command == ControlCommand.PipeAccept)
        {
            await AcceptAsync(peer, protocol, session, cancellationToken);
            return;
        }

        await using MeshStream stream = await node.OpenStreamAsync(peer ?? throw new ControlException("bad-request", "The request lacks 'peer'."), protocol, cancellationToken);
        await CarryAsync(stream, session, cancellationToken);
    }

    private async Task AcceptAsync(NodeId? only, string protocol, PipeSession session, CancellationToken cancellationToken)
    {
        TaskCompletionSource<MeshStream> first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource carried = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool taken = false;
        using IDisposable registration = Register(protocol, async (stream, _) =>
        {
            if (only is { } expected && stream.Peer != expected)
            {
                stream.Abort(PipeCode.NotExpected);
            }
            else if (!first.TrySetResult(stream))
            {
                stream.Abort(PipeCode.Taken);
            }
            else
            {
                // The stream is closed when this ends.
                await carried.Task;
            }
        });
        try
        {
            await session.TellAsync(new ControlReply { Protocol = protocol });
            MeshStream stream = await first.Task.WaitAsync(cancellationToken);

            // One stream only: who comes now is told that nobody waits.
            registration.Dispose();
            taken = true;
            await CarryAsync(stream, session, cancellationToken);
        }
        finally
        {
            if (!first.TrySetCanceled(CancellationToken.None) && !taken)
            {
                // It came as the client left: closing it would look like an empty stream.
                (await first.Task).Abort();
            }

            carried.TrySetResult();
        }
    }

    private IDisposable Register(string protocol, Func<MeshStream, CancellationToken, ValueTask> handler)
    {
        try
        {
            return node.HandleStream(protocol, handler);
        }
        catch (InvalidOperationException e)
        {
            throw new ControlException(
                "protocol-taken", $"Another 'meshara pipe --accept' waits for '{Safe.Text(protocol)}' on this node already. End it, or give both sides another --protocol.", e);
        }
    }

    private async Task CarryAsync(MeshStream stream, PipeSession session, CancellationToken cancellationToken)
    {
        try
        {
            PipeChunks client = await session.BeginAsync(new ControlReply { Ok = true, Peer = stream.Peer.ToString(), Protocol = stream.Protocol });
            await new NodePipe(stream, client, session.Timeouts).RunAsync(ct => ConfirmAsync(stream.Peer, ct), cancellationToken);
        }
        catch
        {
            // Disposing it would end it as if nothing were missing.
            stream.Abort();
            throw;
        }
    }

    // A PING overtakes what waits in the buffer it goes out with, the next cannot: with the second PONG the peer's node has what was written before.
    private async Task ConfirmAsync(NodeId peer, CancellationToken cancellationToken)
    {
        await node.PingAsync(peer, cancellationToken);
        await node.PingAsync(peer, cancellationToken);
    }
}
