using Meshara.Security;
using Xunit;

namespace Meshara.Tests.Security;

public sealed class NodeCertificateTests
{
    [Fact]
    public void Context_CannotBeMade_ThrowsWhatBlamesNoPeer()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        NodeCertificate certificate = new(identity);
        certificate.Dispose();

        MesharaException error = Assert.Throws<MesharaException>(() => certificate.Context);

        Assert.Equal((MesharaErrorCode.TlsFailed, true), (error.Code, error.IsTransient));
        Assert.Contains("own certificate", error.Message, StringComparison.Ordinal);
    }
}
