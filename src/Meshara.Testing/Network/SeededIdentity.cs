using System.Security.Cryptography;
using System.Text;

namespace Meshara.Testing.Network;

/// <summary>What is made from the seed and a name, and is the same in every run. For simulations only.</summary>
internal static class SeededIdentity
{
    /// <summary>An identity whose secret scalar is a hash.</summary>
    public static NodeIdentity Create(int seed, string name)
    {
        byte[] scalar = Bytes(seed, name);

        // Below the group's order, which begins with ffffffff00000000.
        scalar[0] &= 0x7F;
        return NodeIdentity.FromKey(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar }));
    }

    /// <summary>Thirty-two bytes.</summary>
    public static byte[] Bytes(int seed, string name) => SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{name}"));

    /// <summary>A seed of its own for each purpose: what one draws does not move what another does.</summary>
    public static int Seed(int seed, string name) => BitConverter.ToInt32(Bytes(seed, name)) & int.MaxValue;

    /// <summary>Random numbers of their own.</summary>
    public static Random Random(int seed, string name) => new(Seed(seed, name));
}
