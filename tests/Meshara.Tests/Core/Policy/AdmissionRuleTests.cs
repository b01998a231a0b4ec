using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class AdmissionRuleTests
{
    // mode, known, the address was named without an id, secret proven, reputation, place, probe, REFUSE code (-1: admitted)
    [Theory]
    [InlineData(AdmissionMode.KnownPeers, false, false, false, 0, true, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.KnownPeers, true, false, false, 0, true, false, null)]
    [InlineData(AdmissionMode.KnownPeers, false, true, false, 0, true, false, null)]
    [InlineData(AdmissionMode.KnownPeers, false, false, true, 0, true, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Secret, false, false, false, 0, true, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Secret, false, true, false, 0, true, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Secret, false, false, true, 0, true, false, null)]
    [InlineData(AdmissionMode.Secret, true, false, false, 0, true, false, null)]
    [InlineData(AdmissionMode.Open, false, false, false, 0, true, false, null)]
    [InlineData(AdmissionMode.Open, false, false, false, -95, true, false, RefuseCode.Banned)]
    [InlineData(AdmissionMode.Open, false, false, false, -94, true, false, null)]
    [InlineData(AdmissionMode.Open, true, false, false, -500, true, false, null)]
    [InlineData(AdmissionMode.Open, false, false, false, 0, false, false, RefuseCode.Full)]
    [InlineData(AdmissionMode.KnownPeers, true, false, false, 0, false, false, RefuseCode.Full)]
    [InlineData(AdmissionMode.KnownPeers, false, false, false, 0, false, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Open, false, false, false, 0, false, true, null)]
    [InlineData(AdmissionMode.KnownPeers, false, false, false, 0, true, true, RefuseCode.NotAdmitted)]
    public void Judge_Table_Decides(
        object mode, bool known, bool named, bool secret, double reputation, bool place, bool probe, object? expected)
    {
        PeerFacts facts = new(Ids.Low, 1) { SecretProven = secret, Probe = probe };

        RefuseCode? actual = AdmissionRule.Judge((AdmissionMode)mode, facts, known, named, reputation, place);

        Assert.Equal((RefuseCode?)expected, actual);
    }

    [Theory]
    [InlineData(RefuseCode.Duplicate, MesharaErrorCode.Duplicate, true)]
    [InlineData(RefuseCode.Full, MesharaErrorCode.Full, true)]
    [InlineData(RefuseCode.Banned, MesharaErrorCode.Banned, true)]
    [InlineData(RefuseCode.NotAdmitted, MesharaErrorCode.NotAdmitted, false)]
    [InlineData(RefuseCode.GoingAway, MesharaErrorCode.GoingAway, true)]
    [InlineData(RefuseCode.IdentityInUse, MesharaErrorCode.IdentityInUse, true)]
    public void ToError_OwnRefusals_SayTheSame(object code, MesharaErrorCode error, bool transient)
    {
        Assert.Equal(error, AdmissionRule.ToError((RefuseCode)code));
        Assert.Equal(transient, AdmissionRule.IsTransient((RefuseCode)code));
    }
}
