using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Meshara.Net;
using Meshara.Net.Diagnosis;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests;

/// <summary>What a dial that goes wrong on purpose is said to have gone wrong at, over real sockets and real TLS.</summary>
public sealed class NodeDiagnosisTests
{
    private static readonly NodeTimeouts Short = new() { Connect = TimeSpan.FromMilliseconds(500), Tls = TimeSpan.FromMilliseconds(500), Hello = TimeSpan.FromSeconds(5) };

    [Fact]
    public async Task Diagnose_NodeThatAdmits_PassesAllStepsAndDisplacesNothing()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open, o => o with { Discovery = DiscoveryOptions.Standard with { TargetPeers = 1, MaxPeers = 1 } });
        await using EventLog events = new(bob);

        DialDiagnosis dial = await alice.DiagnoseAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard);

        Assert.True(dial.IsReachable, Text(dial));
        Assert.Equal(
            [DialStepKind.Known, DialStepKind.Name, DialStepKind.Connect, DialStepKind.Tls, DialStepKind.Identity, DialStepKind.Hello, DialStepKind.Limit, DialStepKind.Link],
            dial.Steps.Select(s => s.Kind));
        Assert.All(dial.Steps, s => Assert.Equal(DialStepOutcome.Passed, s.Outcome));
        Assert.Equal((bob.Id, "test"), (dial.Answered, dial.RemoteMesh));
        Assert.NotNull(dial.RoundTripTime);
        Assert.Contains("from 127.0.0.1 (lo)", dial.Steps[2].Detail, StringComparison.Ordinal);
        Assert.Empty(alice.ListPeers());
        Assert.Empty(bob.ListPeers());
        Assert.Empty(bob.ListTrusted());
        Assert.Equal(0, (await bob.CountPeersAsync()).Inbound);
        await Eventually.TrueAsync(() => bob.RunningTasks == alice.RunningTasks);
    }

    // It was dialled with a name that no mesh has, and then once more: the other side's log told of a node of the mesh '?'.
    [Fact]
    public async Task Diagnose_NoMeshNamed_TakesTheOthersAndIsNoRefusalThere()
    {
        await using NodeBed bed = new();
        Node bob = await StartAsync(bed, Admission.Open, o => o with { Mesh = "theirs" });
        await using EventLog events = new(bob);

        NodeOptions any = new() { Mesh = "", Admission = Admission.Open, Timeouts = Short };
        DialDiagnosis dial = await Node.DiagnoseAsync(any, bob.Addresses[0]).WaitAsync(NodeBed.Guard);

        Assert.True(dial.IsReachable, Text(dial));
        Assert.Equal("theirs", dial.RemoteMesh);

        // The first that is refused there is one that names a mesh, and another.
        using NodeIdentity stranger = NodeIdentity.Create();
        await Node.DiagnoseAsync(any with { Mesh = "other", Identity = stranger }, bob.Addresses[0]).WaitAsync(NodeBed.Guard);
        Assert.Equal(stranger.Id, (await events.NextAsync<PeerRefused>()).Peer);
    }

    // A stranger chose the name, and so 600,000 rounds of PBKDF2 and a line in a table, within the HELLO deadline.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Diagnose_NoMeshNamedButASecret_DerivesNoKeyForTheOthersNameAndSaysSo(bool theyHaveIt)
    {
        await using NodeBed bed = new();
        Admission secret = Admission.Secret("a secret of 32 characters, for all");
        Node bob = await StartAsync(bed, theyHaveIt ? Admission.Secret("a secret of 32 characters, for all") : Admission.Open, o => o with { Mesh = "theirs" });
        NodeOptions options = new() { Mesh = "", Admission = secret, Timeouts = Short };

        DialDiagnosis dial = await Node.DiagnoseAsync(options, bob.Addresses[0]).WaitAsync(NodeBed.Guard);
        Assert.Empty(secret.DerivedFor);
        Assert.Equal((DialStepKind.Hello, MesharaErrorCode.NotAdmitted, theyHaveIt), (dial.Failed!.Kind, dial.Failed.Code, dial.Failed.ByPeer));
        Assert.StartsWith("The shared secret was not offered, because no mesh was named: give --mesh with its name (this node says 'theirs').", dial.Failed.Advice, StringComparison.Ordinal);

        Assert.Equal(theyHaveIt, (await Node.DiagnoseAsync(options with { Mesh = "theirs" }, bob.Addresses[0]).WaitAsync(NodeBed.Guard)).IsReachable);
        Assert.Equal(["theirs"], secret.DerivedFor);
    }

    // Ids are written in lower case, also where a sentence begins.
    [Fact]
    public async Task Diagnose_SentenceThatBeginsWithAnId_LeavesItAsItIs()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        NodeId id = NodeId.Parse("c0e8" + new string('a', 60));

        DialDiagnosis pinned = await alice.DiagnoseAsync(new PeerAddress("127.0.0.1", Faults.ClosedPort()) { Id = id }).WaitAsync(NodeBed.Guard);
        DialDiagnosis anybody = await alice.DiagnoseAsync(new PeerAddress("127.0.0.1", Faults.ClosedPort())).WaitAsync(NodeBed.Guard);

        Assert.StartsWith($"{id} is to answer", pinned.Steps[0].Detail, StringComparison.Ordinal);
        Assert.StartsWith("Any key may answer", anybody.Steps[0].Detail, StringComparison.Ordinal);
    }

    // One and the same interface has one name in all that is said.
    [Theory]
    [InlineData("fe80::1", 0, "fe80::1")]
    [InlineData("fe80::1", int.MaxValue, "fe80::1%2147483647")]
    [InlineData("10.0.0.1", 0, "10.0.0.1")]
    public void Show_ScopeOfNoInterface_StaysANumber(string address, int scope, string shown)
    {
        IPAddress ip = IPAddress.Parse(address);
        Assert.Equal(shown, LocalRoute.Show(scope == 0 ? ip : new IPAddress(ip.GetAddressBytes(), scope)));
    }

    [Fact]
    public void Show_ScopeOfAnInterface_IsItsName()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has numbers.");
        LocalAddress? local = LocalAddress.Scan()?.FirstOrDefault(static a => a.Address.IsIPv6LinkLocal);
        Assert.SkipWhen(local is not { Address: not null }, "No interface with IPv6 here.");
        Assert.Equal($"{new IPAddress(local.Value.Address.GetAddressBytes())}%{local.Value.Interface}", LocalRoute.Show(local.Value.Address));
    }

    [Fact]
    public async Task Diagnose_PeerThatIsLinked_SaysSoAndTheLinkLivesOn()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open);
        await NodeBed.AddAsync(alice, bob);

        DialDiagnosis dial = await alice.DiagnoseAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard);

        Assert.True(dial.IsReachable, Text(dial));
        Assert.Contains("a link to it lives already", dial.Steps[0].Detail, StringComparison.Ordinal);
        await alice.PingAsync(bob.Id).WaitAsync(NodeBed.Guard);
    }

    [Fact]
    public async Task Diagnose_NameWithoutAddress_FailsAtName()
    {
        await using NodeBed bed = new();
        TcpTransport transport = new(null, (_, _) => throw new SocketException((int)SocketError.HostNotFound));
        Node alice = await StartAsync(bed, Admission.Open, o => o with { Transport = transport });

        DialStep failed = await FailAsync(alice, "no-such-host.test:4040", DialStepKind.Name, MesharaErrorCode.NameNotResolved);

        Assert.Contains("'no-such-host.test' has no address. Check its spelling", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_ClosedPort_FailsAtTcpAndNamesTheWay()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        int port = Faults.ClosedPort();

        DialStep failed = await FailAsync(alice, $"127.0.0.1:{port}", DialStepKind.Connect, MesharaErrorCode.ConnectFailed);

        Assert.Contains("nothing listens there. Check the port, and that the node runs", failed.Detail, StringComparison.Ordinal);
        Assert.Contains("from 127.0.0.1 (lo)", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_NobodyAnswers_FailsAtTcpAndNamesTheFirewall()
    {
        await using NodeBed bed = new();
        TcpTransport silent = new(null, (_, _) => Task.FromResult<IPAddress[]>([]), async (_, ct) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            throw new SocketException((int)SocketError.TimedOut);
        });
        Node alice = await StartAsync(bed, Admission.Open, o => o with { Transport = silent, Timeouts = Short });

        DialStep failed = await FailAsync(alice, "127.0.0.1:4040", DialStepKind.Connect, MesharaErrorCode.ConnectTimeout);

        Assert.Contains("did not answer within 500 ms", failed.Detail, StringComparison.Ordinal);
        Assert.Contains("a firewall there or here, or nobody has this address. On that machine open TCP port 4040", failed.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_ServerThatSaysNothing_FailsAtTls()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open, o => o with { Timeouts = Short });
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();

        DialStep failed = await FailAsync(alice, $"127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}", DialStepKind.Tls, MesharaErrorCode.TlsTimeout);

        Assert.Contains("did not finish the TLS handshake within 0.5 s. It is overloaded, unreachable, or no Meshara node", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_TlsOfAnotherProgram_FailsAtTls()
    {
        OpenSsl.SkipIfMissing();
        await using NodeBed bed = new();
        using TempFolder folder = new();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=web", key, HashAlgorithmName.SHA256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        string pem = OpenSsl.WritePem(folder.Path, "web.pem", certificate, key);
        Node alice = await StartAsync(bed, Admission.Open);
        await using OpenSsl web = OpenSsl.Start("s_server", "-accept", "127.0.0.1:0", "-cert", pem, "-alpn", "h2,http/1.1");

        DialStep failed = await FailAsync(alice, $"127.0.0.1:{await web.PortAsync}", DialStepKind.Tls, MesharaErrorCode.WrongProtocol);

        Assert.Contains("speaks TLS, but not Meshara", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_OtherKeyThanExpected_FailsAtPinAndNamesBothIds()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open);
        using NodeIdentity other = NodeIdentity.Create();

        DialDiagnosis named = await alice.DiagnoseAsync(bob.Addresses[0] with { Id = other.Id }).WaitAsync(NodeBed.Guard);
        await alice.AddPeerAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard);
        Assert.True(await alice.ReplaceKeyAsync(bob.Id, other.PublicKey));
        DialDiagnosis pinned = await alice.DiagnoseAsync(PeerAddress.Parse(bob.Addresses[0].HostAndPort)).WaitAsync(NodeBed.Guard);

        foreach (DialStep failed in new[] { named.Failed!, pinned.Failed! })
        {
            Assert.Equal((DialStepKind.Identity, MesharaErrorCode.PinMismatch), (failed.Kind, failed.Code));
            Assert.Contains(bob.Id.ToString(), failed.Detail, StringComparison.Ordinal);
            Assert.Contains(other.Id.ToString(), failed.Detail, StringComparison.Ordinal);
        }

        Assert.Contains("was expected: so the address was given", named.Failed!.Detail, StringComparison.Ordinal);
        Assert.Contains("is pinned", pinned.Failed!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_OtherMesh_FailsAtHelloAndNamesBoth()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open, o => o with { Mesh = "prod" });

        DialStep failed = await FailAsync(alice, bob.Addresses[0].HostAndPort, DialStepKind.Hello, MesharaErrorCode.WrongMesh);

        Assert.Contains("belongs to the mesh 'prod', this node to 'test'", failed.Detail, StringComparison.Ordinal);
        Assert.Equal("Start both nodes with the same --mesh.", failed.Advice);
    }

    [Fact]
    public async Task Diagnose_NotAdmittedThere_FailsAtHelloWithTheCommandForTheOtherEnd()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.KnownPeers);
        Node bob = await StartAsync(bed, Admission.KnownPeers);

        DialStep failed = await FailAsync(alice, bob.Addresses[0].HostAndPort, DialStepKind.Hello, MesharaErrorCode.NotAdmitted);

        Assert.True(failed.ByPeer);
        Assert.Contains("It says: \"the key is not trusted here\"", failed.Detail, StringComparison.Ordinal);
        Assert.Equal($"On that machine run: meshara trust add {alice.PublicKey}", failed.Advice);
        await bob.TrustAsync(alice.PublicKey);
        Assert.True((await alice.DiagnoseAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard)).IsReachable);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Diagnose_SecretDiffers_FailsAtHello(bool theyHaveOne)
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Secret("a secret of 32 characters, alice"));
        Node bob = await StartAsync(bed, theyHaveOne ? Admission.Secret("a secret of 32 characters, bob's") : Admission.Open);

        DialStep failed = await FailAsync(alice, bob.Addresses[0].HostAndPort, DialStepKind.Hello, MesharaErrorCode.NotAdmitted);

        Assert.Equal(theyHaveOne, failed.ByPeer);
        Assert.Contains(theyHaveOne ? "the shared secret was not proven and the key is not trusted" : "this node would not admit it: it did not prove the shared secret", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_FullNode_FailsAtLimitWithItsNameValueAndWhenToRetry()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open, o => o with { Discovery = DiscoveryOptions.Standard with { TargetPeers = 1, MaxPeers = 1 } });
        Node carol = await StartAsync(bed, Admission.Open);
        await NodeBed.AddAsync(carol, bob);

        DialStep failed = await FailAsync(alice, bob.Addresses[0].HostAndPort, DialStepKind.Limit, MesharaErrorCode.Full);

        Assert.Equal(("max_peers", 1L, TimeSpan.FromMinutes(1)), (failed.Limit, failed.LimitValue, failed.RetryAfter));
        Assert.Contains("would refuse it for want of a place (limit max_peers: 1)", failed.Detail, StringComparison.Ordinal);
        Assert.Contains("meshara trust add", failed.Advice, StringComparison.Ordinal);
        await carol.PingAsync(bob.Id).WaitAsync(NodeBed.Guard);

        // Whom the operator named needs no place.
        await bob.TrustAsync(alice.PublicKey);
        Assert.True((await alice.DiagnoseAsync(bob.Addresses[0]).WaitAsync(NodeBed.Guard)).IsReachable);
    }

    [Fact]
    public async Task Diagnose_RefusedForTooManyAttempts_FailsAtLimit()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        await using RawNode bob = new(NodeIdentity.Create());
        Task answering = bob.AcceptAsync(refuse: new Refuse { Code = RefuseCode.Rate, Limit = "attempts_per_address", Value = 3, RetryAfter = TimeSpan.FromSeconds(90) });

        DialStep failed = await FailAsync(alice, bob.Address.ToString(), DialStepKind.Limit, MesharaErrorCode.RateLimited);
        await answering;

        Assert.Equal(("attempts_per_address", 3L, TimeSpan.FromSeconds(90), true), (failed.Limit, failed.LimitValue, failed.RetryAfter, failed.ByPeer));
    }

    [Fact]
    public async Task Diagnose_BannedThere_FailsAtHelloWithTheCommandForTheOtherEnd()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open, await BanningAsync(alice.Id));

        DialStep failed = await FailAsync(alice, bob.Addresses[0].HostAndPort, DialStepKind.Hello, MesharaErrorCode.Banned);

        Assert.True(failed.ByPeer);
        Assert.Contains("banned for its conduct, for 60 min more", failed.Detail, StringComparison.Ordinal);
        Assert.StartsWith($"On that machine run: meshara peers --forgive {alice.Id} (or wait ", failed.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, DialStepKind.Known)]
    [InlineData(false, DialStepKind.Identity)]
    public async Task Diagnose_BannedHere_FailsWhereItIsKnownAndGoesOn(bool withId, DialStepKind at)
    {
        await using NodeBed bed = new();
        Node bob = await StartAsync(bed, Admission.Open);
        Node alice = await StartAsync(bed, Admission.Open, await BanningAsync(bob.Id));

        DialDiagnosis dial = await alice.DiagnoseAsync(withId ? bob.Addresses[0] : bob.Addresses[0] with { Id = null }).WaitAsync(NodeBed.Guard);

        Assert.Equal((at, MesharaErrorCode.Banned, false), (dial.Failed!.Kind, dial.Failed.Code, dial.Failed.ByPeer));
        Assert.Contains($"This node has banned {bob.Id}", dial.Failed.Detail, StringComparison.Ordinal);
        Assert.Contains($"meshara peers --forgive {bob.Id}", dial.Failed.Advice, StringComparison.Ordinal);
        Assert.Contains(dial.Steps, s => s is { Kind: DialStepKind.Link, Outcome: DialStepOutcome.Passed });
        Assert.False(dial.IsReachable);
    }

    [Fact]
    public async Task Diagnose_OtherVersion_FailsAtHello()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        await using RawNode bob = new(NodeIdentity.Create()) { Version = 2 };
        Task answering = bob.AcceptAsync();

        DialStep failed = await FailAsync(alice, bob.Address.ToString(), DialStepKind.Hello, MesharaErrorCode.VersionMismatch);
        await bob.DisposeAsync();
        await Record.ExceptionAsync(() => answering);

        Assert.Contains("speaks versions 2 to 2 of the protocol, this node 1", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AddPeer_WhoAnswersSaysThatItProbes_EndsWithTheReason()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        await using RawNode bob = new(NodeIdentity.Create()) { Purpose = HelloPurpose.Probe };
        Task answering = bob.AcceptAsync();

        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => alice.AddPeerAsync(bob.Address).WaitAsync(NodeBed.Guard));
        await bob.DisposeAsync();
        await Record.ExceptionAsync(() => answering);

        Assert.Equal(MesharaErrorCode.Refused, e.Code);
        Assert.Contains("purpose", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_OwnAddressOrId_FailsAtKnown()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);

        DialStep address = await FailAsync(alice, alice.Addresses[0].HostAndPort, DialStepKind.Known, MesharaErrorCode.Self);
        DialStep id = await FailAsync(alice, $"{alice.Id}@127.0.0.1:1", DialStepKind.Known, MesharaErrorCode.Self);

        Assert.Contains("is this node itself", address.Detail, StringComparison.Ordinal);
        Assert.Contains("id", id.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_CopiedDataDirectory_FailsAtHello()
    {
        await using NodeBed bed = new();
        using NodeIdentity shared = NodeIdentity.Create();
        Node alice = await StartAsync(bed, Admission.Open, o => o with { Identity = shared });
        Node copy = await StartAsync(bed, Admission.Open, o => o with { Identity = shared });

        DialStep failed = await FailAsync(alice, copy.Addresses[0].HostAndPort, DialStepKind.Hello, MesharaErrorCode.IdentityInUse);

        Assert.Contains("a data directory was copied", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_LimitTooShort_FailsAtTheStepThatWasUnderWay()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();

        DialDiagnosis dial = await alice.DiagnoseAsync(new PeerAddress("127.0.0.1", ((IPEndPoint)silent.LocalEndpoint).Port), TimeSpan.FromMilliseconds(300)).WaitAsync(NodeBed.Guard);

        Assert.Equal(DialStepKind.Tls, dial.Failed?.Kind);
        Assert.Contains("within the 300 ms", dial.Failed!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diagnose_WithoutNode_SeesTheOtherEndAndSaysWhatItDoesNotSee()
    {
        await using NodeBed bed = new();
        Node bob = await StartAsync(bed, Admission.KnownPeers);
        using NodeIdentity own = NodeIdentity.Create();
        NodeOptions options = new() { Mesh = "test", Identity = own, Admission = Admission.Open };

        DialDiagnosis refused = await Node.DiagnoseAsync(options, bob.Addresses[0]).WaitAsync(NodeBed.Guard);
        DialDiagnosis elsewhere = await Node.DiagnoseAsync(options with { Mesh = "?" }, bob.Addresses[0]).WaitAsync(NodeBed.Guard);

        Assert.Equal((DialStepKind.Hello, MesharaErrorCode.NotAdmitted), (refused.Failed!.Kind, refused.Failed.Code));
        Assert.Contains(own.PublicKey.ToString(), refused.Failed.Advice, StringComparison.Ordinal);
        Assert.Contains("cannot be seen", refused.Steps[0].Detail, StringComparison.Ordinal);
        Assert.Equal((MesharaErrorCode.WrongMesh, "test"), (elsewhere.Failed!.Code, elsewhere.RemoteMesh));
    }

    [Fact]
    public async Task ClockOffset_MachinesAThirtyHoursApart_EachHearsItFromTheOther()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        Node bob = await StartAsync(bed, Admission.Open, o => o with { TimeProvider = new Ahead(TimeSpan.FromHours(30)) });
        Assert.Null(alice.ClockOffset);
        await NodeBed.AddAsync(alice, bob);
        await Eventually.TrueAsync(() => bob.ListPeers().Count == 1);

        // A record issued in the future shows all of it; one of the past may be twelve hours old.
        Assert.Equal(-30, alice.ClockOffset!.Value.TotalHours, 0.1);
        Assert.Equal(18, bob.ClockOffset!.Value.TotalHours, 0.1);
    }

    [Fact]
    public async Task Diagnose_StoppedNode_Throws()
    {
        await using NodeBed bed = new();
        Node alice = await StartAsync(bed, Admission.Open);
        await alice.DisposeAsync();

        MesharaException stopped = await Assert.ThrowsAsync<MesharaException>(() => alice.DiagnoseAsync(new PeerAddress("127.0.0.1", 1)));
        Assert.Equal(MesharaErrorCode.NodeStopped, stopped.Code);
    }

    private static Task<Node> StartAsync(NodeBed bed, Admission admission, Func<NodeOptions, NodeOptions>? change = null) =>
        bed.StartAsync(new NodeOptions { Mesh = "test", Admission = admission, Listen = ["127.0.0.1:0"], Seed = 1 }, change);

    private static async Task<DialStep> FailAsync(Node from, string address, DialStepKind at, MesharaErrorCode code)
    {
        DialDiagnosis dial = await from.DiagnoseAsync(PeerAddress.Parse(address)).WaitAsync(NodeBed.Guard);
        Assert.False(dial.IsReachable);
        Assert.True(dial.Failed is { } step && step.Kind == at && step.Code == code, Text(dial));
        Assert.Same(dial.Steps[^1], dial.Failed);
        return dial.Failed!;
    }

    private sealed class Ahead(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + by;
    }

    private static string Text(DialDiagnosis dial) => string.Join('\n', dial.Steps.Select(s => $"{s.Outcome} {s.Kind}: {s.Detail} [{s.Code}] → {s.Advice}"));

    private static async Task<Func<NodeOptions, NodeOptions>> BanningAsync(NodeId id)
    {
        MemoryPeerStore store = await Faults.BanAsync(id);
        return o => o with { PeerStore = store };
    }
}
