using System.Security.Cryptography;
using System.Text;

namespace Meshara.Testing.Network;

/// <summary>Identities that are the same in every run: the scalar is a hash of the seed and a name. For simulations only.</summary>
internal static class SeededIdentity
{
    public static NodeIdentity Create(int seed, string name)
    {
        byte[] scalar = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{name}"));

        // Below the group's order, which begins with ffffffff00000000.
        scalar[0] &= 0x7F;
        using ECDsa key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, key.ExportPkcs8PrivateKeyPem());
            return NodeIdentity.Load(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
