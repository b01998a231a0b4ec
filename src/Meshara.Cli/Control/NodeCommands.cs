using System.Runtime.CompilerServices;
using Meshara.Cli.Doctor;
using Meshara.Cli.Rendering;
using Meshara.Sqlite;

namespace Meshara.Cli.Control;

/// <summary>What the control socket can ask of a node.</summary>
/// <param name="node">The running node.</param>
/// <param name="facts">What the node was started with.</param>
internal sealed class NodeCommands(Node node, NodeFacts facts)
{
    private readonly PeerResolver _peers = new(node, facts.DataDirectory);
    private readonly NodeDiagnosis _diagnosis = new(node, new PeerResolver(node, facts.DataDirectory), facts.DataDirectory);

    /// <summary>Executes one request; the last reply has <see cref="ControlReply.Ok"/>.</summary>
    public async IAsyncEnumerable<ControlReply> ExecuteAsync(ControlRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        switch (request.Command)
        {
            case ControlCommand.Info:
                yield return new ControlReply { Ok = true, Info = await InfoAsync() };
                break;
            case ControlCommand.Peers or ControlCommand.Banned or ControlCommand.Why or ControlCommand.Doctor or ControlCommand.Watch:
                await foreach (ControlReply part in PartsAsync(request, cancellationToken))
                {
                    yield return part;
                }

                yield return ControlReply.Done;
                break;
            case ControlCommand.Forgive:
                yield return await ForgiveAsync(request);
                break;
            case ControlCommand.Explain:
                yield return new ControlReply { Ok = true, Explanation = await ExplainAsync(request) };
                break;
            case ControlCommand.Add:
                yield return await AddAsync(request, cancellationToken);
                break;
            case ControlCommand.TrustAdd:
                PublicKey trusted = Key(request) ?? throw Missing("public_key");
                await node.TrustAsync(trusted, request.Name, cancellationToken);
                yield return ControlReply.DoneWith(trusted.Id);
                break;
            case ControlCommand.TrustReplace:
                yield return await ReplaceAsync(request, cancellationToken);
                break;
            case ControlCommand.Remove:
                yield return await RemoveAsync(request, cancellationToken);
                break;
            case ControlCommand.Send:
                yield return await SendAsync(request, cancellationToken);
                break;
            case ControlCommand.Ping:
                NodeId pinged = Resolve(request);
                yield return ControlReply.DoneWith(pinged) with { RoundTripMs = (await node.PingAsync(pinged, cancellationToken)).TotalMilliseconds };
                break;
            case ControlCommand.Request:
                yield return await RequestAsync(request, cancellationToken);
                break;
            case ControlCommand.RotateIdentity:
                yield return await RotateAsync(request, cancellationToken);
                break;
            default:
                throw new ControlException("unknown-command", $"The running node ({facts.Agent}) knows no command '{Safe.Text(request.Command, 40)}': is it older than this one?");
        }
    }

    // Answers of many lines.
    private async IAsyncEnumerable<ControlReply> PartsAsync(ControlRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        switch (request.Command)
        {
            case ControlCommand.Peers:
                foreach (PeerInfo peer in node.ListPeers())
                {
                    yield return new ControlReply { Row = PeerLine.Of(peer) };
                }

                break;
            case ControlCommand.Banned:
                foreach (PeerExplanation peer in await node.ListBannedAsync())
                {
                    yield return new ControlReply { Banned = BannedLine.Of(peer) };
                }

                break;
            case ControlCommand.Why:
                await foreach (DialLine dial in _diagnosis.WhyAsync(request, cancellationToken))
                {
                    yield return new ControlReply { Dial = dial };
                }

                break;
            case ControlCommand.Doctor:
                foreach (FindingLine finding in await Examination.OfAsync(node, facts, node.Options.TimeProvider, cancellationToken))
                {
                    yield return new ControlReply { Finding = finding };
                }

                break;
            default:
                await foreach (PeerEvent happened in node.WatchAsync(cancellationToken))
                {
                    if (EventLine.Of(happened) is { } line)
                    {
                        yield return new ControlReply { Event = line };
                    }
                }

                break;
        }
    }

    /// <summary>Carries <c>pipe</c> and <c>pipe-accept</c>.</summary>
    public Task PipeAsync(ControlRequest request, PipeSession session, CancellationToken cancellationToken) =>
        new NodePipes(node, _peers.Resolve).RunAsync(request, session, cancellationToken);

    private async Task<InfoLine> InfoAsync() => new()
    {
        NodeId = node.Id.ToString(),
        NextNodeId = _peers.Next?.ToString(),
        PublicKey = node.PublicKey.ToString(),
        Mesh = facts.Mesh,
        Admission = facts.Admission,
        State = Kebab.Of(node.State),
        Addresses = [.. node.Addresses.Select(static address => address.ToString())],
        Peers = node.ListPeers().Count,
        Counts = CountsLine.Of(await node.CountPeersAsync()),
        Store = facts.Store is { } store
            ? new StoreLine(store.Trouble is null ? "file" : "memory") { Path = store.FilePath, Why = store.Trouble }
            : new StoreLine("memory"),
        Sources = [.. node.ListSources().Select(SourceLine.Of)],
        LocalNetwork = LocalNetworkLine.Of(node.LocalNetwork),
        DataDirectory = facts.DataDirectory,
        Agent = facts.Agent,
        ProcessId = Environment.ProcessId,
        StartedAt = facts.StartedAt,
        ProtocolVersion = Node.ProtocolVersion,
        Limits = LimitsLine.Of(node.Options),
        Timeouts = TimeoutsLine.Of(node.Options.Timeouts),
    };

    private async Task<ExplanationLine> ExplainAsync(ControlRequest request)
    {
        NodeId id = await _peers.ResolveToShowAsync(request.Peer ?? throw Missing("peer"));
        return ExplanationLine.Of(
                id,
                await node.ExplainPeerAsync(id),
                node.ListPeers().FirstOrDefault(peer => peer.Id == id),
                node.ListTrusted().FirstOrDefault(peer => peer.Id == id),
                [.. node.Options.Peers.Where(address => address.Id == id)],
                [.. node.ListSources().Where(static source => source.Kind == AddressSource.StaticFile).SelectMany(static source => source.Addresses).Where(address => address.Id == id)],
                node.Options.Reputation)
            ?? throw new ControlException("unknown-peer", $"Nothing is known of {id}: it is neither linked, nor pinned, nor among the peers that this node remembers.");
    }

    private async Task<ControlReply> RotateAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        TimeSpan? overlap = SpanOf(request.OverlapSeconds, TimeSpan.FromSeconds, "overlap_seconds");
        PublicKey renewed = await node.RotateIdentityAsync(overlap, cancellationToken);
        _peers.Next = renewed.Id;
        return ControlReply.DoneWith(node.Id) with { PublicKey = renewed.ToString() };
    }

    private async Task<ControlReply> ForgiveAsync(ControlRequest request)
    {
        // Only who is banned now is meant by its first digits, so that nobody is forgiven by mistake.
        string text = request.Peer ?? throw Missing("peer");
        NodeId id = _peers.ResolveAmong(text, "banned", (await node.ListBannedAsync()).Select(static peer => peer.Id));
        return await node.ForgiveAsync(id)
            ? ControlReply.DoneWith(id)
            : throw new ControlException("unknown-peer", $"Nothing is held against {id}: it is not banned, and its reputation is 0. 'meshara peers --banned' lists who is.");
    }

    private async Task<ControlReply> AddAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        string address = request.Address ?? throw Missing("address");
        HashSet<NodeId> before = [.. node.ListPeers().Select(static peer => peer.Id)];
        try
        {
            NodeId added = await node.AddPeerAsync(address, Key(request), cancellationToken);
            return ControlReply.DoneWith(added) with { AlreadyLinked = before.Contains(added) ? true : null };
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.NotAdmitted)
        {
            // Under a secret this node refuses as well whoever neither proves it nor was named with a key.
            bool mayBeOurs = facts.Admission == "secret" && request.PublicKey is null && PeerAddress.Parse(address).Id is null;
            throw new ControlException(Kebab.Of(e.Code), mayBeOurs ? Hints.OtherSecret(e.Message, node.PublicKey) : Hints.NotAdmitted(e.Message, node.PublicKey), e);
        }
    }

    private async Task<ControlReply> ReplaceAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        NodeId old = NodeId.Parse(request.Peer ?? throw Missing("peer"));
        PublicKey renewed = Key(request) ?? throw Missing("public_key");
        return await node.ReplaceKeyAsync(old, renewed, cancellationToken)
            ? ControlReply.DoneWith(renewed.Id)
            : throw new ControlException("unknown-peer", $"{old} is not pinned here: nothing to replace.");
    }

    private async Task<ControlReply> RemoveAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        NodeId peer = Resolve(request);
        return await node.RemovePeerAsync(peer, cancellationToken)
            ? ControlReply.DoneWith(peer)
            : throw new ControlException("unknown-peer", $"{peer} is neither linked to nor stored here: nothing to remove.");
    }

    private async Task<ControlReply> SendAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        NodeId peer = Resolve(request);

        // Acknowledged: 'done' then means that the other side's handler has it.
        await node.SendAsync(
            peer, request.Protocol ?? throw Missing("protocol"), request.Payload ?? throw Missing("payload"), acknowledged: true, cancellationToken);
        return ControlReply.DoneWith(peer);
    }

    private async Task<ControlReply> RequestAsync(ControlRequest request, CancellationToken cancellationToken)
    {
        NodeId peer = Resolve(request);
        TimeSpan? timeout = SpanOf(request.TimeoutMs, TimeSpan.FromMilliseconds, "timeout_ms");
        byte[] reply = await node.RequestAsync(
            peer, request.Protocol ?? throw Missing("protocol"), request.Payload ?? throw Missing("payload"), timeout, cancellationToken);
        return ControlReply.DoneWith(peer) with { Payload = reply };
    }

    /// <summary>A number of a request as a time; null: it is not there.</summary>
    /// <exception cref="ControlException">It is more than a time can be.</exception>
    internal static TimeSpan? SpanOf(double? value, Func<double, TimeSpan> unit, string field)
    {
        try
        {
            return value is { } number ? unit(number) : null;
        }
        catch (Exception e) when (e is OverflowException or ArgumentException)
        {
            throw new ControlException("bad-request", $"'{field}' is {value}: no time is that long.", e);
        }
    }

    internal static PublicKey? Key(ControlRequest request)
    {
        try
        {
            return request.PublicKey is { } text ? PublicKey.Parse(text) : null;
        }
        catch (FormatException e)
        {
            throw new ControlException("invalid-format", e.Message, e);
        }
    }

    private NodeId Resolve(ControlRequest request) => _peers.Resolve(request.Peer ?? throw Missing("peer"));

    private static ControlException Missing(string field) => new("bad-request", $"The request lacks '{field}'.");
}

/// <summary>What a running node was started with, beside its options.</summary>
internal sealed record NodeFacts(string Mesh, string Admission, string DataDirectory, string Agent, DateTimeOffset StartedAt)
{
    /// <summary>Where it keeps what it learns of peers; null: in memory.</summary>
    public SqlitePeerStore? Store { get; init; }

    /// <summary>What it has noticed of copies of itself.</summary>
    public OwnKeyElsewhere OwnKey { get; init; } = new();

    /// <summary>As whom it has dialled itself.</summary>
    public OwnProbes Probes { get; init; } = new();
}
