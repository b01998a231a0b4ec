using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

/// <summary>What follows from an event.</summary>
internal enum Conduct
{
    Fine,

    /// <summary>The link is to be closed.</summary>
    Disconnect,

    /// <summary>The link is to be closed and the id refused until <see cref="ReputationBook.BanUntil"/>.</summary>
    Ban,
}

/// <summary>One line of a history. Several alike in a row are one line.</summary>
/// <param name="At">When the last of them was.</param>
/// <param name="Cause">What happened.</param>
/// <param name="Delta">All together.</param>
/// <param name="Value">The reputation after it.</param>
/// <param name="Count">How many.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ReputationLine(TimeSpan At, ReputationCause Cause, double Delta, double Value, int Count);

/// <summary>What is stored of an id's conduct.</summary>
internal sealed record ReputationRecord(NodeId Id)
{
    public double Value { get; init; }

    public TimeSpan ValueAt { get; init; }

    /// <summary>The end of the last ban; null: none.</summary>
    public TimeSpan? BanUntil { get; init; }

    public int BanCount { get; init; }

    public IReadOnlyList<ReputationLine> History { get; init; } = [];
}

/// <summary>The conduct of all ids: scores, bans, histories, and the addresses that misbehaviour came from. Everything is bounded.</summary>
internal sealed class ReputationBook
{
    /// <summary>Scored ids that are neither linked nor static.</summary>
    public const int MaxStrangers = 1024;

    public const int MaxBans = 4096;

    public const int MaxMarks = 1024;

    /// <summary>Histories of ids that are neither linked nor static, of those touched last, once there are more than <see cref="MaxStrangers"/> scores.</summary>
    public const int MaxHistories = 256;

    // Less than one is not worth a place in memory.
    private const double Forgotten = 1;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1), MarkFor = TimeSpan.FromHours(1);

    private readonly Dictionary<NodeId, Score> _scores = [];
    private readonly BoundedTimes<NodeId> _bans = new(MaxBans);
    private readonly Dictionary<NodeId, Ban> _banOf = [];
    private readonly BoundedTimes<AddressKey> _marks = new(MaxMarks);
    private readonly Queue<(NodeId Id, TimeSpan At, double Delta)> _timeouts = new();
    private ReputationOptions _options;
    private readonly Func<NodeId, bool> _isKept;
    private readonly Func<NodeId, bool> _isStatic;
    private int _trimAt = MaxStrangers + 1;

    /// <summary>An empty book.</summary>
    /// <param name="options">The numbers.</param>
    /// <param name="isKept">Linked or static: never forgotten for want of room.</param>
    /// <param name="isStatic">Never disconnected or banned.</param>
    public ReputationBook(ReputationOptions options, Func<NodeId, bool> isKept, Func<NodeId, bool> isStatic)
    {
        _options = options;
        _isKept = isKept;
        _isStatic = isStatic;
    }

    /// <summary>Ids of which <see cref="Snapshot"/> has something.</summary>
    public IEnumerable<NodeId> Ids => _scores.Keys.Union(_banOf.Keys).Order();

    /// <summary>Ids with a score.</summary>
    public int Count => _scores.Count;

    /// <summary>Ids that are or were banned.</summary>
    public int BanCount => _banOf.Count;

    /// <summary>The numbers from now on; what was counted by those before stays.</summary>
    public ReputationOptions Options
    {
        set => _options = value;
    }

    /// <summary>-100 to 10; 0 for whom nothing is known of.</summary>
    public double ValueOf(NodeId id, TimeSpan now) => _scores.TryGetValue(id, out Score? score) ? score.ValueAt(now, _options) : 0;

    /// <summary>Whether the id gives way before others.</summary>
    public bool IsDiscouraged(NodeId id, TimeSpan now) => ValueOf(id, now) <= _options.DiscourageAt;

    /// <summary>The end of the ban; null: not banned now, or static.</summary>
    public TimeSpan? BanUntil(NodeId id, TimeSpan now) =>
        _banOf.TryGetValue(id, out Ban ban) && ban.Until > now && !_isStatic(id) ? ban.Until : null;

    /// <summary>Whether an id was banned or disconnected at this address within the hour.</summary>
    public bool IsMarked(AddressKey address, TimeSpan now) => _marks.Of(address) is { } until && until > now;

    /// <summary>For <see cref="PickView.Standing"/>: 1, less below 0, and a tenth of it at a marked address.</summary>
    /// <remarks>A good reputation does not count: whoever can be chosen by it can buy it.</remarks>
    public double Standing(NodeId? id, AddressKey address, TimeSpan now)
    {
        double value = id is { } known ? Math.Min(0, ValueOf(known, now)) : 0;

        // Half for each step down to where a peer is discouraged.
        return Math.Pow(0.5, value / _options.DiscourageAt) * (IsMarked(address, now) ? 0.1 : 1);
    }

    /// <summary>Something happened.</summary>
    /// <param name="id">Whose conduct it was.</param>
    /// <param name="cause">What. For timeouts ask <see cref="OwnFault"/> first.</param>
    /// <param name="from">Where it came from, to be marked if it comes to a disconnect or a ban; null: unknown or trusted.</param>
    /// <param name="now">The time.</param>
    public Conduct Add(NodeId id, ReputationCause cause, AddressKey? from, TimeSpan now)
    {
        Score score = ScoreOf(id, now);
        double before = score.ValueAt(now, _options);
        double delta = DeltaOf(score, cause, before, now);
        if (delta == 0)
        {
            // At the floor of its cause: not less than before, and what followed then follows again.
            return cause == ReputationCause.Rate && !_isStatic(id) ? Judge(id, before, from, now) : Conduct.Fine;
        }

        // Credit buys no abuse: a loss is counted from 0 down.
        double after = Math.Clamp((delta < 0 ? Math.Min(0, before) : before) + delta, PeerRecord.MinReputation, PeerRecord.MaxReputation);
        score.Set(after, now, cause, delta < 0 ? after - before : delta);
        if (cause == ReputationCause.Timeout)
        {
            Note(id, after - before, now);
        }

        return delta > 0 || cause == ReputationCause.Timeout || _isStatic(id) ? Conduct.Fine : Judge(id, after, from, now);
    }

    /// <summary>The fault was this node's own: timeouts scored within the last minute are taken back.</summary>
    public void GiveBackTimeouts(TimeSpan now)
    {
        while (_timeouts.TryDequeue(out (NodeId Id, TimeSpan At, double Delta) timeout))
        {
            if (now - timeout.At <= Minute && _scores.TryGetValue(timeout.Id, out Score? score))
            {
                // What it has faded to by now.
                double back = -timeout.Delta * Math.Pow(0.5, (now - timeout.At) / _options.HalfLife);
                double after = Math.Clamp(score.ValueAt(now, _options, exact: true) + back, PeerRecord.MinReputation, PeerRecord.MaxReputation);
                score.Set(after, now, ReputationCause.GivenBack, back);
            }
        }
    }

    /// <summary>What raised and lowered the reputation, oldest first.</summary>
    public IReadOnlyList<ReputationLine> HistoryOf(NodeId id) => _scores.TryGetValue(id, out Score? score) ? [.. score.History] : [];

    /// <summary>The id has a new key: score, ban and history go on under that.</summary>
    public void Rename(NodeId oldId, NodeId newId, TimeSpan now)
    {
        if (Snapshot(oldId, now) is { } record)
        {
            Forget(oldId);
            Restore(record with { Id = newId }, now);
        }
    }

    /// <summary>The operator's word: nothing is held against the id any more.</summary>
    public void Forget(NodeId id)
    {
        _scores.Remove(id);
        _banOf.Remove(id);
        _bans.Remove(id);
    }

    /// <summary>For the store; null: there is nothing to keep.</summary>
    public ReputationRecord? Snapshot(NodeId id, TimeSpan now)
    {
        bool scored = _scores.TryGetValue(id, out Score? score);
        bool banned = _banOf.TryGetValue(id, out Ban ban);
        return !scored && !banned ? null : new ReputationRecord(id)
        {
            Value = score?.ValueAt(now, _options) ?? 0,
            ValueAt = now,
            BanUntil = banned ? ban.Until : null,
            BanCount = banned ? ban.Count : 0,
            History = score is null ? [] : [.. score.History],
        };
    }

    /// <summary>What the store kept, brought into range: times to at most now, bans to at most <see cref="ReputationOptions.LongestBan"/> from now. Takes the place of what is known of the id.</summary>
    public void Restore(ReputationRecord record, TimeSpan now)
    {
        Forget(record.Id);
        if (record.BanUntil is { } until && record.BanCount > 0)
        {
            SetBan(record.Id, new Ban(Past.Clamp(until, now + _options.LongestBan), Math.Min(record.BanCount, 64)), now);
        }

        double value = double.IsNaN(record.Value) ? 0 : Math.Clamp(record.Value, PeerRecord.MinReputation, PeerRecord.MaxReputation);
        if (value == 0 && record.History.Count == 0)
        {
            return;
        }

        Score score = ScoreOf(record.Id, now);
        score.Restore(value, Past.Clamp(record.ValueAt, now));
        foreach (ReputationLine line in record.History.TakeLast(PeerRecord.MaxHistory))
        {
            score.History.Add(line with { At = Past.Clamp(line.At, now), Count = Math.Max(1, line.Count) });
        }
    }

    private double DeltaOf(Score score, ReputationCause cause, double before, TimeSpan now) => cause switch
    {
        // Below 0 only time heals: who pays with work for each misdeed would be banned later than who does not.
        ReputationCause.UsefulExchange => before < 0 ? 0 : score.Gain(_options, now),

        // A bad line is no misbehaviour, however bad it is.
        ReputationCause.Timeout => DownTo(_options.TimeoutFloor, _options.Timeout, before),
        ReputationCause.Rate => DownTo(_options.RateFloor, _options.Rate, before),
        ReputationCause.ProtocolViolation => -_options.ProtocolViolation,
        ReputationCause.ForgedSignature => -_options.ForgedSignature,
        _ => 0,
    };

    private static double DownTo(double floor, double loss, double before) => -Math.Clamp(Math.Min(0, before) - floor, 0, loss);

    private Conduct Judge(NodeId id, double value, AddressKey? from, TimeSpan now)
    {
        if (value > _options.DisconnectAt)
        {
            return Conduct.Fine;
        }

        if (from is { } address)
        {
            _marks.Set(address, now + MarkFor);
        }

        if (value > _options.BanAt)
        {
            return Conduct.Disconnect;
        }

        // Whatever still comes in from the link that is being closed is not a second crime.
        if (BanUntil(id, now) is null)
        {
            int count = _banOf.TryGetValue(id, out Ban last) && now - last.Until <= _options.BanMemory ? last.Count + 1 : 1;
            SetBan(id, new Ban(now + Backoff.Doubled(_options.FirstBan, count - 1, _options.LongestBan), count), now);
        }

        return Conduct.Ban;
    }

    private void SetBan(NodeId id, Ban ban, TimeSpan now)
    {
        // What is over for long is forgotten first, then what is over soonest.
        while (_bans.First is { } first && now - first.Time > _options.BanMemory)
        {
            _bans.Remove(first.Key);
            _banOf.Remove(first.Key);
        }

        _banOf[id] = ban;
        if (_bans.Set(id, ban.Until) is { } pushedOut)
        {
            _banOf.Remove(pushedOut);
        }
    }

    private Score ScoreOf(NodeId id, TimeSpan now)
    {
        if (!_scores.TryGetValue(id, out Score? score))
        {
            _scores[id] = score = new Score();
            Trim(id, now);
        }

        score.TouchedAt = now;
        return score;
    }

    private void Trim(NodeId id, TimeSpan now)
    {
        if (_scores.Count < _trimAt)
        {
            return;
        }

        KeyValuePair<NodeId, Score>[] strangers = [.. _scores.Where(s => s.Key != id && !_isKept(s.Key))];
        foreach (KeyValuePair<NodeId, Score> old in strangers.OrderByDescending(s => s.Value.TouchedAt).ThenBy(s => s.Key).Skip(MaxHistories))
        {
            old.Value.History.Clear();
        }

        // A quarter at once, so that a flood of new ids does not sort the book for each. Those whose conduct says least go first.
        foreach (KeyValuePair<NodeId, Score> old in strangers
            .Where(s => Math.Abs(s.Value.ValueAt(now, _options)) < Forgotten)
            .Concat(strangers.OrderBy(s => Math.Abs(s.Value.ValueAt(now, _options))).ThenBy(s => s.Key).Take(strangers.Length - (MaxStrangers * 3 / 4))))
        {
            _scores.Remove(old.Key);
        }

        _trimAt = _scores.Count + (MaxStrangers / 4);
    }

    private void Note(NodeId id, double delta, TimeSpan now)
    {
        while (_timeouts.TryPeek(out (NodeId Id, TimeSpan At, double Delta) oldest) && (now - oldest.At > Minute || _timeouts.Count >= MaxStrangers))
        {
            _timeouts.Dequeue();
        }

        _timeouts.Enqueue((id, now, delta));
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Ban(TimeSpan Until, int Count);

    private sealed class Score
    {
        private double _value;
        private TimeSpan _at;
        private TimeSpan _minute;
        private double _gained;

        public List<ReputationLine> History { get; } = [];

        public TimeSpan TouchedAt { get; set; }

        public double ValueAt(TimeSpan now, ReputationOptions options, bool exact = false)
        {
            double value = _value * Math.Pow(0.5, Math.Max(0, (now - _at) / options.HalfLife));
            return !exact && value is < 0 and > -Forgotten ? 0 : value;
        }

        /// <summary>What one more useful exchange brings; 0 when this minute has brought enough.</summary>
        public double Gain(ReputationOptions options, TimeSpan now)
        {
            if (now - _minute >= Minute)
            {
                _minute = now;
                _gained = 0;
            }

            double gain = Math.Min(options.UsefulExchange, options.MostGainPerMinute - _gained);
            _gained += Math.Max(0, gain);

            // Ten times 0.1 is not quite 1.
            return gain < 1e-9 ? 0 : gain;
        }

        public void Set(double value, TimeSpan now, ReputationCause cause, double delta)
        {
            _value = value;
            _at = now;
            if (cause is ReputationCause.UsefulExchange or ReputationCause.Timeout && History.Count > 0 && History[^1].Cause == cause)
            {
                ReputationLine last = History[^1];
                History[^1] = new ReputationLine(now, cause, last.Delta + delta, value, last.Count + 1);
                return;
            }

            History.Add(new ReputationLine(now, cause, delta, value, 1));
            if (History.Count > PeerRecord.MaxHistory)
            {
                History.RemoveAt(0);
            }
        }

        public void Restore(double value, TimeSpan at) => (_value, _at) = (value, at);
    }
}
