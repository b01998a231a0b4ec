using System.Net;
using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>What goes wrong on purpose, to see that the model notices.</summary>
internal enum MeshFault
{
    None,

    /// <summary>The driver does not close a link that was to make place.</summary>
    KeepsWhoIsEvicted,

    /// <summary>READY is sent at HELLO, whoever the peer is.</summary>
    ReadyAtOnce,
}

/// <summary>One mesh under a world that does whatever it likes, and beside it what follows for links, places and bans from the actions alone.</summary>
internal sealed class MeshWorldModel : IModelled<MeshCommand>
{
    private const int Ids = 24;

    private static readonly NodeId[] Peers = [.. Enumerable.Range(0, Ids).Select(i => Core.Ids.Of((byte)(1 + (i * 10))))];
    private static readonly MesharaErrorCode[] Refusals = [MesharaErrorCode.Full, MesharaErrorCode.Duplicate, MesharaErrorCode.Banned, MesharaErrorCode.IdentityInUse, MesharaErrorCode.GoingAway];
    private static readonly MesharaErrorCode[] Failures = [MesharaErrorCode.ConnectFailed, MesharaErrorCode.PinMismatch, MesharaErrorCode.HelloTimeout, MesharaErrorCode.Self, MesharaErrorCode.ProtocolError];

    private readonly AdmissionMode _admission;
    private readonly int _max;
    private readonly MeshFault _fault;
    private readonly Mesh _mesh;
    private readonly SortedDictionary<long, Connection> _connections = [];
    private readonly Dictionary<NodeId, TimeSpan> _bans = [];
    private readonly HashSet<long> _adds = [];

    // Whoever fails by misconduct may be told so still: nobody hears it.
    private Connection? _failed;
    private TimeSpan _now = TimeSpan.FromSeconds(1);
    private long _lastAdd;
    private long _useful;

    public MeshWorldModel(AdmissionMode admission, int target, int max, MeshFault fault = MeshFault.None)
    {
        (_admission, _max, _fault) = (admission, max, fault);
        _mesh = new Mesh(new MeshConfig
        {
            Self = Core.Ids.Of(0x55),
            Admission = admission,
            TargetPeers = target,
            MaxPeers = max,
            FeelerInterval = TimeSpan.FromSeconds(20),
            BootstrapNodes = [new PeerAddress("boot", 1)],
            Random = new Random(1),
        });
        Do(m => m.HandleStart(StoredMesh.Empty, _now));
        Do(m => m.HandleReady(_now));
    }

    /// <summary>Links that were closed to make place, and addresses that were tested: a world without them is too dull.</summary>
    public int Evictions { get; private set; }

    public int Feelers { get; private set; }

    public int Bans { get; private set; }

    public ValueTask<bool> TryDoAsync(MeshCommand command) => ValueTask.FromResult(TryDo(command));

    private bool TryDo(MeshCommand command)
    {
        switch (command)
        {
            case MeshCommand.Call call:
                long key = _mesh.HandleAccepted($"10.{call.From % 6}.{call.From % 3}.1:5");
                _connections.Add(key, new Connection(key) { Peer = Peers[call.Peer] });
                return true;
            case MeshCommand.Greet greet:
                return Pick(c => c is { Live: false, Greeted: false }, greet.Which) is { } waiting && Greet(waiting, greet);
            case MeshCommand.Ready ready:
                return Pick(c => c is { Live: false, Greeted: true, ReadyReceived: false } && MaySendReady(c), ready.Which) is { } greeted && ReadyFrom(greeted);
            case MeshCommand.Fail fail:
                return Pick(c => !c.Live, fail.Which) is { } failing && Fail(failing, fail);
            case MeshCommand.End end:
                return Pick(c => c.Live, end.Which) is { } link && End(link, end);
            case MeshCommand.Wait wait:
                Wait(TimeSpan.FromMilliseconds(wait.Milliseconds));
                return true;
            case MeshCommand.Flood flood:
                return Pick(c => c is { Live: true, Probe: false, Closing: null }, flood.Which) is { } flooding
                    && Did(() => Do(m => m.HandleOverLimit(flooding.Key, "too much", _now)));
            default:
                return TryOperate(command);
        }
    }

    private bool TryOperate(MeshCommand command)
    {
        switch (command)
        {
            case MeshCommand.Learn learn:
                return Did(() => Do(m => m.HandleLearned(AddressOf(Peers[learn.Peer]), AddressSource.PeerExchange, IPAddress.Parse($"11.{learn.From % 4}.0.1"), _now)));
            case MeshCommand.Trust trust:
                return Did(() => Do(m => m.HandleTrust(Peers[trust.Peer], _now)));
            case MeshCommand.Remove remove:
                return Did(() => Do(m => m.HandleRemove(Peers[remove.Peer], _now)));
            case MeshCommand.Forgive forgive:
                _bans.Remove(Peers[forgive.Peer]);
                return Did(() => Do(m => m.HandleForgive(Peers[forgive.Peer], _now)));
            case MeshCommand.Add add:
                PeerAddress address = AddressOf(Peers[add.Peer]);
                _adds.Add(++_lastAdd);
                return Did(() => Do(m => m.HandleAdd(_lastAdd, add.Pinned ? address : address with { Id = null }, add.Keep, _now)));
            case MeshCommand.CancelAdd cancel when _adds.Count > 0:
                long id = _adds.Order().ElementAt(cancel.Which % _adds.Count);
                return _adds.Remove(id) && Did(() => Do(m => m.HandleCancelAdd(id, _now)));
            case MeshCommand.NetworkChanged:
                return Did(() => Do(m => m.HandleNetworkChanged(_now)));
            default:
                return false;
        }
    }

    private static bool Did(Action what)
    {
        what();
        return true;
    }

    private static PeerAddress AddressOf(NodeId id)
    {
        int first = Convert.ToInt32(id.ToString()[..2], 16);
        return new PeerAddress($"10.{first % 7}.0.{first}", 4040, id);
    }

    private Connection? Pick(Func<Connection, bool> which, int number)
    {
        Connection[] found = [.. _connections.Values.Where(which)];
        return found.Length == 0 ? null : found[number % found.Length];
    }

    // A peer with the greater id sends READY only once it has ours (wire protocol section 5.5, rule 5).
    private static bool MaySendReady(Connection c) => c.ReadySent || c.Peer!.Value < Core.Ids.Of(0x55);

    private bool Greet(Connection c, MeshCommand.Greet greet)
    {
        c.Greeted = true;
        c.Peer ??= Peers[greet.Answers];
        c.Probe = !c.Dialled && greet.Probe;
        PeerFacts facts = new(c.Peer.Value, 1)
        {
            SecretProven = greet.Proven,
            Probe = c.Probe,
            Forged = greet.Forged,
            Back = c.Dialled ? null : AddressOf(c.Peer.Value),
        };
        if (_fault == MeshFault.ReadyAtOnce)
        {
            Apply(new MeshAction.SendReady(c.Key));
        }

        bool isBanned = _mesh.BanOf(c.Peer.Value, _now) is not null;
        Do(m => m.HandleHello(c.Key, facts, _now));
        Assert.False(isBanned && !_mesh.IsStatic(c.Peer.Value) && _connections.ContainsKey(c.Key), $"{c} of a banned peer goes on");
        return true;
    }

    private bool ReadyFrom(Connection c)
    {
        c.ReadyReceived = true;
        Do(m => m.HandleReadyReceived(c.Key, _now));
        return true;
    }

    private bool Fail(Connection c, MeshCommand.Fail fail)
    {
        MesharaErrorCode code = fail.ByPeer ? Refusals[fail.Code % Refusals.Length] : Failures[fail.Code % Failures.Length];
        bool proven = c.Greeted || fail.ByPeer;
        _connections.Remove(c.Key);
        ConnectionFailure failure = new(code, "", IsTransient: true, ByPeer: fail.ByPeer, Peer: proven ? c.Peer : null, Penalise: proven && code == MesharaErrorCode.ProtocolError)
        {
            SharedWith = code == MesharaErrorCode.IdentityInUse ? "x:1" : null,
        };
        _failed = c;
        Do(m => m.HandleConnectionFailed(c.Key, failure, _now));
        _failed = null;
        return true;
    }

    private bool End(Connection c, MeshCommand.End end)
    {
        DisconnectReason reason = c.Closing ?? (DisconnectReason)(end.Reason % (int)DisconnectReason.Misbehaved);
        _connections.Remove(c.Key);
        Do(m => m.HandleLinkClosed(c.Key, new LinkEnd(reason, "", Penalise: reason == DisconnectReason.ProtocolError), _now));
        Assert.True(c.Probe || c.DownTold, $"the end of {c} was not told");
        return true;
    }

    private void Wait(TimeSpan time)
    {
        TimeSpan end = _now + time;
        int turns = 0;
        while (_mesh.NextDeadline <= end)
        {
            Assert.True(++turns < 5000, "a deadline comes again and again");
            _now = _mesh.NextDeadline.Value > _now ? _mesh.NextDeadline.Value : _now;
            Do(m => m.HandleDeadline(_now));
        }

        _now = end;
        CheckAll();
    }

    private void Do(Action<Mesh> what)
    {
        HashSet<NodeId> extra = [.. Peers.Where(_mesh.IsStatic)];
        what(_mesh);
        while (_mesh.TryPoll(out MeshAction? action))
        {
            Apply(action);

            // At every action, not only between events. Only who was extra before can be one too many: it is closed in that event.
            Assert.True(action is not MeshAction.LinkUp || LinksOfMesh(extra) <= _max, $"{LinksOfMesh(extra)} mesh links of {_max}");
        }

        CheckAll();
    }

    private void CheckAll()
    {
        Assert.True(LinksOfMesh([]) <= _max, $"{LinksOfMesh([])} mesh links of {_max} after an event");
        MeshCounts counts = _mesh.Counts;
        Assert.Equal(_mesh.Recount(), counts);
        Assert.True(counts.Mesh <= _max && counts.Passing <= 1 && counts.Feelers <= 1, $"too many: {counts}");
        int places = _connections.Values.Where(static c => c is { Greeted: true, Probe: false, Feeler: false, Closing: null }).Select(static c => c.Peer).Distinct().Count();
        Assert.True(places == counts.Mesh + counts.Passing + counts.Static, $"{places} peers have a place, not as {counts} says");
        foreach (NodeId id in Peers)
        {
            Connection? link = _connections.Values.SingleOrDefault(c => c is { Live: true, Probe: false, Closing: null } && c.Peer == id);
            Assert.True(_mesh.LinkOf(id) == link?.Key, $"the link of {id.ToShortString()} is {_mesh.LinkOf(id)}, and {link} by the actions");
            CheckBan(id);
        }
    }

    // Nobody is banned who was not told of, nobody longer, and nobody is let off early.
    private void CheckBan(NodeId id)
    {
        TimeSpan? told = _bans.TryGetValue(id, out TimeSpan until) && until > _now && !_mesh.IsStatic(id) ? until : null;
        Assert.True(_mesh.BanOf(id, _now) == told, $"the ban of {id.ToShortString()} ends at {_mesh.BanOf(id, _now)}, and at {told} by what was told");
    }

    private int LinksOfMesh(HashSet<NodeId> extra) => _connections.Values.Count(c =>
        c is { Live: true, Probe: false, Closing: null, Peer: { } id } && !extra.Contains(id) && !_mesh.IsStatic(id));

    private void Apply(MeshAction action)
    {
        switch (action)
        {
            case MeshAction.Dial a:
                CheckDial(a);
                Feelers += a.Probe ? 1 : 0;
                _connections.Add(a.Connection, new Connection(a.Connection) { Dialled = true, Peer = a.Address.Id, Feeler = a.Probe });
                break;
            case MeshAction.SendReady a:
                Connection ready = _connections[a.Connection];
                Assert.True(ready is { Greeted: true, ReadySent: false }, $"READY a second time, or before HELLO, on {ready}");
                Assert.True(ready.ReadyReceived || ready.Peer!.Value > Core.Ids.Of(0x55), $"READY before S's on {ready}");
                ready.ReadySent = true;
                break;
            case MeshAction.SendRefuse a:
                Assert.True(a.Code != RefuseCode.Full || (a is { Limit.Length: > 0, Value: > 0 } && a.RetryAfter >= TimeSpan.FromSeconds(60)), "a refusal that does not say which limit");
                _connections.Remove(a.Connection);
                break;
            case MeshAction.SendGoodbye a:
                Assert.True((_failed?.Key == a.Connection ? _failed : _connections[a.Connection]).ReadySent, "GOODBYE in place of REFUSE");
                _connections.Remove(a.Connection);
                break;
            case MeshAction.Abort a:
                _connections.Remove(a.Connection);
                break;
            case MeshAction.LinkUp a:
                Up(_connections[a.Connection], a);
                break;
            case MeshAction.LinkDown a:
                Connection down = Assert.Contains(a.Connection, (IDictionary<long, Connection>)_told);
                Assert.False(down.DownTold, $"the end of {down} is told twice");
                down.DownTold = true;
                break;
            case MeshAction.CloseLink a:
                Close(_connections[a.Connection], a);
                break;
            case MeshAction.Check a:
                _mesh.HandleLiveness(a.Connection, new LinkLiveness(_now, null, null) { Useful = _useful++ % 3 }, _now);
                break;
            case MeshAction.Banned a:
                Bans++;
                Assert.True(a.Until > _now, "a ban that is over");
                _bans[a.Peer] = a.Until;
                break;
            case MeshAction.AddSucceeded a:
                _adds.Remove(a.AddId);
                break;
            case MeshAction.AddFailed a:
                _adds.Remove(a.AddId);
                break;
        }
    }

    // Links whose end may be told after they are gone.
    private readonly Dictionary<long, Connection> _told = [];

    private void Up(Connection c, MeshAction.LinkUp up)
    {
        Assert.True(c is { ReadySent: true, ReadyReceived: true, Live: false } && c.Peer == up.Peer && c.Dialled != up.Inbound, $"{c} gets live out of turn");
        Assert.True(up.Probe || !_connections.Values.Any(other => other is { Live: true, Probe: false, DownTold: false } && other.Peer == c.Peer), $"{c} is a second link");
        (c.Live, c.Probe) = (true, up.Probe);
        _told.Add(c.Key, c);
    }

    private void Close(Connection c, MeshAction.CloseLink close)
    {
        Assert.True(c is { Live: true, Closing: null }, $"{c} is closed twice");
        Assert.True(close.Reason is not (DisconnectReason.Evicted or DisconnectReason.Misbehaved) || !_mesh.IsStatic(c.Peer!.Value), "a static peer was sent away");
        Evictions += close.Reason == DisconnectReason.Evicted ? 1 : 0;
        c.Closing = _fault == MeshFault.KeepsWhoIsEvicted && close.Reason == DisconnectReason.Evicted ? null : close.Reason;
    }

    private void CheckDial(MeshAction.Dial dial)
    {
        // Learned addresses are dialled by their id; the operator's have it too, and then the peer is static.
        if (dial.Address.Id is not { } id || _mesh.IsStatic(id))
        {
            return;
        }

        Assert.True(_mesh.LinkOf(id) is null, "a dial to a linked peer");
        Assert.True(!_bans.TryGetValue(id, out TimeSpan until) || until <= _now, "a dial to a banned peer");
        Assert.True(!_connections.Values.Any(c => c is { Dialled: true, Live: false } && c.Peer == id), "two dials to one peer");
        Assert.True(_admission != AdmissionMode.KnownPeers, "a dial to a stranger");
    }

    private sealed record Connection(long Key)
    {
        public bool Dialled { get; init; }

        public bool Feeler { get; init; }

        public NodeId? Peer { get; set; }

        public bool Greeted { get; set; }

        public bool ReadySent { get; set; }

        public bool ReadyReceived { get; set; }

        public bool Live { get; set; }

        public bool Probe { get; set; }

        public bool DownTold { get; set; }

        public DisconnectReason? Closing { get; set; }
    }
}
