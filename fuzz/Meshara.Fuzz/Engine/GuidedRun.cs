using Meshara.Fuzz.Hooks;

namespace Meshara.Fuzz.Engine;

/// <summary>An input that did what none before it did.</summary>
/// <param name="Bytes">The input.</param>
/// <param name="Edges">The edges that it takes.</param>
internal sealed record CorpusEntry(byte[] Bytes, int[] Edges);

/// <summary>One target's loop with feedback: an input that takes a new edge is changed further. The same seed gives the same inputs in the same order.</summary>
/// <param name="target">The target.</param>
/// <param name="corpus">More to begin from than the target's seeds.</param>
/// <param name="seed">Of all choices.</param>
/// <param name="edges">What was rewritten.</param>
/// <param name="isBlind">Whether coverage is only measured.</param>
/// <param name="begin">Told each run before it begins: what is known of one that does not come back.</param>
internal sealed class GuidedRun(FuzzTarget target, IReadOnlyList<byte[]> corpus, int seed, EdgeTable edges, bool isBlind, Action<long, byte[]> begin)
{
    private const int ChildrenOfNew = 256, Children = 64, OneMendedIn = 8;

    private readonly byte[][] _seeds = [.. target.Seeds, .. corpus];
    private readonly Mutator _mutator = new(seed);
    private readonly List<CorpusEntry> _entries = [];
    private readonly List<byte[]> _inputs = [];
    private readonly Queue<int> _fresh = new();
    private byte[][] _constants = [];
    private int _constantsAt = -1;
    private HashSet<(long Left, long Right)> _ofParent = [];
    private byte[] _parent = [];
    private int _children;
    private bool _isBegun;

    /// <summary>Runs so far, those counted that repeat another.</summary>
    public long Runs { get; private set; }

    /// <summary>Findings that did not come again when their input did.</summary>
    public int Passing { get; private set; }

    /// <summary>What was taken.</summary>
    public Features Features { get; } = new();

    /// <summary>Inputs with something of their own.</summary>
    public IReadOnlyList<CorpusEntry> Entries => _entries;

    /// <summary>Runs the next input, twice where it does something new; null: nothing found.</summary>
    public Finding? Step()
    {
        if (!_isBegun)
            return Begin();
        if (_children == 0)
            Choose();
        _children--;
        byte[] input = target.Compose(_mutator, _parent, _inputs);
        int before = _entries.Count;
        return Look(input) ?? (!isBlind && _entries.Count == before && _mutator.Below(OneMendedIn) == 0 ? Mend(input) : null);
    }

    // A change may make a length or a checksum wrong, and nothing behind it is seen. What is compared since then tells what would be right.
    private Finding? Mend(byte[] input)
    {
        for (int i = 0; i < 3; i++)
        {
            Finding? finding = TryWatched(input);
            (long, long)[] numbers = [.. Compares.Numbers.ToArray().Distinct().Where(pair => !_ofParent.Contains(pair))];
            if (finding is not null || _mutator.Mend(input, numbers) is not { } mended)
                return null;
            int before = _entries.Count;
            finding = Look(mended);
            if (finding is not null || _entries.Count > before)
                return finding;
            input = mended;
        }

        return null;
    }

    // All seeds: blind or not, they are known to be worth it.
    private Finding? Begin()
    {
        _isBegun = true;
        foreach (byte[] input in _seeds)
        {
            if (Look(input) is { } finding)
                return finding;
        }

        _inputs.Clear();
        _inputs.AddRange(isBlind || _entries.Count == 0 ? _seeds : _entries.Select(static entry => entry.Bytes));
        return null;
    }

    // The next input to change, and what the code looks for in it.
    private void Choose()
    {
        if (isBlind)
        {
            (_parent, _children) = (_mutator.Pick(_inputs), 1);
            return;
        }

        bool isFresh = _fresh.TryDequeue(out int at);

        // Later ones lead further; and the smaller of two runs faster.
        int one = Later(), other = Later();
        at = isFresh ? at : _inputs[one].Length <= _inputs[other].Length ? one : other;
        (_parent, _children) = (_inputs[at], isFresh ? ChildrenOfNew : Children);
        TryWatched(_parent);
        _ofParent = [.. Compares.Numbers];
        if (_constantsAt != Features.Edges)
            (_constants, _constantsAt) = ([.. edges.Constants(Features.IsTaken)], Features.Edges);
        _mutator.Hints = new MutationHints(_constants, [.. _ofParent.Order()], Compares.Texts.ToArray());
    }

    private int Later()
    {
        int count = _inputs.Count;
        return count - 1 - Math.Min(_mutator.Below(count), _mutator.Below(count));
    }

    private Finding? Look(byte[] input)
    {
        if (Try(input) is { } finding)
        {
            // What only happens the first time (a static constructor) is no fault of the input.
            if (Try(input) is not null)
                return finding;
            Passing++;
            return null;
        }

        if (!Features.HasNews())
            return null;
        if (Try(input) is { } later)
            return later;
        if (!Features.HasNews())
            return null;
        Features.Add();
        _entries.Add(new CorpusEntry(input, Coverage.Taken.ToArray()));
        if (!isBlind)
        {
            _fresh.Enqueue(_inputs.Count);
            _inputs.Add(input);
        }

        return null;
    }

    private Finding? TryWatched(byte[] input)
    {
        Compares.Watch(true);
        Finding? finding = Try(input);
        Compares.Watch(false);
        return finding;
    }

    private Finding? Try(byte[] input)
    {
        begin(++Runs, input);
        Coverage.Clear();
        return FuzzRun.Try(target, input);
    }
}
