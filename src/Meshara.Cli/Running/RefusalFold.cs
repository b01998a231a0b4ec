using Meshara.Cli.Rendering;

namespace Meshara.Cli.Running;

/// <summary>Draws connections that came to nothing together, where they are alike: the first is told, then at most once a minute how many more there were.</summary>
/// <remarks>Alike are: from one host and with one key or none, for one reason, where the other side dialled; to one address, for one reason, where this node dialled. What a stranger can do as often as he likes must not fill a disk.</remarks>
/// <param name="clock">The clock of the minutes.</param>
/// <param name="foldDials">Whether this node's own dials are drawn together too.</param>
internal sealed class RefusalFold(TimeProvider clock, bool foldDials)
{
    /// <summary>Kinds that are kept apart; of more, all are one kind.</summary>
    public const int MostKinds = 1000;

    /// <summary>How often a kind is told.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly Dictionary<Kind, Fold> _folds = [];

    /// <summary>One more.</summary>
    /// <param name="line">What happened.</param>
    /// <returns>Whether it is to be told by itself; else it is counted.</returns>
    public bool Take(EventLine line)
    {
        if (KindOf(line) is not { } kind)
        {
            return true;
        }

        if (_folds.TryGetValue(kind, out Fold? fold))
        {
            fold.More++;
            return false;
        }

        if (_folds.Count >= MostKinds && line.Inbound == true)
        {
            kind = new Kind(EventLine.Refused, null, null, "", ByPeer: false, Inbound: true);
            if (_folds.TryGetValue(kind, out Fold? others))
            {
                others.More++;
                return false;
            }
        }

        _folds[kind] = new Fold(clock.GetTimestamp());
        return true;
    }

    /// <summary>What is due: lines of event <c>refused</c> or <c>already-linked</c> with a count, that stand for so many.</summary>
    /// <param name="all">At the end: also what is not due yet.</param>
    public IReadOnlyList<EventLine> Due(bool all = false)
    {
        List<EventLine> due = [];
        foreach ((Kind kind, Fold fold) in _folds.Where(f => all || clock.GetElapsedTime(f.Value.Since) >= Every).ToArray())
        {
            if (fold.More == 0)
            {
                // Quiet for a minute: the next one is told again.
                _folds.Remove(kind);
                continue;
            }

            due.Add(new EventLine(kind.Event, EventLine.Rfc3339(clock.GetUtcNow()))
            {
                Address = kind.Where,
                Peer = kind.Peer,
                Reason = kind.Reason.Length > 0 ? kind.Reason : null,
                Inbound = kind.Inbound ? true : null,
                ByPeer = kind.ByPeer,
                Count = fold.More,
            });
            _folds[kind] = new Fold(clock.GetTimestamp());
        }

        return due;
    }

    private Kind? KindOf(EventLine line)
    {
        if (line is not { Event: EventLine.Refused or EventLine.AlreadyLinked, Address: { } address })
        {
            return null;
        }

        bool byPeer = line.ByPeer == true;
        if (line.Inbound == true)
        {
            return new Kind(line.Event, HostOf(address), line.Peer, line.Reason ?? "", byPeer, Inbound: true);
        }

        return foldDials && !byPeer && line.Event == EventLine.Refused ? new Kind(line.Event, address, null, line.Reason ?? "", byPeer, Inbound: false) : null;
    }

    private static string HostOf(string address)
    {
        int colon = address.LastIndexOf(':');
        return colon < 0 ? address : address[..colon];
    }

    private sealed record Kind(string Event, string? Where, string? Peer, string Reason, bool ByPeer, bool Inbound);

    private sealed class Fold(long since)
    {
        public long Since => since;

        public long More { get; set; }
    }
}
