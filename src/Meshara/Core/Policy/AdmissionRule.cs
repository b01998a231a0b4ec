using Meshara.Wire;

namespace Meshara.Core.Policy;

/// <summary>Who may join (wire protocol section 5.5, rule 3): ban, then admission, then capacity.</summary>
internal static class AdmissionRule
{
    /// <summary>Null: admitted; else the reason to refuse.</summary>
    /// <param name="mode">The node's choice.</param>
    /// <param name="facts">What the peer proved.</param>
    /// <param name="known">The operator named this id.</param>
    /// <param name="namedAddress">The operator named the address that was dialled, without an id: trust on first use.</param>
    /// <param name="reputation">At <see cref="Reputation.BanBelow"/> or less a stranger is banned.</param>
    /// <param name="hasPlace">This id has a place, or there is a free one.</param>
    public static RefuseCode? Judge(AdmissionMode mode, in PeerFacts facts, bool known, bool namedAddress, double reputation, bool hasPlace)
    {
        // The operator's word weighs more than conduct: pinned peers are never banned.
        if (!known && reputation <= Reputation.BanBelow)
        {
            return RefuseCode.Banned;
        }

        bool admitted = known || mode switch
        {
            AdmissionMode.Open => true,
            // An address alone does not stand in for the secret: whoever holds the address would get around it.
            AdmissionMode.Secret => facts.SecretProven,
            _ => namedAddress,
        };
        return !admitted ? RefuseCode.NotAdmitted
            // A probe takes no place (section 6).
            : !hasPlace && !facts.Probe ? RefuseCode.Full
            : null;
    }

    /// <summary>The error code that says the same as a REFUSE of this node's.</summary>
    public static MesharaErrorCode ToError(RefuseCode code) => code switch
    {
        RefuseCode.Duplicate => MesharaErrorCode.Duplicate,
        RefuseCode.Full => MesharaErrorCode.Full,
        RefuseCode.Banned => MesharaErrorCode.Banned,
        RefuseCode.NotAdmitted => MesharaErrorCode.NotAdmitted,
        RefuseCode.GoingAway => MesharaErrorCode.GoingAway,
        RefuseCode.IdentityInUse => MesharaErrorCode.IdentityInUse,
        _ => MesharaErrorCode.Refused,
    };

    /// <summary>Whether the same dial may succeed later although nobody changes a configuration.</summary>
    public static bool IsTransient(RefuseCode code) =>
        code is RefuseCode.Duplicate or RefuseCode.Full or RefuseCode.GoingAway or RefuseCode.IdentityInUse or RefuseCode.Banned;
}
