using System.Net;
using Meshara.Core.Policy;
using Meshara.Security;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Peer records as they come in: form, rules, signature, in this order, so that what does not count costs no signature. Safe for use by several threads.</summary>
/// <param name="own">This node's own.</param>
/// <param name="book">What is known of others.</param>
/// <param name="self">This node.</param>
/// <param name="mesh">Its mesh.</param>
/// <param name="clock">The node's.</param>
/// <param name="onIgnored">Told of what is well formed and does not count, and why.</param>
internal sealed class Records(OwnRecord own, RecordBook book, NodeId self, string mesh, NodeClock clock, Action<NodeId, string> onIgnored)
{
    private const string Old = "old";

    public OwnRecord Own => own;

    public RecordBook Book => book;

    /// <summary>What the records of peers say of this machine's clock.</summary>
    public PeerClocks Clocks { get; } = new();

    /// <summary>What a node says of itself on a link.</summary>
    /// <param name="bytes">The record.</param>
    /// <param name="sender">The id proven in TLS.</param>
    /// <returns>Verified; null: it is ignored.</returns>
    /// <exception cref="WireException">Malformed, of another id, or forged.</exception>
    public SignedRecord? CheckOwn(ReadOnlySpan<byte> bytes, NodeId sender)
    {
        SignedRecord record = SignedRecord.Parse(bytes);
        if (record.Id != sender)
        {
            WireException.Forgery("A record of another id as the sender's own.");
        }

        Clocks.Note(sender, record.Expires, clock.UtcNow);

        // Who comes again says the same: most often nothing is to be checked anew.
        return !Counts(record) || !(book.IsNews(record.Id, record.Sequence, fromOwner: true) || Ignore(record, Old)) ? null
            : book.Holds(record) ? record : Verify(record);
    }

    /// <summary>What a node says of another. Its number is remembered; where it is of this node itself, the next own record goes above it.</summary>
    /// <returns>Verified; null: it is ignored.</returns>
    /// <exception cref="WireException">Malformed or forged.</exception>
    public SignedRecord? CheckOther(ReadOnlySpan<byte> bytes)
    {
        SignedRecord record = SignedRecord.Parse(bytes);
        if (!Counts(record))
        {
            return null;
        }

        if (record.Id == self)
        {
            own.Heard(Verify(record).Sequence);
            return null;
        }

        if (!book.IsNews(record.Id, record.Sequence, fromOwner: false))
        {
            Ignore(record, Old);
            return null;
        }

        book.Heard(Verify(record));
        return record;
    }

    /// <summary>The addresses in a record that can be read, with its id. What their reach allows, the mesh judges.</summary>
    public static IReadOnlyList<PeerAddress> AddressesOf(SignedRecord record)
    {
        List<PeerAddress> addresses = [];
        foreach (string text in record.Addresses)
        {
            // An id in it would be the word of another form; link-local ones mean nothing elsewhere.
            if (PeerAddress.TryParse(text, out PeerAddress? address) && address.Id is null && address.HostAndPort == text
                && !(AddressGroups.TryParse(address.Host, out IPAddress? ip) && AddressKinds.ReachOf(ip) is AddressReach.LinkLocal or AddressReach.Nowhere))
            {
                addresses.Add(address with { Id = record.Id });
            }
        }

        return addresses;
    }

    private bool Counts(SignedRecord record) => RecordRules.WhyIgnored(record, mesh, clock.UtcNow) is not { } why || Ignore(record, why);

    private bool Ignore(SignedRecord record, string why)
    {
        onIgnored(record.Id, why);
        return false;
    }

    private static SignedRecord Verify(SignedRecord record)
    {
        if (!record.Verify())
        {
            WireException.Forgery("A peer record whose signature is wrong.");
        }

        return record;
    }
}
