using System.Text;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Protocols;

/// <summary>Whole nodes over TCP; hostile-inputs.md, section Peer exchange, against a peer that keeps to no rule.</summary>
public sealed class PeerExchangeTests : IAsyncDisposable
{
    private const string Peers = "meshara/peers/1", Changes = "meshara/record/1";

    private readonly NodeBed _bed = new();
    private readonly NodeIdentity _raw = NodeIdentity.Create();
    private readonly SignedRecords _made = new(TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _bed.DisposeAsync();
        _raw.Dispose();
    }

    [Fact]
    public async Task Bootstrap_ThreeWhoKnowOnlyOne_FindEachOther()
    {
        Node hub = await StartAsync();
        Node[] others = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StartAsync(hub.Addresses[0])))];

        Node[] all = [hub, .. others];
        await Eventually.TrueAsync(() => all.All(n => n.ListPeers().Count == 3));
    }

    // The swarm found it (seed 25): who was dialled by name was taken to be on no network, and nothing was learned from it.
    [Fact]
    public async Task Bootstrap_ByItsHostName_ThoseItKnowsAreFound()
    {
        Node hub = await StartAsync();
        PeerAddress named = PeerAddress.Parse($"{hub.Id}@localhost:{hub.Addresses[0].Port}");
        Node[] others = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StartAsync(named)))];

        Node[] all = [hub, .. others];
        await Eventually.TrueAsync(() => all.All(n => n.ListPeers().Count == 3));
    }

    [Fact]
    public async Task Full_WhoFindsNoPlace_IsToldOfOthersAndDialsThem()
    {
        Node hub = await StartAsync(change: o => o with { Discovery = o.Discovery with { MaxPeers = 1, TargetPeers = 0 } });
        Node first = await StartAsync(hub.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(hub, first));

        Node newcomer = await StartAsync(hub.Addresses[0]);

        await Eventually.TrueAsync(() => NodeBed.AreLinked(newcomer, first));
        Assert.False(NodeBed.AreLinked(newcomer, hub));
    }

    [Fact]
    public async Task Disabled_NeitherAsksNorAnswers()
    {
        Node hub = await StartAsync(change: o => o with { Discovery = o.Discovery with { EnabledMethods = DiscoveryMethods.Bootstrap } });
        Node one = await StartAsync(hub.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(hub, one));
        await using RawNode raw = new(_raw);
        await raw.DialAsync(hub);

        Assert.Equal([0, 0], await raw.RequestAsync(Peers, [0]));
    }

    [Fact]
    public async Task Ready_CarriesTheNodesOwnRecord()
    {
        Node node = await StartAsync();
        await using RawNode raw = new(_raw);

        await raw.DialAsync(node);

        SignedRecord record = SignedRecord.Parse(raw.Record);
        Assert.True(record.Verify());
        Assert.Equal((node.Id, "test", node.Addresses[0].HostAndPort), (record.Id, record.Mesh, record.Addresses[0]));
    }

    [Fact]
    public async Task X1_MessageOrStreamOnTheProtocol_Penalised()
    {
        foreach (byte kind in new byte[] { 0, 2 })
        {
            Node node = await StartAsync();
            await using RawNode raw = new(_raw);
            await raw.DialAsync(node);

            await raw.SendAsync(Raw.OpenFrame(raw.Take(), kind, Peers));

            await AssertPenalisedAsync(node, raw, -25);
        }
    }

    [Fact]
    public async Task X1_ListOverTheLimit_Penalised()
    {
        (Node node, RawNode raw) = await DialledAsync();
        await using RawNode _ = raw;

        await raw.AnswerAsync([.. Raw.Varint(65), .. Enumerable.Range(0, 65).SelectMany(i => new byte[] { 0 }), 0]);

        await AssertPenalisedAsync(node, raw, -25);
    }

    [Fact]
    public async Task X1_RecordOverTheLimit_Penalised()
    {
        (Node node, RawNode raw) = await DialledAsync();
        await using RawNode _ = raw;

        await raw.AnswerAsync([1, .. Raw.Varint(1025), .. new byte[1025], 0]);

        await AssertPenalisedAsync(node, raw, -25);
    }

    [Fact]
    public async Task X1_ListThatDoesNotEnd_IsAnErrorAndNotMemory()
    {
        (Node node, RawNode raw) = await DialledAsync();
        await using RawNode _ = raw;

        await raw.AnswerAsync([.. Raw.Varint(64), 0x43, 0xE8, 1, 2, 3]);

        await AssertPenalisedAsync(node, raw, -25);
    }

    [Fact]
    public async Task X2_RequestAfterRequest_AnsweredOnce_ThenEmpty_ThenPenalised()
    {
        Node node = await StartAsync();
        Node other = await StartAsync(node.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, other));
        await using RawNode raw = new(_raw);
        await raw.DialAsync(node);

        byte[] first = (await raw.RequestAsync(Peers, [0]))!;
        Assert.Equal(other.Id, SignedRecord.Parse(Assert.Single(PeerLists.ParseReply(first))).Id);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal([0, 0], await raw.RequestAsync(Peers, [0]));
        }

        await raw.RequestAsync(Peers, [0]);
        await AssertPenalisedAsync(node, raw, -25);
    }

    [Fact]
    public async Task X2_RequestEverySecond_AnsweredOnce_ThenIgnored_ThenPenalised_AndOneAMinuteNever()
    {
        ManualTimeProvider clock = new();
        NodeIdentity slow = NodeIdentity.Create();
        Node node = await StartAsync(change: o => o with { TimeProvider = clock });
        await using RawNode raw = new(_raw), patient = new(slow);
        await raw.DialAsync(node);
        await patient.DialAsync(node);

        // Each of them is there to be told of, if they had said where.
        Assert.NotNull(await patient.RequestAsync(Peers, [0]));
        await raw.RequestAsync(Peers, [0]);
        for (int second = 1; second <= 10; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal([0, 0], await raw.RequestAsync(Peers, [0]));
            Assert.Equal(2, node.ListPeers().Count);
        }

        clock.Advance(TimeSpan.FromSeconds(1));
        await raw.RequestAsync(Peers, [0]);
        await AssertPenalisedAsync(node, raw, -25);

        for (int minute = 0; minute < 15; minute++)
        {
            // Time goes no faster than heartbeats are answered.
            for (int step = 0; step < 7; step++)
            {
                clock.Advance(TimeSpan.FromSeconds(9));
                await patient.SendAsync(Raw.PingFrame((ulong)((minute * 10) + step)));
                await patient.UntilAsync(Raw.Pong);
            }

            Assert.NotNull(await patient.RequestAsync(Peers, [0]));
        }

        Assert.Equal(slow.Id, Assert.Single(node.ListPeers()).Id);
        Assert.True((await node.ExplainPeerAsync(slow.Id))!.Reputation >= 0);
        slow.Dispose();
    }

    [Fact]
    public async Task X2_NewLink_BringsNoNewAnswer()
    {
        Node node = await StartAsync();
        Node other = await StartAsync(node.Addresses[0]);
        await Eventually.TrueAsync(() => NodeBed.AreLinked(node, other));
        await using (RawNode raw = new(_raw))
        {
            await raw.DialAsync(node);
            Assert.NotEqual([0, 0], await raw.RequestAsync(Peers, [0]));
        }

        await Eventually.TrueAsync(() => node.ListPeers().Count == 1);
        await using RawNode again = new(_raw);
        await again.DialAsync(node);

        Assert.Equal([0, 0], await again.RequestAsync(Peers, [0]));
    }

    [Fact]
    public async Task X2_MalformedRequest_Penalised()
    {
        Node node = await StartAsync();
        await using RawNode raw = new(_raw);
        await raw.DialAsync(node);

        await raw.RequestAsync(Peers, [1, 2, 3]);

        await AssertPenalisedAsync(node, raw, -25);
    }

    // What is ignored is ignored one by one: the good address beside it counts.
    [Fact]
    public async Task X3_X4_X5_X6_X8_BadBesideGood_OnlyTheGoodOneIsLearned()
    {
        (Node node, RawNode raw) = await DialledAsync();
        await using RawNode _ = raw;
        SignedRecord good = _made.Create(1, 60_000, mesh: "test", addresses: ["127.0.0.1:0", "0.0.0.0:1", "224.0.0.1:1", "255.255.255.255:1", "localhost:1", node.Addresses[0].HostAndPort, "127.0.0.9:9"]);
        ulong day = 86_400_000;
        await raw.AnswerAsync(PeerLists.WriteReply(
            [
                good.Bytes,
                _made.Create(1, 0, mesh: "test", addresses: "127.0.0.8:8").Bytes,
                _made.Create(2, 2 * day, mesh: "test", addresses: "127.0.0.7:7").Bytes,
                _made.Create(3, 0, 9 * day, "test", "127.0.0.6:6").Bytes,
                _made.Create(4, 0, mesh: "another", addresses: "127.0.0.5:5").Bytes,
                _made.Create(5, 0, mesh: "test", addresses: "127.0.0.4:4").Bytes,
            ],
            1 << 20));

        await Eventually.TrueAsync(async () => await AddressesAsync(node, 5) == "127.0.0.4:4");
        Assert.Equal("127.0.0.9:9", await AddressesAsync(node, 1));
        foreach (int who in new[] { 2, 3, 4 })
        {
            Assert.Equal("", await AddressesAsync(node, who));
        }

        Assert.Single(node.ListPeers());
        Assert.Equal(0, node.ListPeers()[0].Reputation);
    }

    [Fact]
    public async Task X7_ForgedRecordInAReply_BannedAndWhatCameBeforeItCounts()
    {
        (Node node, RawNode raw) = await DialledAsync();
        await using RawNode _ = raw;

        await raw.AnswerAsync(PeerLists.WriteReply([_made.Create(1, 0, mesh: "test", addresses: "127.0.0.9:9").Bytes, _made.Forged(2, "test"), _made.Create(3, 0, mesh: "test", addresses: "127.0.0.8:8").Bytes], 1 << 20));

        await AssertPenalisedAsync(node, raw, -100);
        Assert.NotNull((await node.ExplainPeerAsync(raw.Id))!.BannedUntil);
        Assert.Equal(("127.0.0.9:9", "", ""), (await AddressesAsync(node, 1), await AddressesAsync(node, 2), await AddressesAsync(node, 3)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task X7_ForgedRecordInReady_NoLinkAndBanned(bool another)
    {
        Node node = await StartAsync();
        await using RawNode raw = new(_raw);

        // Another's record, however rightly signed, is not the sender's own.
        await raw.DialAsync(node, another ? _made.Create(1, 0, mesh: "test").Bytes.ToArray() : ForgedOwn());

        await raw.GoodbyeAsync();
        await Eventually.TrueAsync(async () => (await node.ExplainPeerAsync(raw.Id))?.BannedUntil is not null);
        Assert.Empty(node.ListPeers());
    }

    [Fact]
    public async Task X7_ForgedRecordInARefusal_Banned()
    {
        await using RawNode raw = new(_raw);
        Node node = await StartAsync(raw.Address);

        await raw.AcceptAsync(refuse: new Refuse { Code = RefuseCode.Full, Records = [_made.Forged(1, "test")] });

        await Eventually.TrueAsync(async () => (await node.ExplainPeerAsync(raw.Id))?.BannedUntil is not null);
    }

    [Fact]
    public async Task Change_OnALiveLink_IsLearned_AndPassedOn()
    {
        Node node = await StartAsync();
        await using RawNode raw = new(_raw);
        await raw.DialAsync(node, Own(0, "127.0.0.9:9").Bytes.ToArray());
        Node asker = await StartAsync(change: o => o with { Discovery = o.Discovery with { TargetPeers = 0 } });

        await SendChangeAsync(raw, Own(1, "127.0.0.8:8"));

        await Eventually.TrueAsync(async () => (await node.ExplainPeerAsync(raw.Id))?.Addresses.Count == 2);
        await using RawNode other = new(NodeIdentity.Create());
        await other.DialAsync(node);
        Assert.Equal("127.0.0.8:8", SignedRecord.Parse(Assert.Single(PeerLists.ParseReply((await other.RequestAsync(Peers, [0]))!))).Addresses.Single());
        Assert.NotNull(asker);
    }

    [Fact]
    public async Task Change_TooManyAtOnce_IgnoredThenPenalised()
    {
        Node node = await StartAsync();
        await using RawNode raw = new(_raw);
        await raw.DialAsync(node);
        ulong stream = raw.Take();
        await raw.SendAsync(Raw.OpenFrame(stream, 0, Changes));

        for (ulong i = 0; i < 19; i++)
        {
            await raw.SendAsync(Raw.DataFrame(stream, Raw.Eom, Own(i, "127.0.0.9:9").Bytes.ToArray()));
        }

        await AssertPenalisedAsync(node, raw, -25);
    }

    [Fact]
    public async Task Change_OfAnother_Banned()
    {
        Node node = await StartAsync();
        await using RawNode raw = new(_raw);
        await raw.DialAsync(node);

        await SendChangeAsync(raw, _made.Create(1, 0, mesh: "test"));

        await AssertPenalisedAsync(node, raw, -100);
    }

    [Theory]
    [InlineData("meshara/peers/1")]
    [InlineData("meshara/anything")]
    public async Task Handlers_ReservedName_IsTheNodesOwn(string protocol)
    {
        Node node = await StartAsync();
        List<string> seen = [];
        node.HandleAny((message, _) =>
        {
            lock (seen)
            {
                seen.Add(message.Protocol);
            }

            return ValueTask.CompletedTask;
        });
        Assert.Throws<ArgumentException>(() => node.Handle(protocol, (_, _) => ValueTask.CompletedTask));
        Assert.Throws<ArgumentException>(() => node.HandleRequest(protocol, (_, _) => default));
        Assert.Throws<ArgumentException>(() => node.HandleStream(protocol, (_, _) => ValueTask.CompletedTask));
        await Assert.ThrowsAsync<ArgumentException>(async () => await node.SendAsync(_raw.Id, protocol, default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await node.RequestAsync(_raw.Id, protocol, default));
        await Assert.ThrowsAsync<ArgumentException>(async () => await node.OpenStreamAsync(_raw.Id, protocol));

        await using RawNode raw = new(_raw);
        await raw.DialAsync(node);
        ulong unknown = raw.Take(), known = raw.Take();
        await raw.SendAsync(Raw.OpenFrame(unknown, 0, "meshara/later/1"), Raw.DataFrame(unknown, Raw.Eom, 1), Raw.OpenFrame(known, 0, "chat"), Raw.DataFrame(known, Raw.Eom, 1));
        RawFrame reset = await raw.UntilAsync(Raw.Reset);
        Assert.Equal((unknown, 2UL), (reset.Id, reset.Code));
        await Eventually.TrueAsync(() => seen.Count > 0);
        Assert.Equal(["chat"], seen);
    }

    private async Task<Node> StartAsync(PeerAddress? bootstrap = null, Func<NodeOptions, NodeOptions>? change = null) => await _bed.StartAsync(
        new NodeOptions
        {
            Mesh = "test",
            Admission = Admission.Open,
            Listen = ["127.0.0.1:0"],
            Discovery = new DiscoveryOptions { TargetPeers = 4, MaxPeers = 8, BootstrapNodes = bootstrap is null ? [] : [bootstrap] },
        },
        change);

    // A node that has dialled the hostile one, and is about to ask it.
    private async Task<(Node Node, RawNode Raw)> DialledAsync()
    {
        RawNode raw = new(_raw);
        Node node = await StartAsync(raw.Address);
        await raw.AcceptAsync();
        return (node, raw);
    }

    private SignedRecord Own(ulong offset, string address)
    {
        using NodeCertificate certificate = new(_raw);
        ulong now = RecordRules.Milliseconds(TimeProvider.System.GetUtcNow());
        return SignedRecord.Create(_raw.PublicKey, certificate.Sign, "test", now + offset, now + 86_400_000, [address]);
    }

    private byte[] ForgedOwn()
    {
        byte[] bytes = Own(0, "127.0.0.9:9").Bytes.ToArray();
        bytes[bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes("127"))] = (byte)'2';
        return bytes;
    }

    private static async Task SendChangeAsync(RawNode raw, SignedRecord record)
    {
        ulong stream = raw.Take();
        await raw.SendAsync(Raw.OpenFrame(stream, 0, Changes), Raw.DataFrame(stream, Raw.Eom, record.Bytes.ToArray()));
    }

    private async Task<string> AddressesAsync(Node node, int who) =>
        string.Join(' ', (await node.ExplainPeerAsync(_made.IdOf(who)))?.Addresses.Select(a => $"{a.Host}:{a.Port}") ?? []);

    // Outcome P: the link is closed, with words, and it is held against the id.
    private static async Task AssertPenalisedAsync(Node node, RawNode raw, double reputation)
    {
        Assert.NotNull(await raw.GoodbyeAsync());
        await raw.DisposeAsync();
        await Eventually.TrueAsync(() => node.ListPeers().All(p => p.Id != raw.Id));
        await Eventually.TrueAsync(async () => (await node.ExplainPeerAsync(raw.Id))?.Reputation <= reputation * 0.9);
    }
}
