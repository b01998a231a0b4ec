namespace Meshara.Mdns.Engine;

/// <summary>Says on one link what was proven or has changed, without being asked (RFC 6762 sections 8.3 and 8.4).</summary>
internal sealed class Announcer(LinkState link, ResponsePacker packer, Outbox outbox)
{
    /// <summary>How often: at once, 1 s later, and 2 s after that. Two are the least, eight the most; the pause at least doubles.</summary>
    public const int Times = 3;

    private readonly Dictionary<Publication, Announcement> _running = [];

    /// <summary>When something is due.</summary>
    public TimeSpan? NextDeadline
    {
        get
        {
            TimeSpan? next = null;
            foreach (Announcement announcement in _running.Values)
            {
                if (!(announcement.NextAt >= next))
                    next = announcement.NextAt;
            }

            return next;
        }
    }

    /// <summary>Begins, or begins anew.</summary>
    public void Start(Publication publication, TimeSpan at) => _running[publication] = new Announcement { NextAt = at };

    /// <summary>Says nothing more of it.</summary>
    public void Stop(Publication publication) => _running.Remove(publication);

    /// <summary>Says nothing more at all.</summary>
    public void Clear() => _running.Clear();

    /// <summary>Sends what is due.</summary>
    public void Advance(LinkZone zone, TimeSpan now)
    {
        Publication[] due = [.. _running.Where(r => r.Value.NextAt <= now).Select(r => r.Key)];
        if (due.Length == 0)
            return;

        // Section 6: what was said less than a second ago is not said again.
        List<OwnSet> sets = [.. due.SelectMany(zone.Of).Distinct().Where(s => s.IsReady && !(s.LastMulticast > now - AnswerQueue.Limit))];
        while (sets.Count > 0)
        {
            if (!link.Budget.TryTakeOwn(now))
            {
                // What is left is said when there is room; what was said above is passed over then.
                TimeSpan next = link.Budget.NextOwn(now);
                foreach (Publication publication in due)
                    _running[publication].NextAt = next;
                return;
            }

            ResponsePacker.Packed packed = packer.Next(sets, withAdditionals: false);
            foreach (OwnSet set in packed.Answers)
                set.LastMulticast = now;
            outbox.Send(link, destination: null, packed.Bytes, now);
        }

        foreach (Publication publication in due)
            Said(publication, now);
    }

    private void Said(Publication publication, TimeSpan now)
    {
        Announcement announcement = _running[publication];
        announcement.Said++;
        announcement.NextAt = now + TimeSpan.FromSeconds(1 << (announcement.Said - 1));
        if (announcement.Said >= Times)
            _running.Remove(publication);
    }

    private sealed class Announcement
    {
        public int Said { get; set; }

        public TimeSpan NextAt { get; set; }
    }
}
