using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>How the story of a <see cref="TieBreakWorld"/> begins.</summary>
internal enum TieBreakStory
{
    /// <summary>Both want a link.</summary>
    BothWant,

    /// <summary>There is a link; then the process of the greater id is killed and comes back, and the other side hears of the lost link late.</summary>
    GreaterComesBack,

    /// <summary>As before, with the smaller id.</summary>
    SmallerComesBack,

    /// <summary>Both want a link, and the first connection is lost at any moment.</summary>
    FirstIsLost,
}

/// <summary>Two real meshes and what is on its way between them: each step is one pending event, and whoever runs it chooses which. Time passes when nothing is pending, and in some stories before.</summary>
internal sealed class TieBreakWorld
{
    private static readonly TimeSpan LastTime = TimeSpan.FromSeconds(90);

    // Whoever runs it chooses no more from then on: what is left are heartbeats.
    private static readonly TimeSpan LastChoice = TimeSpan.FromSeconds(20);

    // Where a process comes back, a deadline is due so often before what is on its way arrives.
    private const int EarlyTimes = 1;
    private const string Time = "time passes";

    private readonly SortedDictionary<string, (int Side, Queue<Action> Events)> _pending = new(StringComparer.Ordinal);
    private readonly Side[] _sides;
    private readonly List<bool> _broken = [];
    private readonly bool _readyAtOnce;
    private readonly TieBreakStory _story;
    private TimeSpan _now = TimeSpan.FromSeconds(1);
    private TimeSpan _begin;
    private int _early;

    /// <summary>A world at its beginning.</summary>
    /// <param name="story">What happens.</param>
    /// <param name="readyAtOnce">The planted fault: the greater id answers HELLO with READY, whatever its mesh says.</param>
    public TieBreakWorld(TieBreakStory story, bool readyAtOnce = false)
    {
        (_story, _readyAtOnce) = (story, readyAtOnce);
        _sides = [new Side(this, 0), new Side(this, 1)];
        Array.ForEach(_sides, static side => side.Start());
        _sides[0].MostUps = _sides[1].MostUps = story == TieBreakStory.FirstIsLost ? int.MaxValue : 1;
        Array.ForEach(_sides, static side => side.Want());
        if (story is TieBreakStory.GreaterComesBack or TieBreakStory.SmallerComesBack)
        {
            RunOut();
            AssertOneLink();
            ComeBack(story == TieBreakStory.GreaterComesBack ? 1 : 0);
        }
    }

    /// <summary>What may happen next, by name; none: the choices are over.</summary>
    public string[] Choices
    {
        get
        {
            while (_pending.Count == 0 && _now < _begin + LastChoice && TryWait())
            {
                // Until something is pending.
            }

            return _now >= _begin + LastChoice ? [] : _early < EarlyTimes && _begin > TimeSpan.Zero && _pending.Count > 0 ? [.. _pending.Keys, Time] : [.. _pending.Keys];
        }
    }

    public List<string> Trace { get; } = [];

    /// <summary>Whose step it is; null: both sides'.</summary>
    public int? SideOf(string choice) => choice == Time ? null : _pending[choice].Side;

    public void Do(string choice)
    {
        if (choice == Time)
        {
            _early++;
            TryWait();
            return;
        }

        Queue<Action> events = _pending[choice].Events;
        Action next = events.Dequeue();
        if (events.Count == 0)
        {
            _pending.Remove(choice);
        }

        Trace.Add($"{_now.TotalSeconds:0.000} {choice}");
        next();
    }

    /// <summary>The rest, each event in its turn, and time.</summary>
    public void RunOut()
    {
        TimeSpan end = _now + LastTime;
        while (_pending.Count > 0 || (_now < end && TryWait()))
        {
            if (_pending.Count > 0)
            {
                Do(_pending.Keys.First());
            }
        }
    }

    /// <summary>One link, the same one at both sides, and where nothing was lost none before it.</summary>
    public void AssertOneLink()
    {
        Assert.True(_sides[0].LinkPipe >= 0 && _sides[0].LinkPipe == _sides[1].LinkPipe, $"links {_sides[0].LinkPipe} and {_sides[1].LinkPipe}");
        Assert.True(_sides.All(static side => side.Open == 1), $"{_sides[0].Open} and {_sides[1].Open} connections are open");
        Assert.True(_sides.All(static side => side.Ups - side.Downs == 1), $"{_sides[0].Ups} and {_sides[1].Ups} links were up");
        Assert.True(_sides.All(static side => !side.Shared), "the only node with its identity was taken for two");
    }

    private void ComeBack(int side)
    {
        _begin = _now;
        Array.ForEach(_sides, static side => side.MostUps = int.MaxValue);
        int[] lost = [.. Enumerable.Range(0, _broken.Count).Where(pipe => !_broken[pipe])];
        foreach (int pipe in lost)
        {
            _broken[pipe] = true;
            Add($"loss of {pipe}", 1 - side, () => _sides[1 - side].Lost(pipe));
        }

        _sides[side].Start();
        _sides[side].Want();
    }

    private bool TryWait()
    {
        TimeSpan? next = _sides.Select(static side => side.Mesh.NextDeadline).Min();
        if (next is not { } at || at > _now + LastTime)
        {
            return false;
        }

        _now = at > _now ? at : _now;
        foreach (Side side in _sides.Where(side => side.Mesh.NextDeadline <= _now))
        {
            side.Step(m => m.HandleDeadline(_now));
        }

        return true;
    }

    private void Add(string channel, int side, Action happens)
    {
        if (!_pending.TryGetValue(channel, out (int, Queue<Action> Events) queue))
        {
            queue = (side, new Queue<Action>());
            _pending.Add(channel, queue);
        }

        queue.Events.Enqueue(happens);
    }

    /// <summary>What a driver does, with nothing that takes time.</summary>
    private sealed class Side(TieBreakWorld world, int number)
    {
        private readonly Dictionary<long, int> _pipes = [];
        private readonly Dictionary<int, long> _connections = [];
        private readonly HashSet<int> _inbound = [];
        private readonly HashSet<int> _live = [];
        private readonly HashSet<int> _closing = [];
        private ulong _instance;

        public Mesh Mesh { get; private set; } = null!;

        public int Ups { get; private set; }

        public int Downs { get; private set; }

        public int MostUps { get; set; }

        public bool Shared { get; private set; }

        public int Open => _connections.Count;

        public int LinkPipe => Mesh.LinkOf(Other.Id) is { } link ? _pipes.GetValueOrDefault(link, -1) : -1;

        private NodeId Id => number == 0 ? Core.Ids.Low : Core.Ids.High;

        private Side Other => world._sides[1 - number];

        private string Name => number == 0 ? "S" : "G";

        public void Start()
        {
            _instance++;
            _pipes.Clear();
            _connections.Clear();
            _inbound.Clear();
            _live.Clear();
            _closing.Clear();
            (Ups, Downs) = (0, 0);
            Mesh = new Mesh(new MeshConfig { Self = Id, Admission = AdmissionMode.KnownPeers, Random = new Random(number) });
            Mesh.HandleTrust(Other.Id, world._now);
        }

        public void Want() => Later("wants a link", () => Step(m => m.HandleAdd(null, new PeerAddress(number == 0 ? "g" : "s", 1, Other.Id), keepForever: true, world._now)));

        public void Lost(int pipe) => End(pipe, DisconnectReason.ConnectionLost, MesharaErrorCode.ConnectFailed);

        public void Step(Action<Mesh> what)
        {
            what(Mesh);
            while (Mesh.TryPoll(out MeshAction? action))
            {
                world.Trace.Add($"      {Name} {action}");
                Do(action);
            }

            Assert.True(_live.Count(pipe => !_closing.Contains(pipe)) <= 1, $"{Name} has two links");
        }

        private void Do(MeshAction action)
        {
            switch (action)
            {
                case MeshAction.Dial dial:
                    Later($"connects {dial.Connection}", () => Connect(dial.Connection));
                    break;
                case MeshAction.SendReady a:
                    Send(_pipes[a.Connection], "READY", static (side, pipe) => side.GotReady(pipe));
                    break;
                case MeshAction.SendRefuse a:
                    Send(_pipes[a.Connection], $"REFUSE {a.Code}", (side, pipe) => side.GotRefuse(pipe, a.Code));
                    Remove(_pipes[a.Connection]);
                    break;
                case MeshAction.Abort a when _pipes.TryGetValue(a.Connection, out int aborted):
                    Send(aborted, "end", static (side, pipe) => side.Lost(pipe));
                    Remove(aborted);
                    break;
                case MeshAction.LinkUp a:
                    Assert.True(++Ups <= MostUps, $"{Name} has link number {Ups}");
                    _live.Add(_pipes[a.Connection]);
                    break;
                case MeshAction.LinkDown:
                    Downs++;
                    break;
                case MeshAction.Ping a:
                    Send(_pipes[a.Connection], "PING", (side, pipe) => side.GotPing(pipe, a.Number));
                    break;
                case MeshAction.Check a:
                    Mesh.HandleLiveness(a.Connection, new LinkLiveness(world._broken[_pipes[a.Connection]] ? TimeSpan.Zero : world._now, null, null), world._now);
                    break;
                case MeshAction.CloseLink a:
                    int closed = _pipes[a.Connection];
                    _closing.Add(closed);
                    Send(closed, "GOODBYE", (side, pipe) => side.End(pipe, a.Reason, MesharaErrorCode.GoingAway));
                    Later($"has closed {closed}", () => End(closed, a.Reason, MesharaErrorCode.GoingAway));
                    break;
                case MeshAction.Shared:
                    Shared = true;
                    break;
            }
        }

        private void Connect(long connection)
        {
            int pipe = world._broken.Count;
            world._broken.Add(false);
            Opened(pipe, connection);
            Send(pipe, "SYN", static (side, accepted) => side.Accept(accepted));
            SendHello(pipe);
            if (world._story == TieBreakStory.FirstIsLost && pipe == 0)
            {
                Later($"loses {pipe}", () => Lose(pipe));
            }
        }

        // The connection breaks; this side sees it at once, and the other when it comes to it. What is on its way is lost.
        private void Lose(int pipe)
        {
            if (!world._broken[pipe])
            {
                world._broken[pipe] = true;
                Lost(pipe);
                Other.Later($"hears of the loss of {pipe}", () => Other.Lost(pipe));
            }
        }

        private void Accept(int pipe)
        {
            _inbound.Add(pipe);
            Opened(pipe, Mesh.HandleAccepted("10.0.0.1:9"));
            SendHello(pipe);
        }

        private void Opened(int pipe, long connection)
        {
            _pipes[connection] = pipe;
            _connections[pipe] = connection;
        }

        private void SendHello(int pipe)
        {
            ulong instance = _instance;
            Send(pipe, "HELLO", (side, got) => side.GotHello(got, instance));
            if (world._readyAtOnce && number == 1)
            {
                Send(pipe, "READY too early", static (side, got) => side.GotReady(got));
            }
        }

        private void GotHello(int pipe, ulong instance)
        {
            PeerFacts facts = new(Other.Id, instance) { Back = _inbound.Contains(pipe) ? new PeerAddress(number == 0 ? "g" : "s", 1, Other.Id) : null };
            Step(m => m.HandleHello(_connections[pipe], facts, world._now));
        }

        private void GotReady(int pipe) => Step(m => m.HandleReadyReceived(_connections[pipe], world._now));

        private void GotRefuse(int pipe, RefuseCode code)
        {
            long connection = _connections[pipe];
            Remove(pipe);
            Step(m => m.HandleConnectionFailed(connection, new(AdmissionRule.ToError(code), "", AdmissionRule.IsTransient(code), ByPeer: true), world._now));
        }

        private void GotPing(int pipe, long ping)
        {
            Assert.True(_live.Contains(pipe), $"{Name} got PING before READY");
            Send(pipe, "PONG", (side, got) => side.Step(m => m.HandlePong(side._connections[got], ping, world._now)));
        }

        private void End(int pipe, DisconnectReason reason, MesharaErrorCode code)
        {
            if (!_connections.TryGetValue(pipe, out long connection))
            {
                return;
            }

            bool live = _live.Contains(pipe);
            Remove(pipe);
            Step(m =>
            {
                if (live)
                {
                    m.HandleLinkClosed(connection, new LinkEnd(reason, "", false), world._now);
                }
                else
                {
                    m.HandleConnectionFailed(connection, new(code, "", IsTransient: true), world._now);
                }
            });
        }

        private void Remove(int pipe)
        {
            _connections.Remove(pipe);
            _live.Remove(pipe);
            _closing.Remove(pipe);
        }

        private void Later(string what, Action happens)
        {
            ulong instance = _instance;
            world.Add($"{Name} {what}", number, () =>
            {
                if (instance == _instance)
                {
                    happens();
                }
            });
        }

        // What is sent on one connection arrives in its order.
        private void Send(int pipe, string what, Action<Side, int> arrives)
        {
            if (world._broken[pipe])
            {
                return;
            }

            world.Add($"{Other.Name} reads {pipe}", 1 - number, () =>
            {
                world.Trace.Add($"      {what}");
                if (!world._broken[pipe] && (what == "SYN" || Other._connections.ContainsKey(pipe)))
                {
                    arrives(Other, pipe);
                }
            });
        }
    }
}
