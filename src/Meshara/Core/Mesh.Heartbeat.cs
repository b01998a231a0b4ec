namespace Meshara.Core;

// Whether links live: section 7.1, the old-link check of section 6, the check after a change of the network, and the deadlines of frames and writes.
internal sealed partial class Mesh
{
    private const int MaxPingsOutstanding = 4;

    // The least round trip, and as much again for each of three losses. With two PINGs of this after the silence, a cut cable is noticed within a minute.
    private const int RoundTripsToWait = 4;
    private static readonly TimeSpan LongestPongWait = TimeSpan.FromSeconds(21);

    // A busy link is never silent, and its round-trip time would never be measured again.
    private static readonly TimeSpan RoundTripEvery = TimeSpan.FromMinutes(1);

    // The side that dialled is this much slower to ask, so that as a rule one PING serves both: who has thousands of links was dialled for most of them, and asks many at once.
    private static readonly TimeSpan DiallerWaits = TimeSpan.FromSeconds(1);

    // Waking is dearer than asking: links whose silence ends in the same second are asked at once.
    private static readonly TimeSpan PingTogether = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongPingAfter = TimeSpan.FromSeconds(10);

    // A look is also when the link does what only time brings about. Those of all links fall on one grid, so that an idle node wakes once for all of them.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>A PONG came for the PING of this number.</summary>
    public void HandlePong(long connectionId, long number, TimeSpan now)
    {
        if (!_connections.TryGetValue(connectionId, out MeshConnection? link) || link.Phase != ConnectionPhase.Live)
        {
            return;
        }

        // A PONG settles its PING and all earlier ones.
        link.PingsOutstanding = (int)Math.Min(link.PingsOutstanding, link.LastPing - number);
        link.SilencePings = 0;
        link.RoundTrips.Answered(number, now);
        PassChangeCheck(link, number, now);
        if (link.Held is [var first, ..] && first.HeldPing <= number)
        {
            RefuseHeld(link, number, now);
        }

        if (link.PingOwed)
        {
            SendPing(link, now);
        }

        Manage(now);
    }

    /// <summary>The answer to Check.</summary>
    public void HandleLiveness(long connectionId, LinkLiveness liveness, TimeSpan now)
    {
        if (!_connections.TryGetValue(connectionId, out MeshConnection? link) || link.Phase != ConnectionPhase.Live)
        {
            return;
        }

        CountUseful(link, liveness.Useful, now);
        if (link.Phase != ConnectionPhase.Live)
        {
            return;
        }

        if (EndOfKey(link.Peer!.Id) <= now)
        {
            Close(link, DisconnectReason.Replaced, $"its key was succeeded by {CurrentOf(link.Peer.Id)} and is not accepted any more", now);
        }
        else if (liveness.PartialFrameSince + Timeouts.Frame <= now)
        {
            Close(link, DisconnectReason.FrameTimeout, $"a frame was not completed within {Timeouts.Frame.TotalSeconds:0.###} s", now);
        }
        else if (liveness.WriteSince + Timeouts.Write <= now)
        {
            Close(link, DisconnectReason.WriteTimeout, $"the peer did not take a write (up to 64 KiB) within {Timeouts.Write.TotalSeconds:0.###} s: it reads too slowly or not at all", now);
        }
        else if (!IsSilent(link, liveness, now) && !CheckOldLink(link, liveness, now) && !IsSilentAfterChange(link, liveness, now))
        {
            // A frame or a write may begin right after this look, so the next one is no later than its deadline. A round trip may wait for a look.
            TimeSpan due = Min(NextLook(now), now + Min(Timeouts.Frame, Timeouts.Write));
            due = Min(due, liveness.PartialFrameSince + Timeouts.Frame ?? due);
            due = Min(due, liveness.WriteSince + Timeouts.Write ?? due);
            link.HeartbeatDue = Min(due, SilenceDue(link, liveness));
            SetLinkDeadline(link);
        }

        Manage(now);
    }

    private void StartHeartbeat(MeshConnection link, TimeSpan now)
    {
        link.RoundTripDue = now + RoundTripEvery;
        link.HeartbeatDue = Min(NextLook(now), now + Min(Timeouts.PingAfter, Min(Timeouts.Frame, Timeouts.Write)));
        SetLinkDeadline(link);
    }

    private static TimeSpan NextLook(TimeSpan now) => new(((now.Ticks / LookEvery.Ticks) + 1) * LookEvery.Ticks);

    private void SetLinkDeadline(MeshConnection link)
    {
        TimeSpan due = Min(link.HeartbeatDue, link.LinkCheck?.Due ?? link.HeartbeatDue);
        due = Min(due, EndOfKey(link.Peer!.Id) ?? due);
        _deadlines.Set(link.Id, Min(due, link.ChangeCheck?.Due ?? due));
    }

    // True: closed.
    private bool IsSilent(MeshConnection link, LinkLiveness liveness, TimeSpan now)
    {
        if (link.SilencePings > 0 && liveness.LastFrame >= link.SilencePingAt)
        {
            link.SilencePings = 0;
        }

        if (now >= SilenceDue(link, liveness))
        {
            if (link.SilencePings == 2)
            {
                Close(link, DisconnectReason.PingTimeout, $"nothing was heard for {(now - liveness.LastFrame).TotalSeconds:0.###} s", now);
                return true;
            }

            SendPing(link, now);
            link.SilencePings++;
            link.SilencePingAt = now;
        }
        else if (now >= link.RoundTripDue)
        {
            SendPing(link, now);
        }

        return false;
    }

    private TimeSpan SilenceDue(MeshConnection link, LinkLiveness liveness) =>
        link.SilencePings == 0 ? OnGrid(Max(liveness.LastFrame, link.LiveSince) + PingAfter(link)) : link.SilencePingAt + PongWithin(link);

    // Sooner, not later; and only where it makes no great difference.
    private TimeSpan OnGrid(TimeSpan due) => Timeouts.PingAfter < LongPingAfter ? due : new TimeSpan(due.Ticks / PingTogether.Ticks * PingTogether.Ticks);

    private TimeSpan PingAfter(MeshConnection link) =>
        Timeouts.PingAfter + (link.Inbound ? TimeSpan.Zero : Min(DiallerWaits, Timeouts.PingAfter / 4));

    private TimeSpan PongWithin(MeshConnection link) =>
        Max(Timeouts.PongWithin, Min(LongestPongWait, RoundTripsToWait * (link.RoundTrips.Least ?? TimeSpan.Zero)));

    // True: the link was silent and gave way.
    private bool CheckOldLink(MeshConnection link, LinkLiveness liveness, TimeSpan now)
    {
        if (link.LinkCheck is not { } check || now < check.Due)
        {
            return false;
        }

        TimeSpan longest = check.Since + (3 * Timeouts.DuplicateCheck);
        if (liveness.LastFrame > check.Since && now < longest)
        {
            link.LinkCheck = check with { Due = longest };
            return false;
        }

        Close(link, DisconnectReason.Replaced, "it did not answer when its peer connected anew", now);
        return true;
    }

    private void SendPing(MeshConnection link, TimeSpan now)
    {
        if (link.PingsOutstanding < MaxPingsOutstanding)
        {
            link.PingOwed = false;
            link.PingsOutstanding++;
            link.RoundTripDue = now + RoundTripEvery;
            link.RoundTrips.Sent(++link.LastPing, now);
            Emit(new MeshAction.Ping(link.Id, link.LastPing));
        }
    }

    // The number of a PING that goes out from now on: where too many are out, the next one's, which follows a PONG.
    private long PingFromNow(MeshConnection link, TimeSpan now)
    {
        bool isFull = link.PingsOutstanding >= MaxPingsOutstanding;
        SendPing(link, now);
        link.PingOwed |= isFull;
        return isFull ? link.LastPing + 1 : link.LastPing;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
