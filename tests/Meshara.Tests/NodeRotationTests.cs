using System.Security.Cryptography;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests;

/// <summary>Nodes whose keys change: what their peers do, on disk and on the wire.</summary>
public sealed class NodeRotationTests : IAsyncDisposable
{
    private static readonly string[] Both = ["alice", "bob"];
    private readonly TempFolder _folder = new();
    private readonly MemoryTransport _memory = new();
    private readonly Dictionary<string, Node> _nodes = [];

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_nodes.Values.Select(n => n.DisposeAsync().AsTask())).WaitAsync(NodeBed.Guard);
        _folder.Dispose();
    }

    [Fact]
    public async Task RotateIdentity_Running_LinksStayAndTheNextStartHasTheNewKey()
    {
        (Node alice, Node bob) = await LinkedAsync();
        NodeId old = alice.Id;
        await using EventLog events = new(bob);

        PublicKey renewed = await alice.RotateIdentityAsync(TimeSpan.FromDays(1));

        Assert.Equal(old, alice.Id);
        Assert.True(NodeBed.AreLinked(alice, bob));
        MesharaException again = await Assert.ThrowsAsync<MesharaException>(() => alice.RotateIdentityAsync());
        Assert.Equal(MesharaErrorCode.IdentityFile, again.Code);
        Assert.Contains("starts anew", again.Message, StringComparison.Ordinal);

        alice = await RestartAsync("alice");
        Assert.Equal(renewed, alice.PublicKey);
        PeerKeySucceeded told = await events.NextAsync<PeerKeySucceeded>();
        Assert.Equal((old, renewed.Id), (told.Old, told.New));
        await AreLinkedAsync("alice", "bob");
        await Eventually.TrueAsync(() => bob.ListTrusted() is [{ } pin] && pin.PublicKey.Equals(renewed));
    }

    [Fact]
    public async Task RotateIdentity_IdentityOfTheCaller_IsInvalid()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        Node node = await StartAsync("alice", o => new NodeOptions { Mesh = o.Mesh, Transport = o.Transport, Identity = identity, DataDirectory = _folder["x"] });

        Assert.Equal(MesharaErrorCode.InvalidOption, (await Assert.ThrowsAsync<MesharaException>(() => node.RotateIdentityAsync())).Code);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => node.RotateIdentityAsync(TimeSpan.FromDays(31)));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public async Task Restart_PeerWasAwayForManyRotations_FourAreFollowedAndFiveRefused(int rotations)
    {
        await LinkedAsync();
        await StopAsync("bob");
        await StopAsync("alice");
        for (int i = 0; i < rotations; i++)
        {
            // A year each, so that no overlap is left.
            Rotate("alice", new FixedTime(DateTimeOffset.UnixEpoch.AddYears(40 + i)));
        }

        Node alice = await StartAsync("alice");
        Task<PeerRefused> refused = new EventLog(alice).NextAsync<PeerRefused>(r => r.Code is MesharaErrorCode.NotAdmitted or MesharaErrorCode.PinMismatch);
        Node bob = await StartAsync("bob");

        if (rotations == 4)
        {
            await AreLinkedAsync("alice", "bob");
            await Eventually.TrueAsync(() => bob.ListTrusted() is [{ } pin] && pin.PublicKey.Equals(alice.PublicKey));
        }
        else
        {
            // Alice dials Bob, who knows none of the keys that she still names.
            Assert.Equal((MesharaErrorCode.NotAdmitted, true), ((await refused).Code, (await refused).ByPeer));
            Assert.Empty(bob.ListPeers());
        }
    }

    [Theory]
    [InlineData("1970-01-01")]
    [InlineData("2099-01-01")]
    public async Task Restart_RotatingClockIsWrong_IsFollowedAllTheSame(string date)
    {
        await LinkedAsync();
        await StopAsync("alice");
        Rotate("alice", new FixedTime(DateTimeOffset.Parse(date + "T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture)));

        await StartAsync("alice");

        await AreLinkedAsync("alice", "bob");
    }

    [Fact]
    public async Task Restart_BothRotatedAtOnce_LinkAgain()
    {
        (Node alice, Node bob) = await LinkedAsync();
        await Task.WhenAll(alice.RotateIdentityAsync(), bob.RotateIdentityAsync());
        await Task.WhenAll(Both.Select(StopAsync));
        await Task.WhenAll(Both.Select(n => StartAsync(n)));

        await AreLinkedAsync("alice", "bob");
        await Eventually.TrueAsync(() => Both.All(n => _nodes[n].ListTrusted() is [{ } pin] && _nodes.Values.Any(o => o.PublicKey.Equals(pin.PublicKey))));
    }

    [Fact]
    public async Task Send_ToTheOldIdAndTheNew_BothArrive()
    {
        (Node alice, Node bob) = await LinkedAsync();
        NodeId old = alice.Id;
        await alice.RotateIdentityAsync();
        alice = await RestartAsync("alice");
        alice.HandleRequest("echo/1", static (m, _) => ValueTask.FromResult(m.Payload));
        await AreLinkedAsync("alice", "bob");

        foreach (NodeId id in new[] { old, alice.Id })
        {
            Assert.Equal([7], await bob.RequestAsync(id, "echo/1", new byte[] { 7 }).AsTask().WaitAsync(NodeBed.Guard));
        }
    }

    [Fact]
    public async Task Dispose_RightAfterASuccession_ItIsStored()
    {
        (Node alice, Node bob) = await LinkedAsync();
        PublicKey renewed = await alice.RotateIdentityAsync();
        await using EventLog events = new(bob);
        await RestartAsync("alice");
        await events.NextAsync<PeerKeySucceeded>();

        await StopAsync("bob");

        Assert.Equal(renewed, Assert.Single(TrustFile.Read(_folder["bob"])).PublicKey);
        await StartAsync("bob");
        await AreLinkedAsync("alice", "bob");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Remove_RightAfterASuccession_NothingComesBack(bool byOld)
    {
        (Node alice, Node bob) = await LinkedAsync();
        NodeId old = alice.Id;
        PublicKey renewed = await alice.RotateIdentityAsync();
        await using EventLog events = new(bob);
        await RestartAsync("alice");
        await events.NextAsync<PeerKeySucceeded>();

        Assert.True(await bob.RemovePeerAsync(byOld ? old : renewed.Id).WaitAsync(NodeBed.Guard));

        await StopAsync("bob");
        Assert.Empty(TrustFile.Read(_folder["bob"]));
    }

    [Fact]
    public async Task Overlap_CopyOfTheOldDirectory_AcceptedAloneAndRefusedBesideTheNew()
    {
        (Node alice, Node bob) = await LinkedAsync();
        NodeId old = alice.Id;
        using NodeIdentity oldKey = NodeIdentity.Load(Path.Combine(_folder["alice"], "identity.pem"));
        await alice.RotateIdentityAsync();
        await RestartAsync("alice");
        await AreLinkedAsync("alice", "bob");
        Node copy = await StartAsync("copy", o => Dialling(o, oldKey));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => copy.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard));
        Assert.Equal(MesharaErrorCode.IdentityInUse, e.Code);
        await StopAsync("alice");
        await Eventually.TrueAsync(() => bob.ListPeers().Count == 0);

        Assert.Equal(bob.Id, await copy.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard));
        await Eventually.TrueAsync(() => bob.ListPeers() is [{ Pinned: true } peer] && peer.Id == old);

        // The new key comes back and has its place at once.
        await StartAsync("alice");
        await AreLinkedAsync("alice", "bob");
        Assert.DoesNotContain(bob.ListPeers(), p => p.Id == old);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Overlap_Zero_TheStolenKeyIsRefusedAlsoUnderOpen(bool open)
    {
        (Node alice, _) = await LinkedAsync();
        using NodeIdentity stolen = NodeIdentity.Load(Path.Combine(_folder["alice"], "identity.pem"));
        NodeId renewed = (await alice.RotateIdentityAsync(TimeSpan.Zero)).Id;
        await RestartAsync("alice");
        await AreLinkedAsync("alice", "bob");
        await StopAsync("alice");
        Node bob = await RestartAsync("bob", o => open ? With(o, Admission.Open) : o);
        Node thief = await StartAsync("thief", o => Dialling(o, stolen));

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => thief.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard));

        Assert.Equal(MesharaErrorCode.NotAdmitted, e.Code);
        Assert.Contains(renewed.ToString(), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fork_SecondSuccessor_IsRefusedAlsoAfterARestartUntilTheOperatorSaysSo()
    {
        (_, Node bob) = await LinkedAsync();
        using NodeIdentity old = NodeIdentity.Load(Path.Combine(_folder["alice"], "identity.pem"));
        using NodeIdentity fork = Successor(old);
        Rotate("alice");
        await RestartAsync("alice");
        await AreLinkedAsync("alice", "bob");
        Node thief = await StartAsync("thief", o => Dialling(o, fork));

        for (int i = 0; i < 2; i++)
        {
            MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => thief.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard));
            Assert.Equal(MesharaErrorCode.NotAdmitted, e.Code);
            bob = await RestartAsync("bob");
        }

        await bob.TrustAsync(fork.PublicKey);
        Assert.Equal(bob.Id, await thief.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard));
    }

    [Fact]
    public async Task Chain_ForgedOrOfAStranger_TheFormerIsBannedAndTheLatterCostsNothing()
    {
        (Node alice, Node bob) = await LinkedAsync();
        using NodeIdentity stranger = NodeIdentity.Create();
        using NodeIdentity strangers = Successor(stranger);
        int before = bob.ChainsVerified;
        Node first = await StartAsync("first", o => Dialling(o, strangers));
        await AssertRefusedAsync(first, MesharaErrorCode.NotAdmitted);
        Assert.Equal(before, bob.ChainsVerified);

        // Everybody can name Alice as the old key; only she can sign for it.
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] record = SuccessorRecord.Create(stranger.Key, key, DateTimeOffset.UnixEpoch, TimeSpan.Zero).ToBytes();
        alice.PublicKey.Der.Span.CopyTo(record);
        PublicKey claimed = PublicKey.FromDer(key.ExportSubjectPublicKeyInfo());
        Assert.True(SuccessorChain.TryCreate([SuccessorRecord.TryParse(record)!], claimed.Id, out SuccessorChain? chain));
        Assert.Equal(alice.Id, Assert.Single(chain.OldIds));
        using NodeIdentity forger = new(key, claimed, chain);
        Node second = await StartAsync("second", o => Dialling(o, forger));
        await AssertRefusedAsync(second, MesharaErrorCode.Banned);
        Assert.Equal([ReputationCause.ForgedSignature], (await bob.ExplainPeerAsync(forger.Id))!.History.Select(h => h.Cause));
        Assert.Equal(before + 1, bob.ChainsVerified);
        Assert.Equal(alice.Id, Assert.Single(bob.ListTrusted()).Id);

        async Task AssertRefusedAsync(Node from, MesharaErrorCode code) =>
            Assert.Equal(code, (await Assert.ThrowsAsync<MesharaException>(() => from.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard))).Code);
    }

    [Fact]
    public async Task ConfiguredPeer_Rotates_IsStoredAndTheOldIdInTheConfigurationMeansTheNew()
    {
        Node target = await StartAsync("target", o => With(o, Admission.Open));
        PeerAddress configured = target.Addresses[0];
        Node node = await StartAsync("node", o => With(o, Admission.KnownPeers, configured));
        await AreLinkedAsync("node", "target");
        Assert.Empty(node.ListTrusted());
        PublicKey renewed = await target.RotateIdentityAsync();
        target = await RestartAsync("target", o => With(o, Admission.Open));
        await AreLinkedAsync("node", "target");
        await StopAsync("node");
        Assert.Equal(renewed, Assert.Single(TrustFile.Read(_folder["node"])).PublicKey);

        // Without its chain only what was stored leads to the new key.
        string file = Path.Combine(_folder["target"], "identity.pem");
        await StopAsync("target");
        string text = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, text[..text.IndexOf("-----BEGIN MESHARA", StringComparison.Ordinal)]);
        await StartAsync("target", o => With(o, Admission.Open));
        await StartAsync("node", o => With(o, Admission.KnownPeers, configured));
        await AreLinkedAsync("node", "target");
    }

    [Fact]
    public async Task AddPeer_ByTheOldId_IsTheNewOne()
    {
        Node alice = await StartAsync("alice");
        PeerAddress old = alice.Addresses[0];
        await alice.RotateIdentityAsync();
        Node bob = await StartAsync("bob");
        alice = await RestartAsync("alice");
        await alice.TrustAsync(bob.PublicKey);

        Assert.Equal(alice.Id, await bob.AddPeerAsync(old).WaitAsync(NodeBed.Guard));
        Assert.Equal(alice.Id, await bob.AddPeerAsync(old).WaitAsync(NodeBed.Guard));

        Assert.Equal(alice.PublicKey, Assert.Single(bob.ListTrusted()).PublicKey);
    }

    private static NodeOptions With(NodeOptions o, Admission admission, params PeerAddress[] peers) => new()
    {
        Mesh = o.Mesh,
        Admission = admission,
        DataDirectory = o.DataDirectory,
        Listen = o.Listen,
        Transport = o.Transport,
        Peers = peers,
        Timeouts = o.Timeouts,
    };

    private static NodeOptions Dialling(NodeOptions o, NodeIdentity identity) => new()
    {
        Mesh = o.Mesh,
        Identity = identity,
        Transport = o.Transport,
        Timeouts = o.Timeouts,
    };

    private static NodeIdentity Successor(NodeIdentity old)
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return NodeIdentity.TryAdopt(key, [SuccessorRecord.Create(old.Key, key, DateTimeOffset.UnixEpoch.AddYears(50), TimeSpan.FromDays(30))])!;
    }

    private void Rotate(string name, TimeProvider? clock = null) => NodeIdentity.Rotate(Path.Combine(_folder[name], "identity.pem"), timeProvider: clock).Dispose();

    // Alice has Bob's address, and each has the other's key.
    private async Task<(Node Alice, Node Bob)> LinkedAsync()
    {
        Node alice = await StartAsync("alice"), bob = await StartAsync("bob");
        await bob.TrustAsync(alice.PublicKey);
        await NodeBed.AddAsync(alice, bob);
        await AreLinkedAsync("alice", "bob");
        return (alice, bob);
    }

    private Task AreLinkedAsync(string a, string b) => Eventually.TrueAsync(() => NodeBed.AreLinked(_nodes[a], _nodes[b]));

    private async Task<Node> StartAsync(string name, Func<NodeOptions, NodeOptions>? change = null)
    {
        NodeOptions options = new()
        {
            Mesh = "test",
            DataDirectory = _folder[name],
            Listen = [$"{name}:1"],
            Transport = _memory,
            Timeouts = new NodeTimeouts { MaxBackoff = TimeSpan.FromMilliseconds(200) },
        };
        Node node = await Node.StartAsync(change?.Invoke(options) ?? options).WaitAsync(NodeBed.Guard);
        lock (_nodes)
        {
            _nodes[name] = node;
        }

        return node;
    }

    private Task StopAsync(string name) => _nodes[name].DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);

    private async Task<Node> RestartAsync(string name, Func<NodeOptions, NodeOptions>? change = null)
    {
        await StopAsync(name);
        return await StartAsync(name, change);
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
