using Meshara.Core.Policy;
using Meshara.Discovery;
using Meshara.Mdns;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Discovery;

public sealed class MdnsRecordTests : IDisposable
{
    private readonly NodeIdentity _identity = NodeIdentity.Create();
    private readonly NodeIdentity _self = NodeIdentity.Create();

    private PublicKey Key => _identity.PublicKey;

    public void Dispose()
    {
        _identity.Dispose();
        _self.Dispose();
    }

    [Fact]
    public void ProfileOf_Node_IsAsTheSpecificationSays()
    {
        ServiceProfile profile = MdnsRecord.ProfileOf(Key, "test", 4040);

        Assert.Equal(("_meshara._tcp", $"meshara-{Key.Id.ToShortString()}", 4040), (profile.ServiceType, profile.InstanceName, profile.Port));
        Assert.Equal(["version", "pubkey", "node_id", "mesh"], profile.Txt.Keys);
        Assert.Equal(("1", Key.ToString(), Key.Id.ToString(), "test"), (profile.Txt["version"], profile.Txt["pubkey"], profile.Txt["node_id"], profile.Txt["mesh"]));
        Assert.Null(profile.HostName);
    }

    [Fact]
    public void ProfileOf_TheLongestName_FitsTheRecord() =>
        Assert.Equal(64, MdnsRecord.ProfileOf(Key, new string('m', 64), 65535).Txt["mesh"]!.Length);

    [Fact]
    public void Read_Announcement_WhoAndWhere()
    {
        Assert.Equal(MdnsVerdict.Good, Read(FakeLan.Instance(Key, "10.0.0.5", 5050, name: "anything at all"), out LanFound? found));

        Assert.Equal((Key.Id, "anything at all", Key.ToString()), (found!.Id, found.Service, found.Key));
        LanAddress address = Assert.Single(found.Addresses);
        Assert.Equal(("10.0.0.5", 5050, 2, "10.0.0.5"), (address.Address.ToString(), address.Port, address.Interface, address.From.ToString()));
    }

    [Fact]
    public void Read_AnotherMesh_IsPassedOver() => Assert.Equal(MdnsVerdict.OtherMesh, Read(FakeLan.Instance(Key, "10.0.0.5", mesh: "other"), out _));

    [Fact]
    public void M7_NodeIdIsNotTheHashOfTheKey_IsPassedOver() =>
        Assert.Equal(MdnsVerdict.Forged, Read(With(("node_id", _self.Id.ToString()[..63] + (_self.Id.ToString()[63] == '0' ? '1' : '0'))), out _));

    [Fact]
    public void M7_AnotherKeyUnderTheId_IsPassedOver() => Assert.Equal(MdnsVerdict.Forged, Read(With(("pubkey", _self.PublicKey.ToString())), out _));

    // Hostile input M8.
    [Fact]
    public void Read_OwnAnnouncement_IsPassedOver() => Assert.Equal(MdnsVerdict.Own, Read(FakeLan.Instance(_self.PublicKey, "10.0.0.1"), out _));

    [Theory]
    [InlineData("version", "2")]
    [InlineData("version", null)]
    [InlineData("node_id", "xyz")]
    [InlineData("node_id", null)]
    [InlineData("pubkey", "00")]
    [InlineData("pubkey", "zz")]
    [InlineData("pubkey", null)]
    [InlineData("mesh", null)]
    public void Read_AnotherForm_IsPassedOver(string key, string? value) => Assert.Equal(MdnsVerdict.Unknown, Read(With((key, value)), out _));

    [Fact]
    public void Read_BytesThatAreNoText_ArePassedOver()
    {
        TxtRecord good = MdnsRecord.ProfileOf(Key, "test", 1).Txt;
        TxtRecord txt = TxtRecord.Create(good.Keys.Select(k => KeyValuePair.Create(k, (ReadOnlyMemory<byte>?)(k == "mesh" ? new byte[] { 0xFF, 0xFE } : System.Text.Encoding.UTF8.GetBytes(good[k]!)))));

        Assert.Equal(MdnsVerdict.Unknown, Read(FakeLan.Instance(Key, "10.0.0.5", txt: txt), out _));
    }

    [Fact]
    public void Read_NoTextAtAll_IsPassedOver() => Assert.Equal(MdnsVerdict.Unknown, Read(FakeLan.Instance(Key, "10.0.0.5", txt: TxtRecord.Empty), out _));

    private ServiceInstance With((string Key, string? Value) changed)
    {
        TxtRecord good = MdnsRecord.ProfileOf(Key, "test", 1).Txt;
        return FakeLan.Instance(Key, "10.0.0.5", txt: TxtRecord.Create([.. good.Keys.Select(k => k == changed.Key ? changed : (k, good[k])).Where(e => e.Item2 is not null)]));
    }

    private MdnsVerdict Read(ServiceInstance instance, out LanFound? found) => MdnsRecord.Read(instance, "test", _self.Id, out found);
}
