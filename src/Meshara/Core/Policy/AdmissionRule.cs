using Meshara.Wire;

namespace Meshara.Core.Policy;

/// <summary>Who may join (wire protocol section 5.5, rule 3): ban, then admission. Capacity is judged after that.</summary>
internal static class AdmissionRule
{
    /// <summary>Null: admitted; else the reason to refuse.</summary>
    /// <param name="mode">The node's choice.</param>
    /// <param name="facts">What the peer proved.</param>
    /// <param name="known">The operator named this id.</param>
    /// <param name="namedAddress">The operator named the address that was dialled, without an id: trust on first use.</param>
    /// <param name="banned">Whether the id is banned; the operator's word weighs more than conduct.</param>
    public static RefuseCode? Judge(AdmissionMode mode, in PeerFacts facts, bool known, bool namedAddress, bool banned)
    {
        if (!known && banned)
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
        return admitted ? null : RefuseCode.NotAdmitted;
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
