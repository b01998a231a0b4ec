using System.Runtime.InteropServices;

namespace Meshara.Core.Policy;

// Whom to dial, or to show, and when.
//
//   known ──┐                     own pace
//   before ─┴▶ the best address of an id ──▶ dial                 nobody is blamed but the address and, where others named it, the machine
//                │  250 ms: the next one of it                     │
//   strangers ──▶│ turns: senders, then machines ──own pace──▶ dial ┘
//                └ known peers only: shown once, by the same turns
internal sealed partial class LanTable
{
    /// <summary>Dials (or strangers shown) a second, after how many in a row; the same again for ids that are known or were proven here before.</summary>
    public const int Rate = 5, Burst = 16;

    /// <summary>A second of dials to addresses that did not speak for themselves, of all ids together.</summary>
    public const int NamedRate = 1;

    /// <summary>An address of an id has so long before the next one is tried beside it. RFC 8305 section 5.</summary>
    public static readonly TimeSpan Stagger = TimeSpan.FromMilliseconds(250);

    private static readonly Pace Strangers = new(Rate, Burst), Favoured = new(Rate, Burst), Named = new(NamedRate, 1);

    private readonly BoundedTimes<NodeId> _held = new(MaxEntries);
    private readonly HashSet<NodeId> _told = [];
    private readonly Queue<NodeId> _toldOrder = new();
    private TimeSpan _strangersFull;
    private TimeSpan _favouredFull;
    private TimeSpan _namedFull;
    private long _turn;

    /// <summary>When to look again even if nothing happens; of the last <see cref="Take"/> that found nothing.</summary>
    public TimeSpan? NextDue { get; private set; }

    /// <summary>When a stranger's turn may come, as far as the pace goes.</summary>
    public TimeSpan StrangersAt(TimeSpan now) => Strangers.NextAt(_strangersFull, now);

    /// <summary>What to do now; null: nothing before <see cref="NextDue"/>, unless something happens.</summary>
    public LanStep? Take(LanView view, TimeSpan now)
    {
        Expire(now);
        NextDue = _gone.Next;
        bool strangers = view.Wanted || view.Tells;
        Pick best = default;
        foreach (LanId id in _ids.Values)
        {
            if (_held.Of(id.Id) is { } held && held > now)
            {
                Later(held);
                continue;
            }

            LanRank rank = view.RankOf(id.Id);
            if (rank == LanRank.Known || (rank == LanRank.Before && view.Wanted) || (rank == LanRank.Stranger && strangers))
            {
                Consider(id, rank, view, now, ref best);
            }
        }

        return best.Entry is null ? null : Commit(best, now);
    }

    private void Consider(LanId id, LanRank rank, LanView view, TimeSpan now, ref Pick best)
    {
        bool tells = rank == LanRank.Stranger && view.Tells;
        if (tells ? _told.Contains(id.Id) : id.Entries.TrueForAll(static e => e.IsDialling))
        {
            return;
        }

        TimeSpan next = rank == LanRank.Stranger ? Strangers.NextAt(_strangersFull, now) : Favoured.NextAt(_favouredFull, now);
        next = tells || id.NextDial < next ? next : id.NextDial;
        if (next > now)
        {
            Later(next);
            return;
        }

        // A better one of another id stands already.
        if (!view.IsUsable(id.Id) || (tells ? id.Entries.MinBy(static e => (e.Order, e.Number)) : BestOf(id, view, now)) is not { } entry)
        {
            return;
        }

        Pick pick = new(entry, rank, tells);
        if (best.Entry is null || IsBefore(pick, best))
        {
            best = pick;
        }
    }

    private LanEntry? BestOf(LanId id, LanView view, TimeSpan now)
    {
        LanEntry? best = null;
        foreach (LanEntry entry in id.Entries)
        {
            if (entry.IsDialling || view.IsBusy(entry.Address.HostAndPort))
            {
                continue;
            }

            TimeSpan? due = WhenDue(entry, now);
            if (due is null || due > now)
            {
                Later(due);
            }
            else if (best is null || (entry.Order, entry.Failures, entry.Number).CompareTo((best.Order, best.Failures, best.Number)) < 0)
            {
                best = entry;
            }
        }

        return best;
    }

    // Null: not before something else has ended.
    private TimeSpan? WhenDue(LanEntry entry, TimeSpan now)
    {
        TimeSpan due = entry.NotBefore > now ? entry.NotBefore : now;
        if (IsExempt(entry))
        {
            return due;
        }

        if (HostAllowsAt(entry, now) is not { } host)
        {
            return null;
        }

        TimeSpan named = entry.IsVouched ? now : Named.NextAt(_namedFull, now);
        due = named > due ? named : due;
        return host > due ? host : due;
    }

    // The operator's first, then those of before; of strangers whoever had least, with the newest and the oldest in turn: neither who comes first with many, nor who comes
    // last, keeps another waiting. One turn in four asks nobody how often he led to nobody.
    private bool IsBefore(in Pick a, in Pick b)
    {
        if (a.Rank != b.Rank)
        {
            return a.Rank < b.Rank;
        }

        (LanEntry x, LanEntry y) = (a.Entry, b.Entry);
        if (a.Rank != LanRank.Stranger)
        {
            return (x.Order, x.Failures, x.Number).CompareTo((y.Order, y.Failures, y.Number)) < 0;
        }

        long phase = _turn % 4;
        bool failedX = phase != 3 && x.Source.Failures > 0, failedY = phase != 3 && y.Source.Failures > 0;
        long sign = phase is 0 or 2 ? -1 : 1;
        return (failedX, x.Source.Turn, sign * x.Source.Number, x.Host.Turn, x.Order, x.Number)
            .CompareTo((failedY, y.Source.Turn, sign * y.Source.Number, y.Host.Turn, y.Order, y.Number)) < 0;
    }

    private LanStep Commit(in Pick pick, TimeSpan now)
    {
        LanEntry entry = pick.Entry;
        if (pick.Rank == LanRank.Stranger)
        {
            _strangersFull = Strangers.Spend(_strangersFull, now);
            _turn++;
            entry.Source.Turn = entry.Host.Turn = _turn;
        }
        else
        {
            _favouredFull = Favoured.Spend(_favouredFull, now);
        }

        if (pick.Tells)
        {
            Remember(entry.Owner.Id);
            return new LanStep(entry, Tell: true);
        }

        entry.IsDialling = true;
        entry.Owner.NextDial = now + Stagger;
        if (!IsExempt(entry))
        {
            _namedFull = entry.IsVouched ? _namedFull : Named.Spend(_namedFull, now);
            Burden(entry, now);
        }

        return new LanStep(entry, Tell: false);
    }

    private void Remember(NodeId id)
    {
        _told.Add(id);
        _toldOrder.Enqueue(id);
        if (_toldOrder.Count > MaxTold)
        {
            _told.Remove(_toldOrder.Dequeue());
        }
    }

    private void Later(TimeSpan? due)
    {
        if (due is not null && (NextDue is null || due < NextDue))
        {
            NextDue = due;
        }
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct Pick(LanEntry Entry, LanRank Rank, bool Tells);
}
