using Meshara.Net;
using Meshara.Storage;

namespace Meshara;

// What this node signs of itself, and where peers have moved to.
public sealed partial class Node
{
    private Records CreateRecords(byte[] secret)
    {
        RememberedSequence? file = _directory is null ? null : new RememberedSequence(_directory.SequencePath);
        string? wrong = null;
        ulong last = file?.Read(out wrong) ?? 0;
        LogSequence(wrong);
        OwnRecord own = new(_certificate!, _options.Mesh, _addresses, _clock, last, sequence => LogSequence(_abandoned ? null : file?.Write(sequence)));
        return new Records(own, new RecordBook(secret, _clock), Id, _options.Mesh, _clock, OnRecordIgnored);
    }

    private void OnRecordIgnored(NodeId peer, string why)
    {
        _metrics.ExchangeIgnored(why);
        _logger.RecordIgnored(peer, why);
    }

    private void LogSequence(string? wrong)
    {
        if (wrong is not null)
        {
            _logger.SequenceIgnored(_directory!.SequencePath, wrong);
        }
    }

    // Called by the driver, which does not wait for a disk. What the operator has changed meanwhile counts more.
    private void Moved(NodeId id, PeerAddress? old, PeerAddress proven)
    {
        if (old is not null)
        {
            OnPeerMoved(id, old, proven);
        }

        _pins.Post(() => StoreMove(id, old, proven));
    }

    private void StoreMove(NodeId id, PeerAddress? old, PeerAddress proven)
    {
        try
        {
            if (_known.Find(id) is { } peer && peer.Addresses.Any(a => a.HostAndPort == old?.HostAndPort) | (old is null && peer.Addresses.Count == 0))
            {
                IEnumerable<PeerAddress> addresses = old is null ? [proven] : peer.Addresses.Select(a => a.HostAndPort == old.HostAndPort ? proven : a);
                _known.Add(peer with { Addresses = [.. addresses.Distinct()] });
            }
        }
        catch (MesharaException e)
        {
            _logger.MoveNotStored(id, proven.HostAndPort, e.Message);
        }
    }
}
