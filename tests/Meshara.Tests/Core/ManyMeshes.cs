using System.Net;
using Meshara.Core;
using Meshara.Core.Policy;

namespace Meshara.Tests.Core;

/// <summary>Many meshes and a network between them without faults but those that the test asks for; everything follows from the seed. 10.1.0.0/16 is the network that they are on.</summary>
internal sealed class ManyMeshes
{
    private readonly PriorityQueue<Action, (TimeSpan, long)> _events = new();
    private readonly Random _random;
    private long _sequence;

    public ManyMeshes(int seed, int count, Func<int, string> hostOf, int target, int max)
    {
        _random = new Random(seed);
        Nodes = [.. Enumerable.Range(0, count).Select(i => new Member(this, NodeIds.At((i * 7919) + 1), hostOf(i), target, max))];
        foreach (Member node in Nodes)
        {
            node.Start();
        }
    }

    public TimeSpan Now { get; private set; }

    public IReadOnlyList<Member> Nodes { get; }

    /// <summary>Everybody is told of everybody.</summary>
    public void Introduce()
    {
        foreach (Member node in Nodes)
        {
            foreach (Member other in Nodes.Where(o => o != node))
            {
                node.Learn(other.Address);
            }
        }
    }

    public void Run(TimeSpan time)
    {
        TimeSpan end = Now + time;
        while (true)
        {
            TimeSpan next = _events.TryPeek(out _, out (TimeSpan At, long) due) ? due.At : TimeSpan.MaxValue;
            Member? first = Nodes.Where(n => n.Runs).MinBy(n => n.Mesh.NextDeadline ?? TimeSpan.MaxValue);
            TimeSpan timer = first?.Mesh.NextDeadline ?? TimeSpan.MaxValue;
            if ((next < timer ? next : timer) > end)
            {
                break;
            }

            if (next <= timer)
            {
                Now = next;
                _events.Dequeue()();
            }
            else
            {
                Now = timer > Now ? timer : Now;
                first!.Step(m => m.HandleDeadline(Now));
            }
        }

        Now = end;
    }

    private void Later(Action action) => _events.Enqueue(action, (Now + TimeSpan.FromMilliseconds(1 + (50 * _random.NextDouble())), ++_sequence));

    internal sealed class Member(ManyMeshes world, NodeId id, string host, int target, int max)
    {
        private readonly Dictionary<long, End> _ends = [];

        public PeerAddress Address { get; } = new(host, 4040, id);

        public Mesh Mesh { get; private set; } = null!;

        public bool Runs { get; private set; }

        public int Dials { get; private set; }

        public int Evictions { get; private set; }

        /// <summary>The most mesh links at any action boundary.</summary>
        public int Most { get; private set; }

        public IEnumerable<NodeId> Peers => _ends.Values.Where(e => e is { Live: true, Closing: false }).Select(e => e.Peer!.Value);

        public void Start()
        {
            Runs = true;
            Mesh = new Mesh(new MeshConfig
            {
                Self = id,
                Admission = AdmissionMode.Open,
                TargetPeers = target,
                MaxPeers = max,
                Groups = new AddressGroups([], [IPNetwork.Parse("10.1.0.0/16")]),
                Random = new Random(world._random.Next()),
            });
            Step(m => m.HandleReady(world.Now));
        }

        /// <summary>As after kill -9: the others' connections end, and nobody answers here.</summary>
        public void Kill()
        {
            Runs = false;
            foreach (End end in _ends.Values)
            {
                world.Later(() => end.Other?.Member.Lost(end.Other, DisconnectReason.ConnectionLost));
            }

            _ends.Clear();
        }

        public void Learn(PeerAddress address) => Step(m => m.HandleLearned(address, AddressSource.Manual, null, world.Now));

        public void Step(Action<Mesh> what)
        {
            if (!Runs)
            {
                return;
            }

            what(Mesh);
            while (Mesh.TryPoll(out MeshAction? action))
            {
                Do(action);
                Most = Math.Max(Most, Peers.Count());
            }
        }

        private void Do(MeshAction action)
        {
            switch (action)
            {
                case MeshAction.Dial a:
                    Dials += a.Probe ? 0 : 1;
                    End end = new(this, a.Connection) { Probe = a.Probe };
                    _ends.Add(a.Connection, end);
                    world.Later(() => Connect(end, a.Address));
                    break;
                case MeshAction.SendReady a:
                    Send(a.Connection, (to, other) => to.Step(m => m.HandleReadyReceived(other.Connection, world.Now)));
                    break;
                case MeshAction.SendRefuse a:
                    Send(a.Connection, (to, other) => to.Refused(other, a));
                    _ends.Remove(a.Connection);
                    break;
                case MeshAction.SendGoodbye a:
                    Send(a.Connection, (to, other) => to.Lost(other, DisconnectReason.Evicted));
                    _ends.Remove(a.Connection);
                    break;
                case MeshAction.Abort a:
                    Send(a.Connection, (to, other) => to.Lost(other, DisconnectReason.ConnectionLost));
                    _ends.Remove(a.Connection);
                    break;
                case MeshAction.LinkUp a:
                    _ends[a.Connection].Live = !a.Probe;
                    break;
                case MeshAction.CloseLink a:
                    Evictions += a.Reason == DisconnectReason.Evicted ? 1 : 0;
                    End closed = _ends[a.Connection];
                    closed.Closing = true;
                    Send(a.Connection, (to, other) => to.Lost(other, a.Reason));
                    world.Later(() => Lost(closed, a.Reason));
                    break;
                case MeshAction.Check a:
                    Mesh.HandleLiveness(a.Connection, new LinkLiveness(world.Now, null, null), world.Now);
                    break;
            }
        }

        private void Connect(End end, PeerAddress address)
        {
            if (!_ends.ContainsKey(end.Connection))
            {
                return;
            }

            if (world.Nodes.FirstOrDefault(n => n.Address.HostAndPort == address.HostAndPort) is not { Runs: true } other)
            {
                Step(m => m.HandleConnectionFailed(end.Connection, new ConnectionFailure(MesharaErrorCode.ConnectFailed, "", IsTransient: true), world.Now));
                _ends.Remove(end.Connection);
                return;
            }

            End there = new(other, other.Mesh.HandleAccepted($"{host}:50000")) { Other = end, Peer = id };
            (end.Other, end.Peer) = (there, other.Address.Id);
            other._ends.Add(there.Connection, there);
            world.Later(() => other.Hello(there, new PeerFacts(id, 1) { Probe = end.Probe, Back = Address }));
            world.Later(() => Hello(end, new PeerFacts(other.Address.Id!.Value, 1)));
        }

        private void Hello(End end, PeerFacts facts)
        {
            if (_ends.ContainsKey(end.Connection))
            {
                end.Greeted = true;
                Step(m => m.HandleHello(end.Connection, facts, world.Now));
                foreach (Action<End> early in end.Early)
                {
                    early(end);
                }
            }
        }

        private void Send(long connection, Action<Member, End> what)
        {
            if (_ends.TryGetValue(connection, out End? end) && end.Other is { } other)
            {
                // In order: what comes before HELLO waits for it.
                world.Later(() => other.Member.Receive(other, e => what(other.Member, e)));
            }
        }

        private void Receive(End end, Action<End> what)
        {
            if (!_ends.ContainsKey(end.Connection))
            {
                return;
            }

            if (end.Greeted)
            {
                what(end);
            }
            else
            {
                end.Early.Add(what);
            }
        }

        private void Refused(End end, MeshAction.SendRefuse refuse)
        {
            if (_ends.Remove(end.Connection))
            {
                MesharaErrorCode code = AdmissionRule.ToError(refuse.Code);
                Step(m => m.HandleConnectionFailed(end.Connection, new ConnectionFailure(code, "", IsTransient: true, refuse.RetryAfter, ByPeer: true, Peer: end.Peer), world.Now));
            }
        }

        private void Lost(End end, DisconnectReason reason)
        {
            if (!_ends.Remove(end.Connection))
            {
                return;
            }

            MesharaErrorCode code = reason == DisconnectReason.Evicted ? MesharaErrorCode.Full : MesharaErrorCode.LinkClosed;
            Step(m => m.HandleConnectionFailed(end.Connection, new ConnectionFailure(code, "", IsTransient: true, ByPeer: reason == DisconnectReason.Evicted, Peer: end.Peer), world.Now));
            Step(m => m.HandleLinkClosed(end.Connection, new LinkEnd(reason, "", false), world.Now));
        }
    }

    /// <summary>What one side knows of a connection.</summary>
    internal sealed class End(Member member, long connection)
    {
        public Member Member { get; } = member;

        public long Connection { get; } = connection;

        public End? Other { get; set; }

        public NodeId? Peer { get; set; }

        public bool Probe { get; init; }

        public bool Greeted { get; set; }

        public bool Live { get; set; }

        public bool Closing { get; set; }

        public List<Action<End>> Early { get; } = [];
    }
}
