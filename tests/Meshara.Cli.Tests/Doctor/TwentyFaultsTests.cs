using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Doctor;

/// <summary>Faults put in by hand, each with the sentence by which <c>why</c> or <c>doctor</c> names it. Those that need the network changed are in <see cref="NetworkFaultsTests"/>, another protocol version is in NodeDiagnosisTests.</summary>
public sealed class TwentyFaultsTests
{
    private static readonly NodeTimeouts Short = new() { Connect = TimeSpan.FromSeconds(5), Tls = TimeSpan.FromSeconds(1) };

    // 1
    [Fact]
    public async Task Why_NameThatDoesNotResolve_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);

        await AssertAsync(bed, "no-such-host.invalid:4040", "FAILED  name    ", "no-such-host.invalid");
    }

    // 2
    [Fact]
    public async Task Why_PortClosed_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);

        await AssertAsync(bed, $"127.0.0.1:{Faults.ClosedPort()}", "FAILED  tcp     ", "nothing listens there. Check the port, and that the node runs");
    }

    // 3
    [Fact]
    public async Task Why_LinkLocalAddressWithoutInterface_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);

        await AssertAsync(bed, "[fe80::1]:4040", "FAILED  name    ", "fe80::1 is a link-local address, which every network has. Name the interface");
    }

    // 4
    [Fact]
    public async Task Why_ServerThatSaysNothing_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);
        using TcpListener silent = new(IPAddress.Loopback, 0);
        silent.Start();

        await AssertAsync(bed, $"127.0.0.1:{PortOf(silent)}", "FAILED  tls     ", "did not finish the TLS handshake within 1 s. It is overloaded, unreachable, or no Meshara node");
    }

    // 5
    [Fact]
    public async Task Why_WebServer_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);
        using TcpListener web = new(IPAddress.Loopback, 0);
        web.Start();
        Task serving = ServeTlsAsync(web);

        await AssertAsync(bed, $"127.0.0.1:{PortOf(web)}", "FAILED  tls     ", "speaks TLS, but not Meshara");
        await serving.WaitAsync(CommandBed.Guard);
    }

    // 6
    [Fact]
    public async Task Why_WrongPin_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);
        Node bob = await StartAsync(bed, "bob", Admission.Open);
        using NodeIdentity other = NodeIdentity.Create();

        await AssertAsync(bed, $"{other.Id}@{bob.Addresses[0].HostAndPort}", "FAILED  pin     ", $"Another node answers at {bob.Addresses[0].HostAndPort}: {bob.Id}. {other.Id} was expected");
    }

    // 7
    [Fact]
    public async Task Why_OtherMesh_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);
        Node bob = await StartAsync(bed, "bob", Admission.Open, o => o with { Mesh = "prod" });

        await AssertAsync(bed, bob.Addresses[0].HostAndPort, "FAILED  hello   ", "belongs to the mesh 'prod', this node to 'test'");
    }

    // 8
    [Fact]
    public async Task Why_NotAdmitted_Named()
    {
        await using CommandBed bed = new();
        Node alice = await StartAsync(bed, "alice", Admission.Open);
        Node bob = await StartAsync(bed, "bob", Admission.KnownPeers);

        await AssertAsync(bed, bob.Addresses[0].HostAndPort, "FAILED  hello   ", $"To do: On that machine run: meshara trust add {alice.PublicKey}");
    }

    // 9
    [Fact]
    public async Task Why_OtherSecret_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Secret("a secret of 32 characters, alice"));
        Node bob = await StartAsync(bed, "bob", Admission.Secret("a secret of 32 characters, bob's"));

        await AssertAsync(bed, bob.Addresses[0].HostAndPort, "FAILED  hello   ", "the shared secret was not proven and the key is not trusted");
    }

    // 10
    [Fact]
    public async Task Why_Full_Named()
    {
        await using CommandBed bed = new();
        await StartAsync(bed, "alice", Admission.Open);
        Node bob = await StartAsync(bed, "bob", Admission.Open, static o => o with { Discovery = DiscoveryOptions.Standard with { TargetPeers = 1, MaxPeers = 1 } });
        Node carol = await StartAsync(bed, "carol", Admission.Open);
        await carol.AddPeerAsync(bob.Addresses[0]).WaitAsync(CommandBed.Guard);

        await AssertAsync(bed, bob.Addresses[0].HostAndPort, "FAILED  limit   ", "would refuse it for want of a place (limit max_peers: 1)");
    }

    // 11
    [Fact]
    public async Task Why_BannedThere_Named()
    {
        await using CommandBed bed = new();
        Node alice = await StartAsync(bed, "alice", Admission.Open);
        MemoryPeerStore store = await Faults.BanAsync(alice.Id);
        Node bob = await StartAsync(bed, "bob", Admission.Open, o => o with { PeerStore = store });

        await AssertAsync(bed, bob.Addresses[0].HostAndPort, "FAILED  hello   ", $"On that machine run: meshara peers --forgive {alice.Id}");
    }

    // 12
    [Fact]
    public async Task Why_BannedHere_Named()
    {
        await using CommandBed bed = new();
        Node bob = await StartAsync(bed, "bob", Admission.Open);
        MemoryPeerStore store = await Faults.BanAsync(bob.Id);
        await StartAsync(bed, "alice", Admission.Open, o => o with { PeerStore = store });

        await AssertAsync(bed, bob.Addresses[0].ToString(), "FAILED  known   ", $"This node has banned {bob.Id} for its conduct until");
    }

    // 13
    [Fact]
    public async Task Why_OwnAddress_Named()
    {
        await using CommandBed bed = new();
        Node alice = await StartAsync(bed, "alice", Admission.Open);

        await AssertAsync(bed, alice.Addresses[0].HostAndPort, "FAILED  known   ", "is this node itself");
    }

    // 14
    [Fact]
    public async Task Why_CopiedDataDirectory_Named()
    {
        await using CommandBed bed = new();
        using NodeIdentity shared = NodeIdentity.Create();
        await StartAsync(bed, "alice", Admission.Open, o => o with { Identity = shared });
        Node copy = await StartAsync(bed, "copy", Admission.Open, o => o with { Identity = shared });

        await AssertAsync(bed, copy.Addresses[0].HostAndPort, "FAILED  hello   ", "is another live node with this node's identity");
    }

    // 15
    [Fact]
    public async Task Doctor_ClockIsBehind_Named()
    {
        using TempFolder folder = new();
        string port = Path.Combine(folder.Path, "port");
        await File.WriteAllTextAsync(port, "4040\n");
        File.SetLastWriteTimeUtc(port, TimeProvider.System.GetUtcNow().UtcDateTime.AddDays(3));

        await AssertDoctorAsync(folder.Path, "BROKEN   clock      clock: The clock says ", "but port in the data directory was written on ");
    }

    // 16
    [Fact]
    public async Task Doctor_KeyThatOthersMayRead_Named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Modes are of Unix.");
        using TempFolder folder = new();
        string key = Path.Combine(folder.Path, "identity.pem");
        using (NodeIdentity.LoadOrCreate(key))
        {
            Mode.Set(key, Mode.File | UnixFileMode.OtherRead);
        }

        await AssertDoctorAsync(folder.Path, $"BROKEN   data       {key}: Others may read the node's key (mode 604)", "chmod 600");
    }

    // 17
    [Fact]
    public async Task Doctor_PinnedPeerThatIsGone_NamedWithTheStep()
    {
        await using CommandBed bed = new();
        Node alice = await StartAsync(bed, "alice", Admission.Open);
        Node bob = await StartAsync(bed, "bob", Admission.Open);
        await alice.AddPeerAsync(bob.Addresses[0]).WaitAsync(CommandBed.Guard);
        string gone = bob.Addresses[0].ToString();
        await bob.DisposeAsync();
        await Eventually.TrueAsync(() => alice.ListPeers().Count == 0);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "doctor"));
        Assert.Contains($"BROKEN   peer       pinned {gone}: It cannot be reached: it fails at tcp. Cannot connect to {bob.Addresses[0].HostAndPort}: nothing listens there", terminal.Text, StringComparison.Ordinal);
    }

    private static async Task AssertAsync(CommandBed bed, string target, params string[] said)
    {
        TestTerminal terminal = new();
        int exit = await bed.RunAsync("alice", terminal, "why", target);
        Assert.All(said, sentence => Assert.Contains(sentence, terminal.Text, StringComparison.Ordinal));
        Assert.Equal(ExitCode.Failed, exit);

        // The first step that fails is the one that is named at the end.
        string first = terminal.Text.Split(Environment.NewLine).First(static line => line.StartsWith("  FAILED", StringComparison.Ordinal));
        Assert.StartsWith($"  {said[0]}", first, StringComparison.Ordinal);
    }

    private static async Task AssertDoctorAsync(string data, params string[] said)
    {
        TestTerminal terminal = new();
        int exit = await terminal.RunAsync("doctor", "--data", data);
        Assert.All(said, sentence => Assert.Contains(sentence, terminal.Text, StringComparison.Ordinal));
        Assert.Equal(ExitCode.Failed, exit);
    }

    private static Task<Node> StartAsync(CommandBed bed, string name, Admission admission, Func<NodeOptions, NodeOptions>? change = null) =>
        bed.StartAsync(name, options =>
        {
            NodeOptions tcp = options with { Transport = null, Listen = ["127.0.0.1:0"], Admission = admission, Timeouts = Short };
            return change?.Invoke(tcp) ?? tcp;
        });

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static async Task ServeTlsAsync(TcpListener listener)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = new CertificateRequest("CN=web", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        using Socket socket = await listener.AcceptSocketAsync();
        await using SslStream tls = new(new NetworkStream(socket));
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate, ApplicationProtocols = [SslApplicationProtocol.Http2] });
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The other side has something else in mind.
        }
    }
}
