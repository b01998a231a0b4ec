using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Meshara.Testing.Checks;
using Meshara.Testing.Network;

namespace Meshara.Testing.Work;

/// <summary>What the programs of a simulated mesh say to one another: messages, requests and streams whose contents can be checked.</summary>
internal sealed class Workload(SimulatedNetwork network, MessageCheck messages, RequestCheck requests, FlowCheck flows, Action<SimulatedNode, Exception> unexpected)
{
    private const string Say = "work/say", Ask = "work/ask", Flow = "work/flow";
    private const int Head = sizeof(int);
    private const int HashLength = 32;
    private const int Large = 16 * 1024;

    private readonly Dictionary<SimulatedNode, int> _running = [];
    private readonly List<Task> _loops = [];
    private bool _ending;

    /// <summary>How long a program rests between two things it does, on average.</summary>
    public TimeSpan Pause { get; set; } = TimeSpan.FromSeconds(8);

    /// <summary>Sends each message twice.</summary>
    public bool Twice { get; init; }

    /// <summary>Hands messages on in another order than they came.</summary>
    public bool Swapped { get; init; }

    /// <summary>Answers with another request's reply.</summary>
    public bool WrongReplies { get; init; }

    /// <summary>Forgets that some requests came to their end.</summary>
    public bool LostReplies { get; init; }

    /// <summary>Changes a byte of a stream.</summary>
    public bool GarbledStreams { get; init; }

    /// <summary>The node's options with what answers the others.</summary>
    public NodeOptions Serve(SimulatedNode node, NodeOptions options) => options with
    {
        OnStarting = started =>
        {
            options.OnStarting?.Invoke(started);
            Server server = new(this, node);
            started.Handle(Say, server.HearAsync);
            started.HandleRequest(Ask, server.AnswerAsync);
            started.HandleStream(Flow, server.ReadAsync);
        },
    };

    /// <summary>Begins to talk, after each start of a node. Ends with its process.</summary>
    public void Begin(SimulatedNode node)
    {
        if (_running.GetValueOrDefault(node) == node.Starts)
            return;

        _running[node] = node.Starts;
        _loops.AddRange([LoopAsync(node, "say", SayAsync), LoopAsync(node, "ask", AskAsync), LoopAsync(node, "flow", FlowAsync)]);
    }

    /// <summary>Everybody falls silent when what he is doing has come to its end.</summary>
    public Task EndAsync()
    {
        _ending = true;
        return Task.WhenAll(_loops);
    }

    private async Task LoopAsync(SimulatedNode node, string what, Func<SimulatedNode, SimulatedNode, Random, CancellationToken, Task> act)
    {
        Random random = SeededIdentity.Random(network.Seed, $"{node.Name}/{what}/{node.Starts}");
        TimeProvider time = node.Time;
        CancellationToken lifetime = node.Lifetime;
        while (!_ending && !lifetime.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Pause * (2 * random.NextDouble()), time, lifetime).ConfigureAwait(false);
                List<NodeId> peers = [.. node.Node.ListPeers().Select(static p => p.Id).Order()];
                if (peers.Count > 0 && network.Nodes.FirstOrDefault(n => n.Id == peers[random.Next(peers.Count)]) is { } to)
                    await act(node, to, random, lifetime).ConfigureAwait(false);
            }
            catch (Exception e) when (e is MesharaException or OperationCanceledException)
            {
                // What the documentation says may happen.
            }
            catch (Exception e)
            {
                unexpected(node, e);
                return;
            }
        }
    }

    private async Task SayAsync(SimulatedNode node, SimulatedNode to, Random random, CancellationToken lifetime)
    {
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            int size = random.Next(40) == 0 ? random.Next(100_000) : random.Next(600);
            bool acknowledged = i == 1 && random.Next(2) == 0;
            int number = messages.Begin(node, to, size >= Large);
            SentState state = SentState.Failed;
            try
            {
                byte[] payload = Payload(number, size);
                await node.Node.SendAsync(to.Id, Say, payload, acknowledged, lifetime).ConfigureAwait(false);
                state = acknowledged ? SentState.Acknowledged : SentState.Accepted;
                if (Twice)
                    await node.Node.SendAsync(to.Id, Say, payload, lifetime).ConfigureAwait(false);
            }
            finally
            {
                if (!lifetime.IsCancellationRequested)
                    messages.End(number, state);
            }
        }
    }

    private async Task AskAsync(SimulatedNode node, SimulatedNode to, Random random, CancellationToken lifetime)
    {
        TimeSpan timeout = TimeSpan.FromSeconds(1 + random.Next(30));
        byte[] payload = Payload(0, random.Next(2000));
        int number = requests.Begin(node, to, timeout);
        BinaryPrimitives.WriteInt32LittleEndian(payload, number);
        bool answered = false, right = false;
        try
        {
            byte[] reply = await node.Node.RequestAsync(to.Id, Ask, payload, timeout, lifetime).ConfigureAwait(false);
            (answered, right) = (true, reply.AsSpan().SequenceEqual(ReplyTo(payload)));
        }
        finally
        {
            if (!lifetime.IsCancellationRequested && !(LostReplies && number % 7 == 0))
                requests.End(number, answered, right);
        }
    }

    private async Task FlowAsync(SimulatedNode node, SimulatedNode to, Random random, CancellationToken lifetime)
    {
        int stream = random.Next();
        int length = random.Next(20) == 0 ? random.Next(100_000) : random.Next(2000);
        MeshStream flow = await node.Node.OpenStreamAsync(to.Id, Flow, lifetime).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable end = flow.ConfigureAwait(false);
        try
        {
            await WriteAsync(flow, stream, length, random, lifetime).ConfigureAwait(false);
        }
        catch
        {
            // Disposing alone would tell the reader that this was all.
            flow.Abort();
            throw;
        }
    }

    private async Task WriteAsync(MeshStream flow, int stream, int length, Random random, CancellationToken lifetime)
    {
        byte[] head = new byte[2 * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(head, stream);
        BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(sizeof(int)), length);
        await flow.WriteAsync(head, lifetime).ConfigureAwait(false);
        for (int at = 0; at < length;)
        {
            byte[] chunk = new byte[Math.Min(length - at, 1 + random.Next(20_000))];
            for (int i = 0; i < chunk.Length; i++)
                chunk[i] = FlowCheck.At(stream, at + i);
            if (GarbledStreams)
                chunk[^1]++;
            await flow.WriteAsync(chunk, lifetime).ConfigureAwait(false);
            at += chunk.Length;
        }

        flow.CompleteWrites();

        // The other side ends its direction when it has read all.
        byte[] end = new byte[1];
        while (await flow.ReadAsync(end, lifetime).ConfigureAwait(false) > 0)
        {
        }
    }

    // Number, random-looking bytes, hash of both.
    private static byte[] Payload(int number, int size)
    {
        byte[] payload = new byte[Head + size + HashLength];
        BinaryPrimitives.WriteInt32LittleEndian(payload, number);
        for (int i = 0; i < size; i++)
            payload[Head + i] = FlowCheck.At(number, i);
        SHA256.HashData(payload.AsSpan(..^HashLength), payload.AsSpan(^HashLength..));
        return payload;
    }

    private static byte[] ReplyTo(ReadOnlySpan<byte> request) => SHA256.HashData(request);

    /// <summary>One process's handlers.</summary>
    private sealed class Server(Workload work, SimulatedNode node)
    {
        private readonly Random _random = SeededIdentity.Random(work.Network.Seed, $"{node.Name}/serve/{node.Starts}");
        private readonly TimeProvider _time = node.Time;
        private readonly CancellationToken _lifetime = node.Lifetime;
        private (NodeId From, int Number)? _kept;

        public async ValueTask HearAsync(Message message, CancellationToken cancellationToken)
        {
            if (_lifetime.IsCancellationRequested)
                return;

            ReadOnlyMemory<byte> payload = message.Payload;
            if (payload.Length < Head + HashLength || !SHA256.HashData(payload.Span[..^HashLength]).AsSpan().SequenceEqual(payload.Span[^HashLength..]))
            {
                work.Messages.Garbled(node, message.Peer, $"{payload.Length} bytes of another hash");
                return;
            }

            Arrive(message.Peer, BinaryPrimitives.ReadInt32LittleEndian(payload.Span));
            if (_random.Next(10) == 0)
                await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(2000)), _time, cancellationToken).ConfigureAwait(false);
        }

        public async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(Message message, CancellationToken cancellationToken)
        {
            int number = BinaryPrimitives.ReadInt32LittleEndian(message.Payload.Span);
            if (!_lifetime.IsCancellationRequested)
                work.Requests.Handle(node, number);
            if (_random.Next(8) == 0)
                await Task.Delay(TimeSpan.FromSeconds(_random.Next(12)), _time, cancellationToken).ConfigureAwait(false);
            return ReplyTo(work.WrongReplies ? "another"u8 : message.Payload.Span);
        }

        public async ValueTask ReadAsync(MeshStream stream, CancellationToken cancellationToken)
        {
            byte[] head = new byte[2 * sizeof(int)];
            await stream.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
            int number = BinaryPrimitives.ReadInt32LittleEndian(head), length = BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(sizeof(int)));
            byte[] buffer = new byte[8192];
            long place = 0;
            while (await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var count and > 0)
            {
                if (!_lifetime.IsCancellationRequested)
                    work.Flows.Read(node, stream.Peer, number, place, buffer.AsSpan(0, count));
                place += count;
            }

            if (!_lifetime.IsCancellationRequested)
                work.Flows.End(node, stream.Peer, number, place, length);
            stream.CompleteWrites();
        }

        // Swapped: the first of two is handed on after the second.
        private void Arrive(NodeId from, int number)
        {
            if (work.Swapped && _kept is null)
            {
                _kept = (from, number);
                return;
            }

            work.Messages.Arrive(node, from, number);
            if (_kept is { } kept)
                work.Messages.Arrive(node, kept.From, kept.Number);
            _kept = null;
        }
    }

    private SimulatedNetwork Network => network;

    private MessageCheck Messages => messages;

    private RequestCheck Requests => requests;

    private FlowCheck Flows => flows;
}
