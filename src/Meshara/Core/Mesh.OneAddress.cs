namespace Meshara.Core;

// Several ids that the operator believes at one host and port: one pace for all of them, and each in its turn.
internal sealed partial class Mesh
{
    private void TargetDue(long key, TimeSpan now)
    {
        if (!_targetsByKey.TryGetValue(key, out DialTarget? target) || target.State != TargetState.Waiting)
        {
            return;
        }

        // Held by one dead address they are due together: the same one would be the first each time.
        DialTarget[] others = [.. OthersAt(target)];
        DialTarget? longer = others.Where(t => t.State == TargetState.Waiting && t.LastDial < target.LastDial && _deadlines.Of(t.Key) <= now).MinBy(t => t.LastDial);
        if (longer is not null)
        {
            DialIfUseful(longer, now);
        }

        if (others.Any(t => t.State is TargetState.Dialling || (t == longer && t.State is TargetState.Queued)))
        {
            // Its outcome will say whether anybody is there.
            DialAt(target, now + Timeouts.Connect);
        }
        else
        {
            DialIfUseful(target, now);
        }
    }

    // Other ids at the same host and port.
    private IEnumerable<DialTarget> OthersAt(DialTarget target)
    {
        string at = target.Address.HostAndPort;
        return _targets.Values.Where(t => t != target && t.Address.HostAndPort == at);
    }

    // Nobody was there, whoever was expected: an address is dialled at one pace.
    private void HoldOthersAt(DialTarget target)
    {
        foreach (DialTarget other in OthersAt(target).Where(t => t.State == TargetState.Waiting).ToArray())
        {
            other.Attempts = Math.Max(other.Attempts, target.Attempts);
            DialAt(other, Max(_deadlines.Of(other.Key) ?? TimeSpan.Zero, _deadlines.Of(target.Key) ?? TimeSpan.Zero));
        }
    }
}
