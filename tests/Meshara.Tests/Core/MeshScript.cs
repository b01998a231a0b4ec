using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

internal static class Ids
{
    public static NodeId Low { get; } = Of(0x10);

    public static NodeId Middle { get; } = Of(0x50);

    public static NodeId High { get; } = Of(0xF0);

    public static NodeId Of(byte first)
    {
        byte[] bytes = new byte[NodeId.Size];
        bytes[0] = first;
        return NodeId.FromBytes(bytes);
    }
}

/// <summary>One mesh and a clock: events by hand, actions collected.</summary>
internal sealed class MeshScript
{
    private readonly List<MeshAction> _actions = [];

    public MeshScript(NodeId? self = null, AdmissionMode admission = AdmissionMode.Open, int maxPeers = 128, NodeTimeouts? timeouts = null, int target = 0, IReadOnlyList<PeerAddress>? bootstrap = null, bool exchanges = false, int seed = 7) =>
        Mesh = new Mesh(new MeshConfig
        {
            Self = self ?? Ids.Middle,
            Admission = admission,
            MaxPeers = maxPeers,
            TargetPeers = target,
            BootstrapNodes = bootstrap ?? [],
            Exchanges = exchanges,
            Timeouts = timeouts ?? new NodeTimeouts(),
            Random = new Random(seed),
        });

    public Mesh Mesh { get; }

    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(100);

    /// <summary>What happened since the last call, but for what is only kept.</summary>
    public IReadOnlyList<MeshAction> Take()
    {
        Poll();
        MeshAction[] actions = [.. _actions.Where(a => a is not (MeshAction.Keep or MeshAction.KeepAnchors))];
        _actions.Clear();
        return actions;
    }

    /// <summary>Probes that <see cref="TakeProbes"/> has found so far.</summary>
    public List<MeshAction.Dial> Probes { get; } = [];

    /// <summary>As <see cref="Take"/>, but what is left of it are the probes.</summary>
    public void TakeProbes() => Probes.AddRange(Take().OfType<MeshAction.Dial>().Where(d => d.Probe));

    /// <summary>Everything that happened since the last call.</summary>
    public IReadOnlyList<MeshAction> TakeKept()
    {
        Poll();
        MeshAction[] actions = [.. _actions];
        _actions.Clear();
        return actions;
    }

    /// <summary>The only action of this kind since the last Take; the others are dropped.</summary>
    public T Single<T>() where T : MeshAction => Take().OfType<T>().Single();

    /// <summary>Lets time pass, deadline by deadline; links answer Check with <paramref name="liveness"/> (by default: a frame just now).</summary>
    public void Advance(double seconds, Func<TimeSpan, LinkLiveness>? liveness = null) =>
        AdvanceWith(seconds, liveness is null ? null : _ => liveness(Now));

    /// <summary>As <see cref="Advance"/>, with an answer for each link.</summary>
    public void AdvanceWith(double seconds, Func<long, LinkLiveness>? liveness)
    {
        TimeSpan end = Now + TimeSpan.FromSeconds(seconds);
        Answer(liveness);
        while (Mesh.NextDeadline <= end)
        {
            Now = Mesh.NextDeadline.Value > Now ? Mesh.NextDeadline.Value : Now;
            Mesh.HandleDeadline(Now);
            Answer(liveness);
        }

        Now = end;
    }

    /// <summary>Lets time pass without a look at any deadline, as when the process stands still.</summary>
    public void Wait(double seconds) => Now += TimeSpan.FromSeconds(seconds);

    public long Accept(NodeId peer, ulong instance = 0, bool probe = false, bool secret = false, string from = "10.0.0.1:1000")
    {
        long connection = Mesh.HandleAccepted(from);
        Mesh.HandleHello(connection, new PeerFacts(peer, instance) { Probe = probe, SecretProven = secret }, Now);
        return connection;
    }

    /// <summary>An accepted connection, live.</summary>
    public long Link(NodeId peer, ulong instance = 0, string from = "10.0.0.1:1000")
    {
        long connection = Accept(peer, instance, from: from);
        Mesh.HandleReadyReceived(connection, Now);
        return Take().OfType<MeshAction.LinkUp>().Single(u => u.Connection == connection).Connection;
    }

    public long Add(PeerAddress address, long addId = 1)
    {
        Mesh.HandleAdd(addId, address, keepForever: false, Now);
        return Single<MeshAction.Dial>().Connection;
    }

    public void Hello(long connection, NodeId peer, ulong instance = 0) =>
        Mesh.HandleHello(connection, new PeerFacts(peer, instance), Now);

    /// <summary>What the last run kept, and then the node may dial.</summary>
    public void Start(StoredMesh? stored = null)
    {
        Mesh.HandleStart(stored ?? StoredMesh.Empty, Now);
        Mesh.HandleReady(Now);
    }

    public void Learn(PeerAddress address, AddressSource source = AddressSource.Manual, string? from = null) =>
        Mesh.HandleLearned(address, source, from is null ? null : System.Net.IPAddress.Parse(from), Now);

    /// <summary>HELLO and READY on a dialled connection.</summary>
    public void Answered(long connection, NodeId peer)
    {
        Hello(connection, peer);
        Mesh.HandleReadyReceived(connection, Now);
    }

    public void Fail(long connection, MesharaErrorCode code, bool transient = true, bool byPeer = false, NodeId? peer = null, double? retryAfter = null, bool penalise = false) =>
        Mesh.HandleConnectionFailed(
            connection,
            new ConnectionFailure(code, code.ToString(), transient, retryAfter is { } s ? TimeSpan.FromSeconds(s) : null, byPeer, peer, penalise),
            Now);

    public void Lose(long connection, DisconnectReason reason = DisconnectReason.ConnectionLost, bool penalise = false, double? retryAfter = null) =>
        Mesh.HandleLinkClosed(connection, new LinkEnd(reason, "", penalise) { RetryAfter = retryAfter is { } s ? TimeSpan.FromSeconds(s) : null }, Now);

    private void Poll()
    {
        while (Mesh.TryPoll(out MeshAction? action))
        {
            _actions.Add(action);
        }

        // Whatever the test is about: what is kept of the places is what a count of them gives.
        Assert.Equal(Mesh.Recount(), Mesh.Counts);
    }

    private void Answer(Func<long, LinkLiveness>? liveness)
    {
        while (Mesh.TryPoll(out MeshAction? action))
        {
            if (action is MeshAction.Check check)
            {
                Mesh.HandleLiveness(check.Connection, liveness?.Invoke(check.Connection) ?? new LinkLiveness(Now, null, null), Now);
            }
            else
            {
                _actions.Add(action);
            }
        }
    }
}
