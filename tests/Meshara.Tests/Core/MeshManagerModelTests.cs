using FsCheck;
using FsCheck.Fluent;
using Meshara.Core;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>One mesh and a world that does whatever it likes: callers, addresses that answer, refuse or lie, faults, an operator who changes his mind.</summary>
public sealed class MeshManagerModelTests
{
    [Fact]
    public void AnyWorld_OpenMesh_NeverTooManyAndNeverADialThatMustNotBe() => Run(AdmissionMode.Open);

    [Fact]
    public void AnyWorld_SecretMesh_NeverTooManyAndNeverADialThatMustNotBe() => Run(AdmissionMode.Secret);

    private static void Run(AdmissionMode admission) =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            Random random = new(seed);
            int max = 1 + random.Next(9);
            World world = new(random, admission, target: random.Next(max + 1), max);
            for (int i = 0; i < 300; i++)
            {
                world.Step();
            }

            return true.ToProperty();
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(20_261_121, 9_999_999));

    private sealed class World
    {
        private const int Ids = 24;

        private readonly Random _random;
        private readonly AdmissionMode _admission;
        private readonly int _max;
        private readonly Mesh _mesh;
        private readonly NodeId[] _ids = [.. Enumerable.Range(0, Ids).Select(i => Core.Ids.Of((byte)(1 + (i * 10))))];
        private readonly Dictionary<long, Connection> _connections = [];
        private readonly Queue<string> _trace = new();
        private TimeSpan _now = TimeSpan.FromSeconds(1);
        private long _adds;

        public World(Random random, AdmissionMode admission, int target, int max)
        {
            (_random, _admission, _max) = (random, admission, max);
            _mesh = new Mesh(new MeshConfig
            {
                Self = Core.Ids.Of(0x55),
                Admission = admission,
                TargetPeers = target,
                MaxPeers = max,
                FeelerInterval = TimeSpan.FromSeconds(20),
                BootstrapNodes = [new PeerAddress("boot", 1)],
                Random = new Random(random.Next()),
            });
            Note($"target {target}, max {max}");
            Do(m => m.HandleStart(StoredMesh.Empty, _now));
            Do(m => m.HandleReady(_now));
        }

        private NodeId AnyId => _ids[_random.Next(Ids)];

        public void Step()
        {
            switch (_random.Next(16))
            {
                case 0 or 1:
                    Call();
                    break;
                case 2 or 3 or 4 or 5:
                    Proceed();
                    break;
                case 6:
                    NodeId id = AnyId;
                    Do(m => m.HandleLearned(AddressOf(id), AddressSource.PeerExchange, System.Net.IPAddress.Parse($"11.{_random.Next(4)}.0.1"), _now));
                    break;
                case 7 or 8:
                    Close();
                    break;
                case 9:
                    NodeId trusted = AnyId;
                    Do(m => m.HandleTrust(trusted, _now));
                    break;
                case 10:
                    NodeId removed = AnyId;
                    Do(m => m.HandleRemove(removed, _now));
                    break;
                case 11:
                    PeerAddress address = AddressOf(AnyId);
                    Do(m => m.HandleAdd(++_adds, _random.Next(2) == 0 ? address : address with { Id = null }, keepForever: _random.Next(3) == 0, _now));
                    break;
                case 12:
                    Do(m => m.HandleCancelAdd(_random.NextInt64(_adds + 1), _now));
                    break;
                case 13:
                    Do(m => m.HandleNetworkChanged(_now));
                    break;
                default:
                    Wait(_random.Next(4) == 0 ? 100 * _random.NextDouble() : 3 * _random.NextDouble());
                    break;
            }
        }

        private static PeerAddress AddressOf(NodeId id)
        {
            int first = Convert.ToInt32(id.ToString()[..2], 16);
            return new PeerAddress($"10.{first % 7}.0.{first}", 4040, id);
        }

        private void Call()
        {
            NodeId id = AnyId;
            string from = $"10.{_random.Next(6)}.{_random.Next(3)}.1:5";
            long key = _mesh.HandleAccepted(from);
            _connections.Add(key, new Connection(key) { Peer = id });
            Note($"{key} called from {from}");
        }

        // Something happens on one connection that is not live.
        private void Proceed()
        {
            Connection[] open = [.. _connections.Values.Where(c => !c.Live)];
            if (open.Length == 0)
            {
                return;
            }

            Connection c = open[_random.Next(open.Length)];
            if (_random.Next(6) == 0)
            {
                Fail(c, byPeer: _random.Next(2) == 0);
            }
            else if (!c.Greeted)
            {
                // Who answers at an address without an id may be anybody; TLS sees to the rest.
                c.Greeted = true;
                c.Peer ??= AnyId;
                Do(m => m.HandleHello(c.Key, new PeerFacts(c.Peer.Value, 1) { SecretProven = _random.Next(5) > 0, Probe = !c.Dialled && _random.Next(8) == 0, Back = c.Dialled ? null : AddressOf(c.Peer.Value) }, _now));
            }
            else
            {
                Do(m => m.HandleReadyReceived(c.Key, _now));
            }
        }

        private void Fail(Connection c, bool byPeer)
        {
            MesharaErrorCode[] codes = byPeer
                ? [MesharaErrorCode.Full, MesharaErrorCode.Duplicate, MesharaErrorCode.Banned, MesharaErrorCode.IdentityInUse, MesharaErrorCode.GoingAway]
                : [MesharaErrorCode.ConnectFailed, MesharaErrorCode.PinMismatch, MesharaErrorCode.HelloTimeout, MesharaErrorCode.Self, MesharaErrorCode.ProtocolError];
            MesharaErrorCode code = codes[_random.Next(codes.Length)];
            bool proven = c.Greeted || byPeer;
            _connections.Remove(c.Key);
            Do(m => m.HandleConnectionFailed(
                c.Key,
                new ConnectionFailure(code, "", IsTransient: true, ByPeer: byPeer, Peer: proven ? c.Peer : null, Penalise: proven && code == MesharaErrorCode.ProtocolError) { SharedWith = code == MesharaErrorCode.IdentityInUse ? "x:1" : null },
                _now));
        }

        private void Close()
        {
            Connection[] links = [.. _connections.Values.Where(c => c.Live)];
            if (links.Length == 0)
            {
                return;
            }

            Connection c = links[_random.Next(links.Length)];
            DisconnectReason reason = c.Closing ?? (DisconnectReason)_random.Next((int)DisconnectReason.Misbehaved);
            _connections.Remove(c.Key);
            Do(m => m.HandleLinkClosed(c.Key, new LinkEnd(reason, "", Penalise: reason == DisconnectReason.ProtocolError), _now));
        }

        private void Wait(double seconds)
        {
            TimeSpan end = _now + TimeSpan.FromSeconds(seconds);
            int turns = 0;
            while (_mesh.NextDeadline <= end)
            {
                Check(++turns < 5000, "a deadline comes again and again");
                _now = _mesh.NextDeadline.Value > _now ? _mesh.NextDeadline.Value : _now;
                Do(m => m.HandleDeadline(_now));
            }

            _now = end;
        }

        private void Do(Action<Mesh> what)
        {
            what(_mesh);
            while (_mesh.TryPoll(out MeshAction? action))
            {
                Note(action.ToString());
                Apply(action);

                // At every action boundary, not only between events. Only the operator's word can make a link that lives one too many: it is closed in that event.
                Check(action is not MeshAction.LinkUp || MeshLinks() <= _max, "too many mesh links");
            }

            Check(MeshLinks() <= _max, "too many mesh links after an event");
            MeshCounts counts = _mesh.Counts;
            Check(counts.Mesh <= _max, $"too many places: {counts}");
            Check(counts.Passing <= 1 && counts.Feelers <= 1, $"too many passing: {counts}");
        }

        private int MeshLinks() => _connections.Values.Count(c => c is { Live: true, Probe: false, Closing: null } && !_mesh.IsStatic(c.Peer!.Value));

        private void Apply(MeshAction action)
        {
            switch (action)
            {
                case MeshAction.Dial a:
                    CheckDial(a);
                    _connections.Add(a.Connection, new Connection(a.Connection) { Dialled = true, Peer = a.Address.Id, Address = a.Address.HostAndPort });
                    break;
                case MeshAction.SendRefuse a:
                    Check(a.Code != RefuseCode.Full || (a is { Limit.Length: > 0, Value: > 0 } && a.RetryAfter >= TimeSpan.FromSeconds(60)), "a refusal that does not say which limit");
                    _connections.Remove(a.Connection);
                    break;
                case MeshAction.SendGoodbye a:
                    _connections.Remove(a.Connection);
                    break;
                case MeshAction.Abort a:
                    _connections.Remove(a.Connection);
                    break;
                case MeshAction.LinkUp a:
                    _connections[a.Connection].Live = true;
                    _connections[a.Connection].Probe = a.Probe;
                    break;
                case MeshAction.CloseLink a:
                    Check(a.Reason is not DisconnectReason.Evicted || !_mesh.IsStatic(_connections[a.Connection].Peer!.Value), "a static peer was evicted");
                    _connections[a.Connection].Closing = a.Reason;
                    break;
                case MeshAction.Check a:
                    _mesh.HandleLiveness(a.Connection, new LinkLiveness(_now, null, null) { Useful = _random.Next(3) }, _now);
                    break;
                case MeshAction.Shared:
                    break;
            }
        }

        private void CheckDial(MeshAction.Dial dial)
        {
            // Learned addresses are dialled by their id; the operator's have it too, and then the peer is static.
            if (dial.Address.Id is not { } id)
            {
                return;
            }

            bool isOperators = _mesh.IsStatic(id);
            Check(isOperators || _mesh.LinkOf(id) is null, "a dial to a linked peer");
            Check(isOperators || _mesh.BanOf(id, _now) is null, "a dial to a banned peer");
            Check(isOperators || !_connections.Values.Any(c => c is { Dialled: true, Live: false } && c.Peer == id), "two dials to one peer");
            Check(isOperators || _admission != AdmissionMode.KnownPeers, "a dial to a stranger");
        }

        private void Note(string line)
        {
            _trace.Enqueue($"{_now.TotalSeconds:0.000} {line}");
            if (_trace.Count > 60)
            {
                _trace.Dequeue();
            }
        }

        private void Check(bool condition, string what)
        {
            if (!condition)
            {
                throw new InvalidOperationException($"{what}\n{string.Join('\n', _trace)}");
            }
        }

        private sealed class Connection(long key)
        {
            public long Key { get; } = key;

            public bool Dialled { get; init; }

            public string Address { get; init; } = "";

            public NodeId? Peer { get; set; }

            public bool Greeted { get; set; }

            public bool Live { get; set; }

            public bool Probe { get; set; }

            public DisconnectReason? Closing { get; set; }
        }
    }
}
