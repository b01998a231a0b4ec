using Meshara.Core;
using Meshara.Core.Policy;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class AdmissionRuleTests
{
    // mode, known, the address was named without an id, secret proven, banned, REFUSE code (null: admitted)
    [Theory]
    [InlineData(AdmissionMode.KnownPeers, false, false, false, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.KnownPeers, true, false, false, false, null)]
    [InlineData(AdmissionMode.KnownPeers, false, true, false, false, null)]
    [InlineData(AdmissionMode.KnownPeers, false, false, true, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Secret, false, false, false, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Secret, false, true, false, false, RefuseCode.NotAdmitted)]
    [InlineData(AdmissionMode.Secret, false, false, true, false, null)]
    [InlineData(AdmissionMode.Secret, true, false, false, false, null)]
    [InlineData(AdmissionMode.Open, false, false, false, false, null)]
    [InlineData(AdmissionMode.Open, false, false, false, true, RefuseCode.Banned)]
    [InlineData(AdmissionMode.Secret, false, false, false, true, RefuseCode.Banned)]
    [InlineData(AdmissionMode.Open, true, false, false, true, null)]
    public void Judge_Table_Decides(object mode, bool known, bool named, bool secret, bool banned, object? expected)
    {
        PeerFacts facts = new(Ids.Low, 1) { SecretProven = secret };

        RefuseCode? actual = AdmissionRule.Judge((AdmissionMode)mode, facts, known, named, banned);

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
