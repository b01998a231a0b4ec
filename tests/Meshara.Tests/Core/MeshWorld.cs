using Meshara.Core;
using Meshara.Wire;

namespace Meshara.Tests.Core;

/// <summary>Two meshes and a network between them that delays, cuts and falls silent; everything follows from the seed.</summary>
internal sealed class MeshWorld
{
    private static readonly TimeSpan HelloDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(2);

    private readonly PriorityQueue<Action, (TimeSpan, long)> _events = new();
    private readonly Random _random;
    private readonly int _maxDelay;
    private readonly List<Pipe> _pipes = [];
    private long _sequence;
    private TimeSpan _downUntil;

    public MeshWorld(int seed, int maxDelayMs = 300)
    {
        _random = new Random(seed);
        _maxDelay = maxDelayMs;
        A = new Side(this, Ids.Low, "a");
        B = new Side(this, Ids.High, "b");
        A.Other = B;
        B.Other = A;
        A.Start();
        B.Start();
    }

    public TimeSpan Now { get; private set; }

    public Side A { get; }

    public Side B { get; }

    public List<string> Trace { get; } = [];

    /// <summary>The pipe that each side believes to be the link; -1: none.</summary>
    public (int A, int B) Links => (A.LinkPipe, B.LinkPipe);

    public void At(double delayMs, Action action) => _events.Enqueue(action, (Now + TimeSpan.FromMilliseconds(delayMs), ++_sequence));

    public void Run(double seconds)
    {
        TimeSpan end = Now + TimeSpan.FromSeconds(seconds);
        while (true)
        {
            TimeSpan next = _events.TryPeek(out _, out (TimeSpan At, long) due) ? due.At : TimeSpan.MaxValue;
            TimeSpan? a = A.Mesh.NextDeadline, b = B.Mesh.NextDeadline;
            TimeSpan timer = new(Math.Min((a ?? TimeSpan.MaxValue).Ticks, (b ?? TimeSpan.MaxValue).Ticks));
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
                (a == timer ? A : B).Step(m => m.HandleDeadline(Now));
            }
        }

        Now = end;
    }

    public void NetworkDown(double seconds) => _downUntil = Now + TimeSpan.FromSeconds(seconds);

    /// <summary>Breaks every open pipe; each side learns of it or not.</summary>
    public void Cut(bool tellA, bool tellB)
    {
        foreach (Pipe pipe in _pipes.Where(p => !p.Broken).ToArray())
        {
            pipe.Broken = true;
            if (tellA)
            {
                At(Delay(), () => A.Lost(pipe));
            }

            if (tellB)
            {
                At(Delay(), () => B.Lost(pipe));
            }
        }
    }

    /// <summary>The process ends and starts anew; the other side sees the end of its connections, or nothing.</summary>
    public void Restart(Side side, bool silently)
    {
        Trace.Add($"{Now.TotalSeconds:0.000} {side.Name} restarts");
        Cut(!silently && side == B, !silently && side == A);
        side.Start();
    }

    /// <summary>As <see cref="Restart"/>, with a new key, as long as the other side can follow to it.</summary>
    public void Rotate(Side side, bool silently)
    {
        side.Rotate(_random);
        Restart(side, silently);
    }

    private double Delay() => 1 + (_random.NextDouble() * _maxDelay);

    /// <summary>A transport connection; end 0 is A's, end 1 B's.</summary>
    internal sealed class Pipe(int number)
    {
        public int Number { get; } = number;

        public bool Broken { get; set; }

        public TimeSpan[] LastDelivery { get; } = new TimeSpan[2];
    }

    /// <summary>What a driver knows of one connection.</summary>
    internal sealed class End(long connection, Pipe pipe)
    {
        public long Connection { get; } = connection;

        public Pipe Pipe { get; } = pipe;

        public bool Inbound { get; init; }

        public bool Live { get; set; }

        public DisconnectReason? Closing { get; set; }

        public TimeSpan LastFrame { get; set; }
    }

    internal sealed class Side(MeshWorld world, NodeId id, string name)
    {
        private readonly Dictionary<int, End> _byPipe = [];
        private readonly Dictionary<long, End> _byConnection = [];
        private readonly HashSet<long> _dials = [];

        // On disk: this side's older keys, the other's that it has pinned, and that one's older keys.
        private readonly List<NodeId> _older = [];
        private readonly List<NodeId> _previous = [];
        private NodeId? _pin;
        private long _nextAdd;
        private int _generation;

        public string Name { get; } = name;

        public Side Other { get; set; } = null!;

        public Mesh Mesh { get; private set; } = null!;

        public HashSet<long> OpenAdds { get; } = [];

        public int Ups { get; private set; }

        public int Downs { get; private set; }

        public int SharedSeen { get; private set; }

        public int LinkPipe => Mesh.LinkOf(Other.Id) is { } link && _byConnection.TryGetValue(link, out End? end) ? end.Pipe.Number : -1;

        public NodeId Id { get; private set; } = id;

        public NodeId Pin => _pin ?? Other.Id;


        public void Start()
        {
            _generation++;
            _byPipe.Clear();
            _byConnection.Clear();
            _dials.Clear();
            OpenAdds.Clear();
            Mesh = new Mesh(new MeshConfig { Self = Id, Admission = AdmissionMode.KnownPeers, Random = new Random(world._random.Next()) });
        }

        /// <summary>Takes a new key; four back is as far as a chain leads.</summary>
        public void Rotate(Random random)
        {
            Other._pin ??= Id;
            if (Other.Pin != Id && !_older.TakeLast(3).Contains(Other.Pin))
            {
                return;
            }

            byte[] bytes = new byte[NodeId.Size];
            random.NextBytes(bytes);
            _older.Add(Id);
            Id = NodeId.FromBytes(bytes);
        }

        public void Trust()
        {
            foreach (NodeId old in _previous)
            {
                Mesh.HandleSuccession(Older(old), Pin);
            }

            Mesh.HandleTrust(Pin, world.Now);
        }

        public void Want() => Step(m => m.HandleAdd(null, new PeerAddress(Other.Name, 1, Pin), keepForever: true, world.Now));

        public void Add()
        {
            OpenAdds.Add(++_nextAdd);
            Step(m => m.HandleAdd(_nextAdd, new PeerAddress(Other.Name, 1), keepForever: false, world.Now));
        }

        public void NetworkChanged() => Step(m => m.HandleNetworkChanged(world.Now));

        /// <summary>The local address of everything that this side has open goes.</summary>
        public void AddressGone()
        {
            foreach (End end in _byConnection.Values.ToArray())
            {
                end.Pipe.Broken = true;
                Step(m => m.HandleAddressGone(end.Connection, "gone", world.Now));
                if (end.Live)
                {
                    Later(() => Ended(end, DisconnectReason.ConnectionLost, default));
                }
            }
        }

        public void Lost(Pipe pipe)
        {
            if (_byPipe.TryGetValue(pipe.Number, out End? end))
            {
                Ended(end, DisconnectReason.ConnectionLost, MesharaErrorCode.ConnectFailed);
            }
        }

        public void Step(Action<Mesh> what)
        {
            what(Mesh);
            while (Mesh.TryPoll(out MeshAction? action))
            {
                Do(action);
            }

            // Never two links at once, in what was told to the driver.
            if (_byPipe.Values.Count(e => e.Live && e.Closing is null) > 1)
            {
                throw new InvalidOperationException($"{Name} has two links at {world.Now}");
            }

            if (Mesh.Counts != Mesh.Recount())
            {
                throw new InvalidOperationException($"{Name} keeps {Mesh.Counts} at {world.Now}, and a count gives {Mesh.Recount()}");
            }
        }

        private void Do(MeshAction action)
        {
            world.Trace.Add($"{world.Now.TotalSeconds:0.000} {Name} {action}");
            switch (action)
            {
                case MeshAction.Dial dial:
                    _dials.Add(dial.Connection);
                    Later(() => Connect(dial.Connection));
                    break;
                case MeshAction.SendReady a:
                    Send(a.Connection, new Frame.Ready());
                    break;
                case MeshAction.SendRefuse a:
                    Send(a.Connection, new Frame.Refuse(a.Code));
                    Remove(a.Connection);
                    break;
                case MeshAction.Abort a:
                    _dials.Remove(a.Connection);
                    Send(a.Connection, new Frame.End());
                    Remove(a.Connection);
                    break;
                case MeshAction.LinkUp a:
                    Ups++;
                    _byConnection[a.Connection].Live = true;
                    break;
                case MeshAction.LinkDown:
                    Downs++;
                    break;
                case MeshAction.Ping a:
                    Send(a.Connection, new Frame.Ping(a.Number));
                    break;
                case MeshAction.Check a:
                    Mesh.HandleLiveness(a.Connection, new LinkLiveness(_byConnection[a.Connection].LastFrame, null, null), world.Now);
                    break;
                case MeshAction.CloseLink a:
                    Send(a.Connection, new Frame.Close(a.Reason));
                    End end = _byConnection[a.Connection];
                    end.Closing = a.Reason;
                    Later(() => Ended(end, a.Reason, default), Drain.TotalMilliseconds);
                    break;
                case MeshAction.AddSucceeded a:
                    OpenAdds.Remove(a.AddId);
                    break;
                case MeshAction.AddFailed a:
                    OpenAdds.Remove(a.AddId);
                    break;
                case MeshAction.Shared:
                    SharedSeen++;
                    break;
                case MeshAction.Succeeded a:
                    _previous.Add(a.Old);
                    _pin = a.New;
                    break;
                case MeshAction.NotFollowed:
                    throw new InvalidOperationException($"{Name} did not follow: {action}");
            }
        }

        private Predecessor Older(NodeId key) => new(key, DateTimeOffset.MaxValue, world.Now + TimeSpan.FromDays(30));

        private void Connect(long connection)
        {
            if (!_dials.Remove(connection))
            {
                return;
            }

            if (world.Now < world._downUntil)
            {
                Step(m => m.HandleConnectionFailed(connection, new(MesharaErrorCode.ConnectFailed, "", IsTransient: true), world.Now));
                return;
            }

            Pipe pipe = new(world._pipes.Count);
            world._pipes.Add(pipe);
            // What is sent before the other side accepts waits in its socket.
            double delay = world.Delay();
            pipe.LastDelivery[this == world.A ? 0 : 1] = world.Now + TimeSpan.FromMilliseconds(delay);
            Open(connection, pipe);
            Other.Later(() => Other.Accepted(pipe), delay);
        }

        private void Accepted(Pipe pipe) => Open(Mesh.HandleAccepted(Other.Name + ":9"), pipe, inbound: true);

        private void Open(long connection, Pipe pipe, bool inbound = false)
        {
            End end = new(connection, pipe) { LastFrame = world.Now, Inbound = inbound };
            _byPipe[pipe.Number] = end;
            _byConnection[connection] = end;
            Send(connection, new Frame.Hello((ulong)_generation, Id, [.. _older.TakeLast(4)]));
            Later(() => HelloTimeout(end), HelloDeadline.TotalMilliseconds);
        }

        private void HelloTimeout(End end)
        {
            if (!end.Live && _byConnection.GetValueOrDefault(end.Connection) == end)
            {
                Send(end.Connection, new Frame.End());
                Ended(end, DisconnectReason.ConnectionLost, MesharaErrorCode.HelloTimeout);
            }
        }

        private void Ended(End end, DisconnectReason reason, MesharaErrorCode code)
        {
            if (_byConnection.GetValueOrDefault(end.Connection) != end)
            {
                return;
            }

            Remove(end.Connection);
            if (end.Live)
            {
                Step(m => m.HandleLinkClosed(end.Connection, new LinkEnd(end.Closing ?? reason, "", false), world.Now));
            }
            else
            {
                Step(m => m.HandleConnectionFailed(end.Connection, new(code, "", IsTransient: true), world.Now));
            }
        }

        private void Remove(long connection)
        {
            if (_byConnection.Remove(connection, out End? end))
            {
                _byPipe.Remove(end.Pipe.Number);
            }
        }

        // Not after a restart: the process that wanted it is gone.
        private void Later(Action action, double? delayMs = null)
        {
            int generation = _generation;
            world.At(delayMs ?? world.Delay(), () =>
            {
                if (generation == _generation)
                {
                    action();
                }
            });
        }

        private void Send(long connection, Frame frame)
        {
            if (!_byConnection.TryGetValue(connection, out End? end) || end.Pipe.Broken)
            {
                return;
            }

            Pipe pipe = end.Pipe;
            int direction = this == world.A ? 0 : 1;
            TimeSpan at = world.Now + TimeSpan.FromMilliseconds(world.Delay());
            at = at > pipe.LastDelivery[direction] ? at : pipe.LastDelivery[direction] + TimeSpan.FromMilliseconds(0.1);
            pipe.LastDelivery[direction] = at;
            world.At((at - world.Now).TotalMilliseconds, () => Other.Deliver(pipe, frame));
        }

        private void Deliver(Pipe pipe, Frame frame)
        {
            if (pipe.Broken || !_byPipe.TryGetValue(pipe.Number, out End? end))
            {
                return;
            }

            end.LastFrame = world.Now;
            switch (frame)
            {
                case Frame.Hello hello:
                    PeerFacts facts = new(hello.Id, hello.Instance)
                    {
                        Back = end.Inbound ? new PeerAddress(Other.Name, 1, hello.Id) : null,
                        Succeeds = [.. Mesh.FindKnown(hello.Older, hello.Id).Select(i => Older(hello.Older[i]))],
                    };
                    Step(m => m.HandleHello(end.Connection, facts, world.Now));
                    break;
                case Frame.Ready:
                    Step(m => m.HandleReadyReceived(end.Connection, world.Now));
                    break;
                case Frame.Refuse refuse:
                    Remove(end.Connection);
                    Step(m => m.HandleConnectionFailed(
                        end.Connection,
                        new(Meshara.Core.Policy.AdmissionRule.ToError(refuse.Code), "", Meshara.Core.Policy.AdmissionRule.IsTransient(refuse.Code), ByPeer: true),
                        world.Now));
                    break;
                case Frame.Ping ping:
                    // Section 4: a link frame before both READYs is a protocol error.
                    if (!end.Live)
                    {
                        throw new InvalidOperationException($"{Name} got a PING before READY");
                    }

                    Send(end.Connection, new Frame.Pong(ping.Number));
                    break;
                case Frame.Pong pong:
                    Step(m => m.HandlePong(end.Connection, pong.Number, world.Now));
                    break;
                case Frame.Close close:
                    Send(end.Connection, new Frame.Close(close.Reason));
                    Ended(end, close.Reason, MesharaErrorCode.GoingAway);
                    break;
                case Frame.End:
                    Ended(end, DisconnectReason.ConnectionLost, MesharaErrorCode.ConnectFailed);
                    break;
            }
        }
    }

    private abstract record Frame
    {
        public sealed record Hello(Bits128 Instance, NodeId Id, NodeId[] Older) : Frame;

        public sealed record Ready : Frame;

        public sealed record Refuse(RefuseCode Code) : Frame;

        public sealed record Ping(long Number) : Frame;

        public sealed record Pong(long Number) : Frame;

        public sealed record Close(DisconnectReason Reason) : Frame;

        public sealed record End : Frame;
    }
}
