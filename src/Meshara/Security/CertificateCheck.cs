using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Security;

/// <summary>The check of the peer's certificate in one TLS handshake: all rules of wire protocol section 3, nothing else, and no I/O.</summary>
/// <remarks>Its answer to the framework is yes or no; why it was no is kept here for the exception.</remarks>
/// <param name="own">This node's key.</param>
/// <param name="pin">The id that must answer; null: whoever answers.</param>
/// <param name="alsoAccepted">Older keys of the pin's that may answer too.</param>
/// <param name="address">Of the other end, for messages.</param>
/// <param name="isDialer">Whether this side chose the address.</param>
internal sealed class CertificateCheck(PublicKey own, NodeId? pin, IReadOnlyList<NodeId> alsoAccepted, string address, bool isDialer)
{
    /// <summary>Why the pin has to answer.</summary>
    public ExpectedKey Why { get; init; }

    /// <summary>Whether this side chose the address.</summary>
    public bool IsDialer => isDialer;

    /// <summary>The peer's key, once <see cref="Validate"/> said yes.</summary>
    public PublicKey? RemoteKey { get; private set; }

    /// <summary>How the peer came to its key, as it says: only its form is checked, and from a pinned key on the signatures. Null: it says nothing.</summary>
    public SuccessorChain? Chain { get; private set; }

    /// <summary>Why <see cref="Validate"/> said no; null before, and after a yes.</summary>
    public MesharaException? Failure { get; private set; }

    /// <summary>The <see cref="RemoteCertificateValidationCallback"/>. Never throws.</summary>
    public bool Validate(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        try
        {
            (RemoteKey, Chain) = (null, null);
            Failure = certificate is null
                ? new MesharaException(MesharaErrorCode.NoCertificate, $"{Peer} presented no certificate, so it did not say who it is. It is no Meshara node, or a broken one.")
                : Judge(certificate, chain);
        }
        catch (Exception e)
        {
            // An exception thrown into the framework's handshake would surface elsewhere; a certificate that trips us is a bad one.
            RemoteKey = null;
            Failure = Bad("could not be read", e);
        }

        return Failure is null;
    }

    // "The node at" an address that we chose; "the caller from" one that chose us.
    private string Peer => isDialer ? $"The node at {address}" : $"The caller from {address}";

    private MesharaException? Judge(X509Certificate certificate, X509Chain? chain)
    {
        byte[] der = certificate.GetRawCertData();
        if (CountOthers(der, chain) is > 0 and int others)
        {
            return new MesharaException(MesharaErrorCode.BadCertificate, $"{Peer} presented {others + 1} certificates; a Meshara node presents one.");
        }

        if (!CertificateParser.TryParse(der, out CertificateParser? parsed, out string? error))
        {
            return Bad(error);
        }

        PublicKey? key = PublicKey.ReadAndVerify(parsed.PublicKey.Span, parsed.Signed.Span, parsed.Signature.Span, out bool isSigned, certificate);
        if (key is null)
        {
            return Bad("holds a key that is not ECDSA on P-256 in its one encoding");
        }

        if (!isSigned)
        {
            return Bad("is not signed by its own key");
        }

        if (parsed.UnknownCritical is { } extension)
        {
            return Bad($"has the critical extension {extension}, which Meshara does not know");
        }

        SuccessorChain? chainOfKeys = null;
        if (parsed.Successors.Count > 1 || (parsed.Successors is [var value] && !SuccessorChain.TryParse(value, key.Id, out chainOfKeys)))
        {
            return Bad("has a chain of successors that is not in order");
        }

        if (pin is { } expected && key.Id != expected && Explain(expected, key, chainOfKeys) is { } wrong)
        {
            return wrong;
        }

        (RemoteKey, Chain) = (key, chainOfKeys);
        return null;
    }

    // Another key than the pinned one: null where it is one of the pin's, older or newer.
    private MesharaException? Explain(NodeId expected, PublicKey found, SuccessorChain? chainOfKeys)
    {
        if (found.Equals(own))
        {
            return Self();
        }

        int from = chainOfKeys?.OldIds.ToList().IndexOf(expected) ?? -1;
        return alsoAccepted.Contains(found.Id) || (from >= 0 && chainOfKeys!.Verify(from)) ? null : Mismatch(expected, found, isForged: from >= 0);
    }

    // Without a pin HELLO tells which of the two it is: there each side says which start of which program it is.
    private MesharaException Self() => new(
        MesharaErrorCode.Self,
        $"{Peer} has this node's own key {own.Id}: the address leads back to this node, or another machine runs with a copy of its data directory.");

    private MesharaException Mismatch(NodeId expected, PublicKey found, bool isForged) => Why == ExpectedKey.Pinned ? PinnedMismatch(expected, found, isForged) : new(
        MesharaErrorCode.PinMismatch,
        $"Another node answers at {address}: {found.Id}. {expected} was expected{(Why == ExpectedKey.Named ? ": so the address was given" : ", as it was learned before")}. "
        + (isForged ? "The signatures by which the one succeeds the other are wrong. " : "")
        + "Only the address is blamed. "
        + (Why == ExpectedKey.Named ? "If that node was set up anew, give its new id." : "If that node was set up anew, nothing is to be done."));

    private MesharaException PinnedMismatch(NodeId expected, PublicKey found, bool isForged) => new(
        MesharaErrorCode.PinMismatch,
        $"At {address} answers the key {found.Id}, but {expected} is pinned. "
        + (isForged ? "It says that it succeeds the pinned one, but the signatures of that are wrong. " : "")
        + "Another node has this address now, or somebody stands in between. "
        + "Run 'meshara id' on the machine you mean to reach: if it prints the second, correct the address; if it prints the first, its identity was made anew, "
        + $"and Node.ReplaceKeyAsync accepts it, or this command: meshara trust replace {expected} {found}");

    // What the peer sent beside the leaf. On Linux the server's store lacks the leaf and the client's has it; elsewhere it may have it.
    private int CountOthers(byte[] leaf, X509Chain? chain)
    {
        X509Certificate2Collection sent = chain?.ChainPolicy.ExtraStore ?? [];
        bool hasLeaf = (isDialer || !OperatingSystem.IsLinux()) && sent.Any(c => c.RawDataMemory.Span.SequenceEqual(leaf));
        return sent.Count - (hasLeaf ? 1 : 0);
    }

    private MesharaException Bad(string what, Exception? cause = null) =>
        new(MesharaErrorCode.BadCertificate, $"{Peer} presented a certificate that {what}. It is no Meshara node, or a broken one.", innerException: cause);
}
