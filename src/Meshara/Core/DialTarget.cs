namespace Meshara.Core;

internal enum TargetState
{
    /// <summary>A link to its peer lives, or was just lost.</summary>
    Idle,

    /// <summary>Its deadline says when to dial.</summary>
    Waiting,

    /// <summary>Due, behind other dials.</summary>
    Queued,

    /// <summary>A connection is on its way.</summary>
    Dialling,

    /// <summary>Another connection to the same id decides.</summary>
    Awaiting,
}

/// <summary>An address to be dialled, once for an operator's add or for ever.</summary>
internal sealed class DialTarget(long key, PeerAddress address, PlacesDue due)
{
    // Who is static depends on these: PlacesDue.
    private readonly List<long> _adds = [];
    private PeerAddress _address = address;
    private bool _isWantedApart;
    private bool _isListed;
    private bool _isLearned;

    /// <summary>Key of its deadline.</summary>
    public long Key { get; } = key;

    /// <summary>Where, and who; its id changes with the peer's key.</summary>
    public PeerAddress Address { get => _address; set => Change(ref _address, value); }

    /// <summary>Redialled whenever there is no link. What is set here is apart from <see cref="Listed"/>: that somebody else named it as well.</summary>
    public bool Wanted { get => IsWantedApart || Listed; set => IsWantedApart = value; }

    /// <summary>Wanted, and not only because the static peers file names it.</summary>
    public bool IsWantedApart { get => _isWantedApart; private set => Change(ref _isWantedApart, value); }

    /// <summary>Somebody named the address itself, and with it the peer.</summary>
    public bool IsNamed => Listed || IsNamedApart;

    /// <summary>Named, and not only by the static peers file.</summary>
    public bool IsNamedApart => IsWantedApart && !IsLearned;

    /// <summary>The static peers file names it.</summary>
    public bool Listed { get => _isListed; set => Change(ref _isListed, value); }

    /// <summary>From the configuration: the address stays as written, pinned or not.</summary>
    public bool KeepForever { get; set; }

    /// <summary>Not the operator's word but the address table's, of a peer that he named: given up with it.</summary>
    public bool IsLearned { get => _isLearned; set => Change(ref _isLearned, value); }

    /// <summary>Not wanted, but dialled until then: a dial back.</summary>
    public TimeSpan DialUntil { get; set; }

    /// <summary>Operator's adds that wait.</summary>
    public IReadOnlyList<long> Adds => _adds;

    /// <summary>An add joined a dial that had begun for nobody: that dial may have looked before the other side was there, so its failure is not the add's.</summary>
    public bool JoinedLate { get; set; }

    public TargetState State { get; set; }

    public MeshConnection? Connection { get; set; }

    /// <summary>Number of the connection that dialled it last, which tells which of two was dialled later; 0: none.</summary>
    public long LastDial { get; set; }

    /// <summary>Failures in a row.</summary>
    public int Attempts { get; set; }

    /// <summary>Times in a row that the other side preferred another connection, without a link in the end.</summary>
    public int Losses { get; set; }

    /// <summary>What the other side asked for: not even a change of the network makes a dial sooner.</summary>
    public TimeSpan NotBefore { get; set; }

    /// <summary>The operator has been told that another key answers here.</summary>
    public bool MismatchTold { get; set; }

    /// <summary>From when on a change of the network may begin a dial under way anew, and a peer that comes by itself may make the next one sooner.</summary>
    public TimeSpan MayRestart { get; set; }

    /// <summary>Who answered last.</summary>
    public NodeId? Answered { get; set; }

    /// <summary>Who has to answer, or did last.</summary>
    public NodeId? Peer => Address.Id ?? Answered;

    /// <summary>More adds wait.</summary>
    public void Await(IEnumerable<long> adds)
    {
        _adds.AddRange(adds);
        due.All = true;
    }

    /// <summary>An add does not wait any more; false: it did not.</summary>
    public bool Forget(long add)
    {
        bool found = _adds.Remove(add);
        due.All |= found;
        return found;
    }

    /// <summary>No add waits any more.</summary>
    public void ForgetAdds()
    {
        due.All |= _adds.Count > 0;
        _adds.Clear();
    }

    private void Change<T>(ref T field, T value)
        where T : IEquatable<T>
    {
        due.All |= !field.Equals(value);
        field = value;
    }
}
