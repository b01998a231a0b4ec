using Meshara.Core.Policy;

namespace Meshara.Benchmarks.Policies;

/// <summary>Peers that mean no harm and have a bad time, all linked to one node whose real reputation book judges them.</summary>
/// <param name="Name">Who they are.</param>
/// <param name="Peers">How many.</param>
internal sealed record HonestKind(string Name, int Peers)
{
    /// <summary>Timeouts of each in an hour.</summary>
    public required double TimeoutsPerHour { get; init; }

    /// <summary>How often in an hour all of them time out within half a minute: their common line is down.</summary>
    public double OutagesPerHour { get; init; }

    /// <summary>They send more than the node's operator lets them, without a break: after a minute of being slowed the rate counts each minute.</summary>
    public bool Slowed { get; init; }
}

/// <summary>What became of one kind.</summary>
internal sealed class HonestTally
{
    public int Bans { get; set; }

    public int Disconnects { get; set; }

    public long DiscouragedMinutes { get; set; }

    public double Lowest { get; set; }
}

/// <summary>Minute by minute: what each peer does, what the node's own network does, and what the book says.</summary>
internal sealed class HonestRun
{
    public static readonly IReadOnlyList<HonestKind> Kinds =
    [
        new("office of 50 behind one address", 50) { TimeoutsPerHour = 0.25, OutagesPerHour = 1.0 / 24 },
        new("200 pods in one /56", 200) { TimeoutsPerHour = 0.5, OutagesPerHour = 1.0 / 168 },
        new("flaky Wi-Fi, dropped each minute", 40) { TimeoutsPerHour = 60 },
        new("bulk senders over the operator's limit", 10) { TimeoutsPerHour = 0.1, Slowed = true },
    ];

    private const double OwnOutagesPerHour = 1.0 / 24, WorkPerHour = 30;

    private readonly Random _random;
    private readonly ReputationBook _book = new(new ReputationOptions(), static _ => true, static _ => false);
    private readonly OwnFault _fault = new();
    private readonly List<(NodeId Id, int Kind)> _peers = [];
    private readonly HashSet<NodeId> _linked;
    private readonly HonestTally[] _tallies = [.. Kinds.Select(_ => new HonestTally())];
    private readonly List<(TimeSpan At, NodeId Id, int Kind)> _timeouts = [];

    public HonestRun(int seed)
    {
        _random = new Random(seed);
        for (int kind = 0; kind < Kinds.Count; kind++)
        {
            for (int i = 0; i < Kinds[kind].Peers; i++)
            {
                _peers.Add((NodeId.FromPublicKey(BitConverter.GetBytes((kind * 1000) + i)), kind));
            }
        }

        _linked = [.. _peers.Select(p => p.Id)];
    }

    public static int PeerCount => Kinds.Sum(k => k.Peers);

    /// <summary>Timeouts that were taken for the fault of the node itself.</summary>
    public int OwnFaults { get; private set; }

    public IReadOnlyList<HonestTally> Run(double hours)
    {
        for (int minute = 0; minute < hours * 60; minute++)
        {
            TimeSpan now = TimeSpan.FromMinutes(minute);
            Plan(now);
            Work(now);
            foreach ((TimeSpan at, NodeId id, int kind) in _timeouts.OrderBy(t => t.At).ThenBy(t => t.Id))
            {
                TimeOut(id, kind, at);
            }

            _timeouts.Clear();
            Look(now + TimeSpan.FromMinutes(1));
        }

        return _tallies;
    }

    private void Plan(TimeSpan now)
    {
        bool own = Happens(OwnOutagesPerHour);
        bool[] outage = [.. Kinds.Select(k => Happens(k.OutagesPerHour))];
        foreach ((NodeId id, int kind) in _peers)
        {
            if (own || outage[kind])
            {
                _timeouts.Add((now + TimeSpan.FromSeconds(_random.NextDouble() * 30), id, kind));
            }
            else if (Happens(Kinds[kind].TimeoutsPerHour))
            {
                _timeouts.Add((now + TimeSpan.FromSeconds(_random.NextDouble() * 59), id, kind));
            }
        }
    }

    private void Work(TimeSpan now)
    {
        foreach ((NodeId id, int kind) in _peers)
        {
            if (Happens(WorkPerHour))
            {
                _book.Add(id, ReputationCause.UsefulExchange, null, now);
            }

            if (Kinds[kind].Slowed)
            {
                Judge(_book.Add(id, ReputationCause.Rate, null, now), kind);
            }
        }
    }

    private void TimeOut(NodeId id, int kind, TimeSpan at)
    {
        _linked.Remove(id);
        if (_fault.Lost(id, _linked, at))
        {
            OwnFaults++;
            _book.GiveBackTimeouts(at);
        }
        else
        {
            Judge(_book.Add(id, ReputationCause.Timeout, null, at), kind);
        }

        _linked.Add(id);
    }

    private void Judge(Conduct conduct, int kind)
    {
        _tallies[kind].Bans += conduct == Conduct.Ban ? 1 : 0;
        _tallies[kind].Disconnects += conduct == Conduct.Disconnect ? 1 : 0;
    }

    private void Look(TimeSpan now)
    {
        foreach ((NodeId id, int kind) in _peers)
        {
            double value = _book.ValueOf(id, now);
            HonestTally tally = _tallies[kind];
            tally.Lowest = Math.Min(tally.Lowest, value);
            tally.DiscouragedMinutes += _book.IsDiscouraged(id, now) ? 1 : 0;
        }
    }

    private bool Happens(double perHour) => perHour > 0 && _random.NextDouble() < perHour / 60;
}
