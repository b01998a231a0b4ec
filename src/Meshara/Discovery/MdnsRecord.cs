using Meshara.Core.Policy;
using Meshara.Mdns;

namespace Meshara.Discovery;

/// <summary>What became of an announcement.</summary>
internal enum MdnsVerdict
{
    Good,

    /// <summary>This node's own, come back.</summary>
    Own,

    /// <summary>Of a mesh of another name.</summary>
    OtherMesh,

    /// <summary>Another form of record, or none of Meshara's.</summary>
    Unknown,

    /// <summary>The id is not the hash of the key.</summary>
    Forged,
}

/// <summary>A node as it is announced: specs/local-discovery.md section 2.</summary>
internal static class MdnsRecord
{
    public const string ServiceType = "_meshara._tcp";

    /// <summary>The form of the record; others are passed over.</summary>
    public const string Version = "1";

    private const string VersionKey = "version", KeyKey = "pubkey", IdKey = "node_id", MeshKey = "mesh", InstancePrefix = "meshara-";

    /// <summary>What a node announces. Its host has a name of its own: another responder of this machine would defend the machine's name against it.</summary>
    public static ServiceProfile ProfileOf(PublicKey key, string mesh, int port, IReadOnlyList<System.Net.IPNetwork>? networks = null) =>
        new(InstancePrefix + key.Id.ToShortString(), ServiceType, port)
        {
            Txt = TxtRecord.Create((VersionKey, Version), (KeyKey, key.ToString()), (IdKey, key.Id.ToString()), (MeshKey, mesh)),
            Networks = networks ?? [],
        };

    /// <summary>Reads what somebody announces.</summary>
    /// <param name="instance">Whatever was heard.</param>
    /// <param name="mesh">This node's mesh.</param>
    /// <param name="self">This node.</param>
    /// <param name="found">Who, and where; its instance name says nothing.</param>
    public static MdnsVerdict Read(ServiceInstance instance, string mesh, NodeId self, out LanFound? found)
    {
        found = null;
        TxtRecord txt = instance.Txt;
        Span<byte> der = stackalloc byte[PublicKey.Size];
        if (txt[VersionKey] != Version
            || !NodeId.TryParse(txt[IdKey], out NodeId id)
            || txt[KeyKey] is not { Length: PublicKey.Size * 2 } key
            || txt[MeshKey] is not { } announced
            || Convert.FromHexString(key, der, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return MdnsVerdict.Unknown;
        }

        if (id == self)
        {
            return MdnsVerdict.Own;
        }

        if (announced != mesh)
        {
            return MdnsVerdict.OtherMesh;
        }

        // Whether the point is on the curve costs more to say, and the handshake says it.
        if (!PublicKey.HasForm(der) || NodeId.FromPublicKey(der) != id)
        {
            return MdnsVerdict.Forged;
        }

        found = new LanFound(instance.InstanceName, id, key, [.. instance.Addresses.Select(a => new LanAddress(a.EndPoint.Address, instance.Port, a.InterfaceIndex, a.From))]);
        return MdnsVerdict.Good;
    }
}
