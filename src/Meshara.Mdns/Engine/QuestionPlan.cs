namespace Meshara.Mdns.Engine;

/// <summary>One question that is asked, or was within the last second.</summary>
internal sealed class Question(SetKey key) : HeapItem
{
    public SetKey Set { get; } = key;

    /// <summary>When it is asked next; null: not by itself.</summary>
    public TimeSpan? Due { get; internal set; }

    /// <summary>When it was asked last, by us or for us.</summary>
    public TimeSpan? AskedAt { get; internal set; }

    /// <summary>Somebody browses: it is asked for ever.</summary>
    public bool IsBrowsed { get; internal set; }

    /// <summary>How often it was sent since that began.</summary>
    public int Sent { get; internal set; }

    /// <summary>The longest pause.</summary>
    public TimeSpan Longest { get; internal set; }

    /// <summary>What is needed to make a pointer into a service, and not known.</summary>
    public bool IsMissing { get; internal set; }

    /// <summary>How often it is still asked for, while it is missing.</summary>
    public int TriesLeft { get; internal set; }

    /// <summary>The higher, the later it is its turn among what waits with it.</summary>
    public int Weight { get; internal set; }

    /// <summary>The pause after the next time.</summary>
    public TimeSpan Pause { get; internal set; }

    /// <summary>The last time somebody else's question stood for it.</summary>
    public bool WasSpared { get; internal set; }

    /// <summary>Where it waits for its turn; null: it does not.</summary>
    internal QuestionLane? Lane { get; set; }
}

/// <summary>Questions that somebody else can make us ask: so many a second, those of senders with the fewest records first.</summary>
/// <param name="perSecond">How many.</param>
/// <param name="burst">How many at once.</param>
/// <param name="pause">From one batch to the next, so that they do not go one to a packet.</param>
internal sealed class QuestionLane(int perSecond, int burst, TimeSpan pause)
{
    private readonly TokenBucket _bucket = new(perSecond, burst);
    private TimeSpan? _takenAt;

    public IndexedHeap<Question> Waiting { get; } = new();

    /// <summary>When the next may go; null: none waits.</summary>
    public TimeSpan? NextAt(TimeSpan now)
    {
        if (Waiting.Count == 0)
            return null;
        TimeSpan at = _bucket.NextAt(now);
        return _takenAt is { } taken && taken != now && taken + pause > at ? taken + pause : at;
    }

    /// <summary>One goes.</summary>
    public void Taken(TimeSpan now)
    {
        _bucket.TryTake(now);
        _takenAt = now;
    }
}

/// <summary>A question to be sent now.</summary>
/// <param name="Set">What.</param>
/// <param name="IsFirst">It is the first of a browser.</param>
internal readonly record struct DueQuestion(SetKey Set, bool IsFirst);

/// <summary>When to ask what on one link.</summary>
/// <remarks>
/// RFC 6762 section 5.2: what is browsed after 20–120 ms, then after pauses of 1, 2, 4 … s up to an hour (or the browser's own longest pause). What is missing likewise, four times,
/// and at most ten questions a second, those of senders with the fewest records first. What grows old is bounded likewise (<see cref="RefreshPerPacket"/>). No question twice within a second.
/// </remarks>
/// <param name="random">Pauses.</param>
/// <param name="packetsPerSecond">What the link may send of its own.</param>
internal sealed class QuestionPlan(Random random, int packetsPerSecond)
{
    /// <summary>How often missing data is asked for until its pointer is heard afresh.</summary>
    public const int Tries = 4;

    /// <summary>How often it is where it may well not exist: the other family's address.</summary>
    public const int TriesOptional = 2;

    /// <summary>Most questions a second for missing data; twice as many at once.</summary>
    public const int MissingPerSecond = 10;

    /// <summary>
    /// Most questions a second for records that grow old, for each packet that the link may send, and at once. Of the longest names five fill a packet: so they take half of what
    /// may be sent. A thousand services of 120 s are asked for within the fifth of their lives that is left.
    /// </summary>
    public const double RefreshPerPacket = 2.5;

    /// <summary>RFC 6762 section 5.2: the longest pause.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(60);

    /// <summary>RFC 6762 section 5.2: the shortest pause.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);

    /// <summary>Queries of a browser that nobody else's can stand for: a newcomer must be heard and hear.</summary>
    private const int NeverSpared = 3;

    /// <summary>By how much of itself a browser's own longest pause is shorter at times.</summary>
    private const double Spread = 0.2;

    private static readonly TimeSpan RefreshPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FirstPauseFrom = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan FirstPauseTo = TimeSpan.FromMilliseconds(120);

    private readonly Dictionary<SetKey, Question> _questions = [];
    private readonly IndexedHeap<Question> _planned = new();
    private readonly QuestionLane _old = new((int)Math.Ceiling(RefreshPerPacket * packetsPerSecond), (int)Math.Ceiling(RefreshPerPacket * packetsPerSecond), RefreshPause);
    private readonly QuestionLane _missing = new(MissingPerSecond, 2 * MissingPerSecond, TimeSpan.Zero);
    private TimeSpan _lastFirst = TimeSpan.MinValue;

    /// <summary>Questions known.</summary>
    public int Count => _questions.Count;

    /// <summary>When <see cref="TakeDue"/> has something next; null: never.</summary>
    public TimeSpan? NextDue(TimeSpan now)
    {
        TimeSpan? planned = _planned.First is { } first ? TimeSpan.FromTicks(first.Key) : null;
        return Earlier(planned, Earlier(_old.NextAt(now), _missing.NextAt(now)));
    }

    public Question? Find(SetKey key) => _questions.GetValueOrDefault(key);

    /// <summary>Somebody begins to browse: the pauses begin anew.</summary>
    public void Browse(SetKey key, TimeSpan longest, TimeSpan now)
    {
        Question question = FindOrAdd(key);
        (question.IsBrowsed, question.Sent, question.Longest, question.Pause, question.WasSpared) = (true, 0, longest, ShortestPause, false);
        question.Due = null;
        Plan(question, FirstTime(now));
    }

    /// <summary>The longest pause of what is browsed is another one.</summary>
    public void Change(SetKey key, TimeSpan longest)
    {
        if (_questions.TryGetValue(key, out Question? question))
            question.Longest = longest;
    }

    /// <summary>Nobody browses for this any more.</summary>
    public void Stop(SetKey key)
    {
        if (!_questions.TryGetValue(key, out Question? question))
            return;
        question.IsBrowsed = false;
        Forget(question);
    }

    /// <summary>Asks for what somebody asked to have asked again, 20–120 ms from now.</summary>
    public void AskAgain(SetKey key, TimeSpan now)
    {
        if (_questions.TryGetValue(key, out Question? question) && question.IsBrowsed)
            Plan(question, FirstTime(now));
    }

    /// <summary>Asks once for records that grow old.</summary>
    /// <param name="key">What.</param>
    /// <param name="weight">How many records their sender has: the fewer, the sooner.</param>
    /// <param name="now">The time.</param>
    public void Refresh(SetKey key, int weight, TimeSpan now)
    {
        Question question = FindOrAdd(key);
        if (!question.IsMissing && question.Due is null)
            question.Weight = weight;
        Plan(question, now);
    }

    /// <summary>Whether a question waits for no other reason than that records grow old.</summary>
    public bool IsRefreshDue(SetKey key) => _questions.TryGetValue(key, out Question? question) && question is { Due: not null, IsBrowsed: false, IsMissing: false };

    /// <summary>They were all heard again, or are gone: that they grow old is no reason to ask any more.</summary>
    public void Refreshed(SetKey key)
    {
        if (IsRefreshDue(key))
            Forget(_questions[key]);
    }

    /// <summary>Asks for what is missing, unless it is asked for already or was in vain.</summary>
    /// <param name="key">What.</param>
    /// <param name="tries">How often.</param>
    /// <param name="weight">How many records the sender of the pointer has: the fewer, the sooner.</param>
    /// <param name="isAfresh">The pointer was heard again: what was in vain is tried again.</param>
    /// <param name="now">The time.</param>
    public void AskMissing(SetKey key, int tries, int weight, bool isAfresh, TimeSpan now)
    {
        Question question = FindOrAdd(key);
        if (question.IsMissing && (!isAfresh || question.TriesLeft > 0))
            return;
        BeginMissing(question, tries, weight, now);
    }

    /// <summary>It is no longer missing, or no longer wanted.</summary>
    public void Settle(SetKey key)
    {
        if (!_questions.TryGetValue(key, out Question? question) || !question.IsMissing)
            return;
        question.IsMissing = false;
        Forget(question);
    }

    /// <summary>RFC 6762 section 7.3: somebody else has just asked everybody the same, knowing nothing that we do not know, so our question is as good as asked.</summary>
    /// <remarks>Only where ours was soon to come, never twice in a row and never for the first three of a browser: nobody can silence us.</remarks>
    public void Spare(SetKey key, TimeSpan now)
    {
        if (!CanSpare(key, now))
            return;
        Question question = _questions[key];
        question.WasSpared = true;
        Go(question, now);
    }

    /// <summary>Whether <see cref="Spare"/> would spare a question.</summary>
    public bool CanSpare(SetKey key, TimeSpan now)
    {
        if (!_questions.TryGetValue(key, out Question? question) || question.WasSpared || question.Due is not { } due)
            return false;
        if (question.IsBrowsed && question.Sent < NeverSpared)
            return false;
        return question.AskedAt is not { } asked || due - now <= now - asked;
    }

    /// <summary>Everything is asked as if for the first time: the link has come back, or the host has slept.</summary>
    public void Restart(TimeSpan now)
    {
        foreach (Question question in _questions.Values)
        {
            question.AskedAt = null;
            if (question.IsBrowsed)
                Browse(question.Set, question.Longest, now);
            else if (question.IsMissing)
                BeginMissing(question, Tries, question.Weight, now);
        }
    }

    /// <summary>Takes questions to send now, and plans when they come next.</summary>
    /// <param name="now">The time.</param>
    /// <param name="tryAdd">Whether there is place for one more; after the first for which there is none no more are taken.</param>
    /// <param name="into">What is taken.</param>
    public void TakeDue(TimeSpan now, Predicate<DueQuestion> tryAdd, List<DueQuestion> into)
    {
        while (_planned.First is { } first && first.Key <= now.Ticks)
        {
            if (first.Due is null)
            {
                _planned.Remove(first);
                _questions.Remove(first.Set);
            }
            else if (first.IsBrowsed)
            {
                if (!TryTake(first, now, tryAdd, into))
                    return;
            }
            else
            {
                _planned.Remove(first);
                first.Lane = first.IsMissing ? _missing : _old;
                first.Lane.Waiting.Set(first, first.Weight);
            }
        }

        foreach (QuestionLane lane in (ReadOnlySpan<QuestionLane>)[_old, _missing])
        {
            while (lane.NextAt(now) <= now)
            {
                if (!TryTake(lane.Waiting.First!, now, tryAdd, into))
                    return;
                lane.Taken(now);
            }
        }
    }

    /// <summary>The sooner of two, if there is one.</summary>
    public static TimeSpan? Earlier(TimeSpan? a, TimeSpan? b) => a is null || b < a ? b : a;

    private void BeginMissing(Question question, int tries, int weight, TimeSpan now)
    {
        (question.IsMissing, question.TriesLeft, question.Weight, question.Pause) = (true, tries, weight, ShortestPause);
        Plan(question, FirstTime(now));
    }

    private bool TryTake(Question question, TimeSpan now, Predicate<DueQuestion> tryAdd, List<DueQuestion> into)
    {
        DueQuestion due = new(question.Set, question.IsBrowsed && question.Sent == 0);
        if (!tryAdd(due))
            return false;
        into.Add(due);
        question.Sent++;
        question.WasSpared = false;
        Go(question, now);
        return true;
    }

    private void Go(Question question, TimeSpan now)
    {
        TakeOut(question);
        question.AskedAt = now;
        question.Due = null;
        if (question.IsBrowsed)
        {
            // Those who ask for ever at one interval would come to ask in step, and nobody would hear the other in time (section 7.3).
            bool isSteady = question.Pause == question.Longest && question.Longest < LongestPause;
            question.Due = now + (isSteady ? question.Pause * (1 - (Spread * random.NextDouble())) : question.Pause);
        }
        else if (question.IsMissing)
        {
            // In vain: it stays known, so that it is not begun anew for every packet.
            if (--question.TriesLeft <= 0)
                return;
            question.Due = now + question.Pause;
        }

        TimeSpan longest = question.IsBrowsed ? question.Longest : LongestPause;
        question.Pause = question.Pause * 2 < longest ? question.Pause * 2 : longest;
        _planned.Set(question, (question.Due ?? now + ShortestPause).Ticks);
    }

    private Question FindOrAdd(SetKey key)
    {
        if (!_questions.TryGetValue(key, out Question? question))
            _questions.Add(key, question = new Question(key));
        return question;
    }

    private void Plan(Question question, TimeSpan at)
    {
        if (question.Lane is not null)
            return;
        if (question.AskedAt is { } asked && asked + ShortestPause > at)
            at = asked + ShortestPause;
        if (question.Due is { } due && due < at)
            at = due;
        question.Due = at;
        _planned.Set(question, at.Ticks);
    }

    // It is remembered for as long as the next must not follow.
    private void Forget(Question question)
    {
        if (question.IsBrowsed || question.IsMissing)
            return;
        TakeOut(question);
        question.Due = null;
        _planned.Set(question, (question.AskedAt + ShortestPause ?? TimeSpan.Zero).Ticks);
    }

    private void TakeOut(Question question)
    {
        (question.Lane?.Waiting ?? _planned).Remove(question);
        question.Lane = null;
    }

    // Section 5.2; what begins at about the same time goes in one packet.
    private TimeSpan FirstTime(TimeSpan now)
    {
        if (_lastFirst < now + FirstPauseFrom || _lastFirst > now + FirstPauseTo)
            _lastFirst = now + FirstPauseFrom + ((FirstPauseTo - FirstPauseFrom) * random.NextDouble());
        return _lastFirst;
    }
}
