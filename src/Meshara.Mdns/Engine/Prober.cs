using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>Sends the probes that are due on a link, as many names in a packet as fit (RFC 6762 section 8.1).</summary>
internal sealed class Prober(Outbox outbox)
{
    /// <summary>The first probe waits 0 to this, so that machines that start together do not speak together.</summary>
    public static readonly TimeSpan MostFirstDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>From one probe to the next, and from the last to success.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private readonly DnsWriter _writer = new();

    /// <summary>When something is due; null: nothing is under way.</summary>
    public static TimeSpan? NextDeadline(ResponderLink link)
    {
        TimeSpan? next = null;
        foreach (NameClaim claim in link.Claims)
        {
            if (claim.NextAt is { } at && !(at >= next))
                next = at;
        }

        return next;
    }

    /// <summary>Sends what is due.</summary>
    /// <returns>The names that are proven just now.</returns>
    public IReadOnlyList<NameClaim> Advance(ResponderLink link, TimeSpan now)
    {
        List<NameClaim>? due = null;
        List<NameClaim>? proven = null;
        foreach (NameClaim claim in link.Claims)
        {
            if (!(claim.NextAt <= now))
                continue;
            if (claim.ProbesSent < NameClaim.Probes)
            {
                (due ??= []).Add(claim);
                continue;
            }

            claim.Succeed();
            (proven ??= []).Add(claim);
        }

        while (due is { Count: > 0 })
            SendOne(link, due, now);
        return proven ?? (IReadOnlyList<NameClaim>)[];
    }

    private void SendOne(ResponderLink link, List<NameClaim> due, TimeSpan now)
    {
        if (!link.State.Budget.TryTakeOwn(now))
        {
            TimeSpan next = link.State.Budget.NextOwn(now);
            due.ForEach(c => c.Postpone(next));
            due.Clear();
            return;
        }

        int fitting = due.Count;
        while (!TryWrite(link, due, fitting) && fitting > 1)
            fitting = Math.Max(1, fitting / 2);
        outbox.Send(link.State, destination: null, _writer.Finish(0, DnsFlags.None), now);
        foreach (NameClaim claim in due.GetRange(0, fitting))
            claim.Probed(now + Interval);
        due.RemoveRange(0, fitting);
    }

    // Section 8.1: type ANY, the proposed records as authorities. QU, so that the owner can answer at once; the last probe is not, since a unicast answer
    // may reach another program with the same port (section 15.1), and none is while one is known to be there.
    private bool TryWrite(ResponderLink link, List<NameClaim> claims, int count)
    {
        _writer.Clear();
        for (int i = 0; i < count; i++)
        {
            bool unicast = !link.State.PortShared && claims[i].ProbesSent < NameClaim.Probes - 1;
            if (!_writer.TryAdd(new DnsQuestion(claims[i].Owner.Name, DnsType.Any, unicast)))
                return false;
        }

        for (int i = 0; i < count; i++)
        {
            foreach (DnsRecord record in link.Zone.Proposed(claims[i].Owner.Name))
            {
                if (!_writer.TryAdd(record, DnsSection.Authority))
                    return false;
            }
        }

        return true;
    }
}
