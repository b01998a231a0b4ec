using System.Net;
using Meshara.Core.Policy;
using Meshara.Security;

namespace Meshara.Net;

/// <summary>This node's own peer record (wire protocol section 11): issued anew when its addresses change and after half of its life. Safe for use by several threads.</summary>
/// <remarks>
/// One issue has several forms: a peer is told no address that reaches less far than the peer itself is away, so that a record which it passes on
/// shows strangers nothing of this machine's local networks. All forms of an issue have one sequence number.
/// </remarks>
internal sealed class OwnRecord
{
    // One for each address of this machine and each reach would be many; more than these are not worth keeping.
    private const int MaxForms = 64;

    private readonly Lock _sync = new();
    private readonly Dictionary<string, SignedRecord> _forms = new(StringComparer.Ordinal);
    private readonly NodeCertificate _certificate;
    private readonly string _mesh;
    private readonly OwnAddresses _addresses;
    private readonly NodeClock _clock;
    private readonly Action<ulong> _remember;
    private ulong _last;
    private string? _issuedFor;
    private ulong _expires;
    private DateTimeOffset _renewAt;
    private DateTimeOffset _issuedAt;

    /// <summary>Issues nothing yet.</summary>
    /// <param name="certificate">Signs.</param>
    /// <param name="mesh">Its name.</param>
    /// <param name="addresses">Where this node is.</param>
    /// <param name="clock">The node's.</param>
    /// <param name="last">The last sequence number of an earlier run; 0: unknown.</param>
    /// <param name="remember">Keeps a sequence number for the next run, before it is used.</param>
    public OwnRecord(NodeCertificate certificate, string mesh, OwnAddresses addresses, NodeClock clock, ulong last, Action<ulong> remember)
    {
        (_certificate, _mesh, _addresses, _clock, _remember) = (certificate, mesh, addresses, clock, remember);

        // By a clock that has been put right since: nobody took those records, and none below them would be taken either.
        _last = RecordRules.IsTooFarAhead(last, clock.UtcNow) ? 0 : last;
    }

    /// <summary>The record for one peer. The same object as before where nothing has changed.</summary>
    /// <param name="remote">Where the peer is; null: not on an IP network.</param>
    /// <param name="local">This machine's address of the connection; null: unknown.</param>
    public SignedRecord For(IPAddress? remote, IPAddress? local)
    {
        string[] told = [.. _addresses.On(local).Where(a => MayBeTold(a, remote)).Take(SignedRecord.MaxAddresses)];
        string form = string.Join(' ', told);
        lock (_sync)
        {
            Renew();
            if (!_forms.TryGetValue(form, out SignedRecord? record))
            {
                if (_forms.Count >= MaxForms)
                {
                    _forms.Clear();
                }

                _forms[form] = record = SignedRecord.Create(_certificate.PublicKey, _certificate.Sign, _mesh, _last, _expires, told);
            }

            return record;
        }
    }

    /// <summary>Somebody has shown a verified record of this node's own key: the next one goes above it. After a loss of the data directory, and of the clock.</summary>
    public void Heard(ulong sequence)
    {
        lock (_sync)
        {
            if (sequence > _last)
            {
                _last = sequence;
                _issuedFor = null;
            }
        }
    }

    // Under the lock.
    private void Renew()
    {
        string current = string.Join(' ', _addresses.Current.Select(a => a.HostAndPort));
        DateTimeOffset now = _clock.UtcNow;

        // A clock that went back would keep a record for as long.
        if (current == _issuedFor && now < _renewAt && now >= _issuedAt - RecordRules.Grace)
        {
            return;
        }

        ulong time = RecordRules.Milliseconds(now);
        _last = Math.Max(RecordRules.IsTooFarAhead(_last, now) ? 0 : _last + 1, time);
        (_issuedFor, _issuedAt, _renewAt, _expires) = (current, now, now + (RecordRules.Life / 2), time + (ulong)RecordRules.Life.TotalMilliseconds);
        _forms.Clear();
        _remember(_last);
    }

    private static bool MayBeTold(string address, IPAddress? remote) =>
        !PeerAddress.TryParse(address, out PeerAddress? parsed)
            ? false
            : remote is null || !AddressGroups.TryParse(parsed.Host, out IPAddress? host)
            || (AddressKinds.MayName(host, remote) && AddressKinds.ReachOf(host) != AddressReach.LinkLocal);
}
