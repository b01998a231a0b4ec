using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Discovery;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Discovery;

public sealed class StaticPeersTextTests
{
    private static readonly PublicKey[] Keys = [.. Enumerable.Range(0, 4).Select(static _ => NewKey())];
    private static readonly string A = Keys[0].Id.ToString();
    private static readonly string B = Keys[1].Id.ToString();

    [Fact]
    public void Parse_EveryForm_IsRead()
    {
        IReadOnlyList<StaticPeer> peers = Good($$"""
            {
              // a comment
              "comment": { "static_peers": [1, 2] },
              "static_peers": [
                { "name": "Ann", "multiaddr": "/ip4/10.0.0.1/tcp/4040/p2p/{{A}}", "since": [2026, { "month": 1 }] },
                { "multiaddr": "/ip6/fe80::1/tcp/1", "name": null, "public_key": "{{Keys[1]}}" },
                { "address": "host.example", "public_key": {{System.Text.Json.JsonSerializer.Serialize(Keys[2].ToPem())}} },
                { "address": "{{A.ToUpperInvariant()}}@[::1]:5", },
              ],
            }
            """);

        Assert.Equal(
            [$"{A}@10.0.0.1:4040", $"{B}@[fe80::1]:1", $"{Keys[2].Id}@host.example:4040", $"{A}@[::1]:5"],
            peers.Select(static p => p.Address.ToString()));
        Assert.Equal(["Ann", null, null, null], peers.Select(static p => p.Name));
        Assert.Equal([StaticPeerForm.Multiaddr, StaticPeerForm.Multiaddr, StaticPeerForm.Address, StaticPeerForm.Address], peers.Select(static p => p.Form));
    }

    [Theory]
    [InlineData("{", 1, 2)]
    [InlineData("{\n  \"static_peers\": [\n    { \"name\": \"x\" \"multiaddr\": 1 }\n  ]\n}", 3, 19)]
    [InlineData("{ \"static_peers\": [] } x", 1, 24)]
    [InlineData("{\n\"é\": }", 2, 6)]
    [InlineData("[]", 1, 1)]
    [InlineData("{ \"static_peers\": {} }", 1, 19)]
    [InlineData("{ \"static_peers\": [ 5 ] }", 1, 21)]
    [InlineData("{ \"static_peers\": [], \"static_peers\": [] }", 1, 23)]
    [InlineData("{ \"static_peers\": [ { \"address\": 5 } ] }", 1, 34)]
    [InlineData("{ \"static_peers\": [ {} ] }", 1, 21)]
    [InlineData("{ \"name\": \"\\ud800\", \"static_peers\": [ { \"name\": \"\\ud800\" } ] }", 1, 49)]
    public void T1_BadJson_LineAndColumn(string text, int line, int column)
    {
        StaticPeersFault fault = Fault(text);

        Assert.Equal((line, column), (fault.Line, fault.Column));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    public void T1_NothingInIt_SaysWhatToWrite(string text) => Assert.Contains("\"static_peers\"", Fault(text).What, StringComparison.Ordinal);

    [Theory]
    [InlineData("Static_Peers")]
    [InlineData("staticPeers")]
    [InlineData("static-peers")]
    public void T1_NameOfTheListWrittenOtherwise_IsNamedWithItsPlace(string name)
    {
        StaticPeersFault fault = Fault($"{{ \"comment\": 1,\n  \"{name}\": [] }}");

        Assert.Equal((2, 3), Place(fault));
        Assert.Equal($"'{name}' must be written \"static_peers\"", fault.What);

        // Beside the right one it is a field like any other.
        Assert.Empty(Good($"{{ \"{name}\": 7, \"static_peers\": [] }}"));
    }

    [Fact]
    public void T1_OnlyBlanks_IsEmpty() => Assert.StartsWith("it is empty. Write ", Fault("\uFEFF \r\n\t").What, StringComparison.Ordinal);

    [Fact]
    public void T1_BomAndCrLf_AreAcceptedAndLinesStillCount()
    {
        string good = $"\uFEFF{{\r\n  \"static_peers\": [\r\n    {{ \"address\": \"{A}@host:1\" }}\r\n  ]\r\n}}\r\n";
        Assert.Equal($"{A}@host:1", Assert.Single(Good(good)).Address.ToString());

        StaticPeersFault fault = Fault(good.Replace("host:1", "host:0", StringComparison.Ordinal));
        Assert.Equal((3, 18), (fault.Line, fault.Column));
        Assert.Equal((1, 2), Place(Fault("\uFEFF{")));
    }

    [Fact]
    public void T1_OtherEncodings_AreNamed()
    {
        string text = "{ \"static_peers\": [] }";
        Assert.Contains("UTF-16", Fault(Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes(text)).ToArray()).What, StringComparison.Ordinal);
        Assert.Equal((2, 3), Place(Fault([.. "{\n\"é"u8, 0xE9, .. "\": 1 }"u8])));
    }

    [Fact]
    public void T2_IdWithAnotherKey_NamesBothIds()
    {
        string text = Entry($"\"address\": \"{A}@host\", \"public_key\": \"{Keys[1]}\"");
        string what = Fault(text).What;

        Assert.Contains(A, what, StringComparison.Ordinal);
        Assert.Contains(B, what, StringComparison.Ordinal);
    }

    [Fact]
    public void T2_AddressOfTwoIds_NamesBothLines()
    {
        StaticPeersFault fault = Fault($$"""
            { "static_peers": [
              { "address": "{{A}}@host:1" },
              { "multiaddr": "/dns4/HOST/tcp/1/p2p/{{B}}" } ] }
            """);

        Assert.Equal((3, 18), Place(fault));
        Assert.Contains($"host:1 is claimed by {B} here and by {A} in line 2", fault.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_PeerWithTwoAddresses_IsNoConflict() =>
        Assert.Equal(2, Good($$"""{ "static_peers": [ { "address": "{{A}}@lan:1" }, { "address": "{{A}}@wan:1" } ] }""").Count);

    [Theory]
    [InlineData("\"address\": \"ID@host:70000\"", "port '70000' is not a number from 1 to 65535")]
    [InlineData("\"address\": \"ID@host:0\"", "from 1 to 65535")]
    [InlineData("\"multiaddr\": \"/ip4/10.0.0.1/tcp/70000/p2p/ID\"", "from 1 to 65535")]
    [InlineData("\"multiaddr\": \"/ip4/10.0.0.1/udp/1/p2p/ID\"", "/tcp/PORT")]
    [InlineData("\"multiaddr\": \"/ip4/10.0.0.1/tcp/1/p2p/12D3KooWabc\"", "libp2p")]
    [InlineData("\"multiaddr\": \"/ip4/10.0.0.1/tcp/1/p2p/xyz\"", "64")]
    [InlineData("\"multiaddr\": \"host:1\"", "Write host:port as \"address\"")]
    [InlineData("\"address\": \"/ip4/10.0.0.1/tcp/1/p2p/ID\"", "Write it as \"multiaddr\"")]
    [InlineData("\"address\": \"host:1\"", "public_key")]
    [InlineData("\"multiaddr\": \"/ip4/10.0.0.1/tcp/1\"", "/p2p/")]
    [InlineData("\"address\": \"host:1\", \"public_key\": \"3059zz\"", "Not a public key")]
    [InlineData("\"address\": \"host:1\", \"public_key\": \"-----BEGIN EC PRIVATE KEY-----\"", "private key")]
    [InlineData("\"address\": \"ID@0.0.0.0:1\"", "wildcard")]
    [InlineData("\"address\": \"ID@[::]:1\"", "wildcard")]
    [InlineData("\"address\": \"ID@224.0.0.1:1\"", "multicast")]
    [InlineData("\"address\": \"ID@255.255.255.255:1\"", "broadcast")]
    [InlineData("\"address\": \"ID@host\", \"multiaddr\": \"/dns/host/tcp/1/p2p/ID\"", "both")]
    [InlineData("\"address\": \"ID@host\", \"address\": \"ID@host\"", "twice")]
    [InlineData("\"address\": \"ID@host\", \"name\": \"\"", "1 to 64 characters")]
    [InlineData("\"address\": \"ID@host\", \"name\": \"a\\u001b[31m\"", "control characters")]
    public void T3_WrongField_SaysWhatIsExpected(string fields, string expected)
    {
        StaticPeersFault fault = Fault(Entry(fields.Replace("ID", A, StringComparison.Ordinal)));

        Assert.Contains(expected, fault.What, StringComparison.Ordinal);
        Assert.Equal(1, fault.Line);
        Assert.DoesNotContain(fault.What, char.IsControl);
    }

    [Fact]
    public void T3_MixedCaseId_IsNormalised()
    {
        string mixed = string.Concat(A.Select(static (c, i) => i % 2 == 0 ? char.ToUpperInvariant(c) : c));

        Assert.Equal(Keys[0].Id, Assert.Single(Good(Entry($"\"multiaddr\": \"/dns/HOST/tcp/1/p2p/{mixed}\""))).Address.Id);
    }

    [Fact]
    public void T4_TooLargeTooDeepTooMany_AreFaults()
    {
        Assert.Contains("are the most", Fault(new byte[StaticPeersText.MaxBytes + 1]).What, StringComparison.Ordinal);
        Assert.Contains("depth", Fault($"{{ \"x\": {new string('[', 10_000)}").What, StringComparison.Ordinal);
        Assert.Contains("depth", Fault(Entry($"\"x\": {new string('[', 10_000)}")).What, StringComparison.Ordinal);

        string entries = string.Join(",\n", Enumerable.Range(1, StaticPeersText.MaxPeers + 1).Select(static i => $"{{\"address\":\"{A}@h:{i}\"}}"));
        StaticPeersFault fault = Fault($"{{\"static_peers\":[\n{entries}]}}");
        Assert.Equal((StaticPeersText.MaxPeers + 2, 1), Place(fault));
        Assert.Equal(StaticPeersText.MaxPeers, Good($"{{\"static_peers\":[{string.Join(',', entries.Split(",\n").SkipLast(1))}]}}").Count);
    }

    [Fact]
    public void Parse_ListThatNeedsNoIds_TakesAddressesAlone()
    {
        Assert.Null(StaticPeersText.Parse(Encoding.UTF8.GetBytes(Entry("\"address\": \"host:1\"")), needsIds: false, out IReadOnlyList<StaticPeer> peers));
        Assert.Equal("host:1", Assert.Single(peers).Address.ToString());
    }

    // Whatever the bytes are: no exception, and a place inside the file.
    [Fact]
    public void Parse_AnyBytesChanged_FaultInsideTheFileOrPeers()
    {
        byte[] good = Encoding.UTF8.GetBytes($$"""
            { "static_peers": [ { "name": "\u00e9é", "multiaddr": "/ip4/10.0.0.1/tcp/4040/p2p/{{A}}" },
              { "address": "host", "public_key": "{{Keys[1]}}", "x": [ true, null, 1.5e3 ] } ] /* end */ }
            """);
        Prop.ForAll(Gen.Choose(0, int.MaxValue).Four().ToArbitrary(), numbers =>
        {
            byte[] changed = good[..(numbers.Item1 % 4 == 0 ? numbers.Item4 % good.Length : good.Length)];
            for (int i = 0; i < 1 + (numbers.Item1 % 3) && changed.Length > 0; i++)
            {
                changed[(int)((uint)(numbers.Item2 + (i * numbers.Item3)) % (uint)changed.Length)] = (byte)(numbers.Item3 >> (8 * i));
            }

            StaticPeersFault? fault = StaticPeersText.Parse(changed, needsIds: numbers.Item2 % 2 == 0, out IReadOnlyList<StaticPeer> peers);
            return fault is { } f
                ? peers.Count == 0 && f.Line >= 0 && f.Line <= changed.Count(static b => b == '\n') + 1 && f.Column <= changed.Length + 1 && !f.What.Any(char.IsControl)
                : peers.All(p => p.Offset > 0 && p.Offset + p.Length < changed.Length && changed[p.Offset - 1] == '"' && changed[p.Offset + p.Length] == '"');
        }).Check(Seeded.Config.WithMaxTest(3000));
    }

    [Theory]
    [InlineData("/ip4/10.0.0.1/tcp/4040/p2p/ID", "10.0.0.1:4041", "/ip4/10.0.0.1/tcp/4041/p2p/ID")]
    [InlineData("/ip4/10.0.0.1/tcp/4040/p2p/ID/", "10.0.0.2:4040", "/ip4/10.0.0.2/tcp/4040/p2p/ID/")]
    [InlineData("/ip4/10.0.0.1/tcp/4040/ipfs/ID", "[2001:db8::1]:5", "/ip6/2001:db8::1/tcp/5/ipfs/ID")]
    [InlineData("/ip6/::1/tcp/4040/p2p/ID", "10.0.0.1:5", "/ip4/10.0.0.1/tcp/5/p2p/ID")]
    [InlineData("/ip6zone/eth0/ip6/fe80::1/tcp/4040/p2p/ID", "[fe80::1%eth0]:7", "/ip6zone/eth0/ip6/fe80::1/tcp/7/p2p/ID")]
    [InlineData("/ip4/10.0.0.1/tcp/4040/p2p/ID", "[fe80::2%eth1]:7", "/ip6zone/eth1/ip6/fe80::2/tcp/7/p2p/ID")]
    [InlineData("/dns4/HOST/tcp/4040/p2p/ID", "host:4041", "/dns4/HOST/tcp/4041/p2p/ID")]
    [InlineData("/dns4/host/tcp/4040/p2p/ID", "other:4041", "/dns/other/tcp/4041/p2p/ID")]
    [InlineData("ID@host:1", "host:2", "ID@host:2")]
    [InlineData(" ID@[::1]:1 ", "10.0.0.1:2", "ID@10.0.0.1:2")]
    public void Rewrite_Form_Stays(string text, string now, string expected)
    {
        string field = text.StartsWith('/') ? "multiaddr" : "address";
        StaticPeer peer = Assert.Single(Good(Entry($"\"{field}\": \"{text.Replace("ID", A, StringComparison.Ordinal)}\"")));

        Assert.Equal(expected.Replace("ID", A, StringComparison.Ordinal), StaticPeersText.Rewrite(peer, PeerAddress.Parse(now)));
    }

    [Fact]
    public void Change_SomeAddresses_NoOtherByteMoves()
    {
        string text = $"\uFEFF{{\r\n\t\"x\" : [1,  2],\r\n \"static_peers\":[\r\n  {{\"extra\":{{}}, \"address\" : \"host:1\",\"public_key\":\"{Keys[0]}\", \"name\":\"é\"}} ,\r\n"
            + $"  {{ \"multiaddr\":\"\\/ip4\\/10.0.0.1\\/tcp\\/4040\\/p2p\\/{B}\" }}, // last\r\n ] }}\r\n";
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        IReadOnlyList<StaticPeer> peers = Good(text);

        byte[] changed = StaticPeersText.Change(bytes, [(peers[1], PeerAddress.Parse("[2001:db8::1]:5")), (peers[0], PeerAddress.Parse("host:40404"))]);

        Assert.Equal(
            text.Replace("\"host:1\"", "\"host:40404\"", StringComparison.Ordinal)
                .Replace("\\/ip4\\/10.0.0.1\\/tcp\\/4040\\/p2p\\/", "/ip6/2001:db8::1/tcp/5/p2p/", StringComparison.Ordinal),
            Encoding.UTF8.GetString(changed));
        Assert.Equal([$"{A}@host:40404", $"{B}@[2001:db8::1]:5"], Good(Encoding.UTF8.GetString(changed)).Select(static p => p.Address.ToString()));
    }

    // Any address in any form, any new one: what is read back is the new address, and the rest of the file is as it was.
    [Fact]
    public void Change_AnyAddress_IsReadBack()
    {
        string[] hosts = ["10.0.0.1", "192.168.1.20", "host", "a.b.example", "::1", "2001:db8::5", "fe80::1%eth0"];
        Prop.ForAll(Gen.Choose(0, int.MaxValue).Three().ToArbitrary(), numbers =>
        {
            PeerAddress old = new(hosts[numbers.Item1 % hosts.Length], 1 + (numbers.Item2 % 65535), Keys[0].Id);
            PeerAddress now = new(hosts[numbers.Item2 % hosts.Length], 1 + (numbers.Item3 % 65535), Keys[0].Id);
            string value = (numbers.Item3 % 3) switch
            {
                0 => $"\"address\": \"{old}\"",
                1 => $"\"address\": \"{old.HostAndPort}\", \"public_key\": \"{Keys[0]}\"",
                _ => $"\"multiaddr\": \"{Multiaddr(old)}/p2p/{A}\"",
            };
            string text = $"{{ \"static_peers\": [ {{ \"address\": \"{B}@first:1\" }}, {{ {value} }}, {{ \"address\": \"{B}@last:1\" }} ] }}";
            StaticPeer peer = Good(text)[1];
            string changed = Encoding.UTF8.GetString(StaticPeersText.Change(Encoding.UTF8.GetBytes(text), [(peer, now)]));
            StaticPeer after = Good(changed)[1];
            return after.Address == now && after.Form == peer.Form
                && changed[..peer.Offset] == text[..peer.Offset] && changed[(after.Offset + after.Length)..] == text[(peer.Offset + peer.Length)..];
        }).Check(Seeded.Config.WithMaxTest(1000));
    }

    private static string Multiaddr(PeerAddress address)
    {
        int scope = address.Host.IndexOf('%', StringComparison.Ordinal);
        return scope >= 0 ? $"/ip6zone/{address.Host[(scope + 1)..]}/ip6/{address.Host[..scope]}/tcp/{address.Port}"
            : address.Host.Contains(':', StringComparison.Ordinal) ? $"/ip6/{address.Host}/tcp/{address.Port}"
            : char.IsAsciiDigit(address.Host[0]) ? $"/ip4/{address.Host}/tcp/{address.Port}"
            : $"/dns/{address.Host}/tcp/{address.Port}";
    }

    private static string Entry(string fields) => $"{{ \"static_peers\": [ {{ {fields} }} ] }}";

    private static IReadOnlyList<StaticPeer> Good(string text)
    {
        Assert.Null(StaticPeersText.Parse(Encoding.UTF8.GetBytes(text), needsIds: true, out IReadOnlyList<StaticPeer> peers));
        return peers;
    }

    private static StaticPeersFault Fault(string text) => Fault(Encoding.UTF8.GetBytes(text));

    private static StaticPeersFault Fault(byte[] bytes)
    {
        StaticPeersFault? fault = StaticPeersText.Parse(bytes, needsIds: true, out IReadOnlyList<StaticPeer> peers);
        Assert.Empty(peers);
        return Assert.NotNull(fault);
    }

    private static (int Line, int Column) Place(StaticPeersFault fault) => (fault.Line, fault.Column);

    private static PublicKey NewKey()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }
}
