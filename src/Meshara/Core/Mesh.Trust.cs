namespace Meshara.Core;

// What the operator's word about a peer starts, and what he is told when another key answers.
internal sealed partial class Mesh
{
    private readonly Whereabouts _whereabouts = new();

    // For who is trusted anew: the other side may have given up for long, or it cannot dial at all.
    private void DialTrusted(NodeId id, TimeSpan now)
    {
        if (_stopped || id == _config.Self || LiveEntry(id) is not null)
        {
            return;
        }

        DialTarget[] known = [.. _targets.Values.Where(t => Means(t, id))];
        foreach (DialTarget target in known)
        {
            DialAfterChange(target, now);
        }

        if (known.Length == 0 && _whereabouts.Find(id) is { } address)
        {
            DialTarget target = Target(address with { Id = id });
            target.DialUntil = now + DialBackFor;
            DialIfUseful(target, now);
        }
    }

    // Best the address that was dialled and answered; else the one that the peer tells, on the host that its link came from.
    private void RememberWhere(NodeId id)
    {
        PeerEntry? peer = LiveEntry(id) ?? _peers.GetValueOrDefault(id);
        PeerAddress? dialled = peer?.Link?.Target?.Address ?? _targets.Values.FirstOrDefault(t => t.Answered == id)?.Address;
        _whereabouts.Remember(id, dialled ?? peer?.Back);
    }

    // A peer has come by itself: it may well be the one that a configured address without an id did not reach so far. Only a dial of our own shows that,
    // and pins it. Not more often than a dial may take, as anybody can come.
    private void DialUnpinned(TimeSpan now)
    {
        if (_config.Admission == AdmissionMode.Open)
        {
            return;
        }

        foreach (DialTarget target in _targets.Values.Where(t => t is { State: TargetState.Waiting, Address.Id: null } && now >= t.MayRestart))
        {
            target.MayRestart = now + Timeouts.Connect;
            DialAt(target, Max(target.NotBefore, now + Policy.Backoff.AfterLoss(_config.Random.NextDouble())));
        }
    }

    private static bool IsNewMismatch(DialTarget? target, ConnectionFailure failure)
    {
        if (failure.Code != MesharaErrorCode.PinMismatch || target is not { Wanted: true, MismatchTold: false })
        {
            return false;
        }

        target.MismatchTold = true;
        return true;
    }
}
