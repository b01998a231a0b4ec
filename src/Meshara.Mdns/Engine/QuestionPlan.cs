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

    /// <summary>The higher, the later it is its turn among what is missing.</summary>
    public int Weight { get; internal set; }

    /// <summary>The pause after the next time.</summary>
    public TimeSpan Pause { get; internal set; }

    /// <summary>The last time somebody else's question stood for it.</summary>
    public bool WasSpared { get; internal set; }

    /// <summary>It waits for its turn among what is missing.</summary>
    internal bool IsWaiting { get; set; }
}

/// <summary>A question to be sent now.</summary>
/// <param name="Set">What.</param>
/// <param name="IsFirst">It is the first of a browser.</param>
internal readonly record struct DueQuestion(SetKey Set, bool IsFirst);

/// <summary>When to ask what on one link.</summary>
/// <remarks>
/// RFC 6762 section 5.2: what is browsed after 20–120 ms, then after pauses of 1, 2, 4 … s up to an hour (or the browser's own longest pause). What is missing likewise, four times,
/// and at most ten questions a second, those of senders with the fewest records first. No question twice within a second.
/// </remarks>
internal sealed class QuestionPlan(Random random)
{
    /// <summary>How often missing data is asked for until its pointer is heard afresh.</summary>
    public const int Tries = 4;

    /// <summary>How often it is where it may well not exist: the other family's address.</summary>
    public const int TriesOptional = 2;

    /// <summary>Most questions a second for missing data; twice as many at once.</summary>
    public const int MissingPerSecond = 10;

    /// <summary>RFC 6762 section 5.2: the longest pause.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(60);

    /// <summary>RFC 6762 section 5.2: the shortest pause.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);

    /// <summary>Queries of a browser that nobody else's can stand for: a newcomer must be heard and hear.</summary>
    private const int NeverSpared = 3;

    /// <summary>By how much of itself a browser's own longest pause is shorter at times.</summary>
    private const double Spread = 0.2;

    private static readonly TimeSpan FirstPauseFrom = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan FirstPauseTo = TimeSpan.FromMilliseconds(120);

    private readonly Dictionary<SetKey, Question> _questions = [];
    private readonly IndexedHeap<Question> _planned = new();
    private readonly IndexedHeap<Question> _waiting = new();
    private readonly TokenBucket _missing = new(MissingPerSecond, 2 * MissingPerSecond);
    private TimeSpan _lastFirst = TimeSpan.MinValue;

    /// <summary>Questions known.</summary>
    public int Count => _questions.Count;

    /// <summary>When <see cref="TakeDue"/> has something next; null: never.</summary>
    public TimeSpan? NextDue(TimeSpan now)
    {
        TimeSpan? planned = _planned.First is { } first ? TimeSpan.FromTicks(first.Key) : null;
        TimeSpan? waiting = _waiting.Count > 0 ? _missing.NextAt(now) : null;
        return planned is null || waiting < planned ? waiting : planned;
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
    public void Refresh(SetKey key, TimeSpan now) => Plan(FindOrAdd(key), now);

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
    public void TakeDue(TimeSpan now, int most, List<DueQuestion> into)
    {
        while (into.Count < most && _planned.First is { } first && first.Key <= now.Ticks)
        {
            _planned.Remove(first);
            if (first.Due is null)
            {
                _questions.Remove(first.Set);
            }
            else if (first.IsMissing)
            {
                first.IsWaiting = true;
                _waiting.Set(first, first.Weight);
            }
            else
            {
                Take(first, now, into);
            }
        }

        while (into.Count < most && _waiting.First is { } first && _missing.TryTake(now))
            Take(first, now, into);
    }

    private void BeginMissing(Question question, int tries, int weight, TimeSpan now)
    {
        (question.IsMissing, question.TriesLeft, question.Weight, question.Pause) = (true, tries, weight, ShortestPause);
        Plan(question, FirstTime(now));
    }

    private void Take(Question question, TimeSpan now, List<DueQuestion> into)
    {
        into.Add(new DueQuestion(question.Set, question.IsBrowsed && question.Sent == 0));
        question.Sent++;
        question.WasSpared = false;
        Go(question, now);
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
        if (question.IsWaiting)
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
        (question.IsWaiting ? _waiting : _planned).Remove(question);
        question.IsWaiting = false;
    }

    // Section 5.2; what begins at about the same time goes in one packet.
    private TimeSpan FirstTime(TimeSpan now)
    {
        if (_lastFirst < now + FirstPauseFrom || _lastFirst > now + FirstPauseTo)
            _lastFirst = now + FirstPauseFrom + ((FirstPauseTo - FirstPauseFrom) * random.NextDouble());
        return _lastFirst;
    }
}
