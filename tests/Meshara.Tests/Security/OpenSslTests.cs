using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Security;

/// <summary>The real openssl as a second opinion, as an honest peer and as a hostile one.</summary>
public sealed class OpenSslTests : IDisposable
{
    private readonly ChannelBed _bed = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly string _directory = Directory.CreateTempSubdirectory("meshara-openssl-").FullName;
    private readonly string _honest;

    public OpenSslTests()
    {
        OpenSsl.SkipIfMissing();
        using X509Certificate2 certificate = new CertificateForge { SubjectKey = _key }.ToCertificate();
        _honest = OpenSsl.WritePem(_directory, "honest.pem", certificate, _key);
    }

    private NodeId PeerId => NodeId.FromPublicKey(_key.ExportSubjectPublicKeyInfo());

    public void Dispose()
    {
        _bed.Dispose();
        _key.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void NodeCertificate_ReadByOpenssl_SameKeySameIdSelfSigned()
    {
        string path = Path.Combine(_directory, "node.pem");
        File.WriteAllText(path, PemEncoding.WriteString("CERTIFICATE", _bed.Certificate.Der.Span));
        byte[] pem = OpenSsl.Run("x509", "-in", path, "-noout", "-pubkey").Bytes;
        byte[] der = OpenSsl.Run(pem, ["pkey", "-pubin", "-outform", "DER"]).Bytes;

        Assert.Equal(_bed.Identity.PublicKey.Der.ToArray(), der);
        Assert.Contains(_bed.Identity.Id.ToString(), OpenSsl.Run(der, ["dgst", "-sha256", "-r"]).Output, StringComparison.Ordinal);
        Assert.Equal(0, OpenSsl.Run("verify", "-check_ss_sig", "-CAfile", path, path).ExitCode);
        string text = OpenSsl.Run("x509", "-in", path, "-noout", "-text").Output;
        Assert.Contains("Version: 3", text, StringComparison.Ordinal);
        Assert.Contains("Signature Algorithm: ecdsa-with-SHA256", text, StringComparison.Ordinal);
        Assert.Contains("NIST CURVE: P-256", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_3")]
    [InlineData("-tls1_2")]
    public async Task Accept_HonestOpenssl_Agrees(string version)
    {
        await using OpenSsl client = await AcceptAsync(
            async accepting =>
            {
                await using SecureChannel channel = await accepting;
                Assert.Equal(PeerId, channel.RemoteId);
                await channel.Stream.WriteAsync("greetings\n"u8.ToArray());
                byte[] line = new byte[4];
                await channel.Stream.ReadExactlyAsync(line).AsTask().WaitAsync(ChannelBed.Guard);
                Assert.Equal("back"u8.ToArray(), line);
            },
            async client =>
            {
                await client.WaitForAsync("greetings");
                await client.WriteLineAsync("back");
            },
            version, "-alpn", "meshara/1", "-cert", _honest);
    }

    [Theory]
    [InlineData("-tls1_3", SslProtocols.Tls13)]
    [InlineData("-tls1_2", SslProtocols.Tls12)]
    public async Task Connect_HonestOpenssl_Agrees(string version, SslProtocols expected)
    {
        await using OpenSsl server = Serve(version, "-alpn", "meshara/1", "-cert", _honest);
        await using SecureChannel channel = await DialAsync(server);

        Assert.Equal(PeerId, channel.RemoteId);
        Assert.Equal(expected, channel.Stream.SslProtocol);
    }

    [Theory]
    [InlineData(MesharaErrorCode.WrongProtocol, "-alpn", "h2")]
    [InlineData(MesharaErrorCode.WrongProtocol)]
    public async Task H5_OpensslWithWrongOrNoAlpn_WrongProtocol(MesharaErrorCode expected, params string[] arguments)
    {
        Assert.Equal(expected, (await AcceptFailsAsync(["-cert", _honest, .. arguments])).Code);
        Assert.Equal(expected, (await DialFailsAsync(["-cert", _honest, .. arguments])).Code);
    }

    [Theory]
    [InlineData("-tls1_3")]
    [InlineData("-tls1_2")]
    public async Task H6_OpensslWithoutCertificate_NoCertificate(string version) =>
        Assert.Equal(MesharaErrorCode.NoCertificate, (await AcceptFailsAsync([version, "-alpn", "meshara/1"])).Code);

    [Theory]
    [InlineData("-tls1_3", false)]
    [InlineData("-tls1_3", true)]
    [InlineData("-tls1_2", false)]
    [InlineData("-tls1_2", true)]
    public async Task H7_TwoCertificates_BadCertificate(string version, bool sameTwice)
    {
        using ECDsa otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 other = new CertificateForge { SubjectKey = otherKey }.ToCertificate();
        string chain = sameTwice ? _honest : OpenSsl.WritePem(_directory, "other.pem", other);
        string[] arguments = [version, "-alpn", "meshara/1", "-cert", _honest, "-cert_chain", chain];
        MesharaException accepting = await AcceptFailsAsync(arguments);
        MesharaException dialing = await DialFailsAsync(arguments);

        Assert.Equal((MesharaErrorCode.BadCertificate, MesharaErrorCode.BadCertificate), (accepting.Code, dialing.Code));
        Assert.Contains("2 certificates", accepting.Message, StringComparison.Ordinal);
        Assert.Contains("2 certificates", dialing.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("RSA", "rsa_keygen_bits:2048")]
    [InlineData("EC", "ec_paramgen_curve:P-384")]
    [InlineData("ED25519")]
    public async Task H8_OpensslWithAnotherKey_BadCertificate(string algorithm, params string[] parameters)
    {
        string[] arguments = ["-alpn", "meshara/1", "-cert", Generate(algorithm, parameters)];

        Assert.Equal(MesharaErrorCode.BadCertificate, (await AcceptFailsAsync(arguments)).Code);
        Assert.Equal(MesharaErrorCode.BadCertificate, (await DialFailsAsync(arguments)).Code);
    }

    // P-256, but written as its equation: another encoding of the same key would be another id.
    [Fact]
    public async Task H8_OpensslWithExplicitParameters_Closes()
    {
        string[] arguments = ["-alpn", "meshara/1", "-cert", Generate("EC", ["ec_paramgen_curve:P-256", "ec_param_enc:explicit"])];
        MesharaErrorCode[] expected = [MesharaErrorCode.BadCertificate, MesharaErrorCode.TlsFailed, MesharaErrorCode.NoCertificate];

        Assert.Contains((await AcceptFailsAsync(arguments)).Code, expected);
        Assert.Contains((await DialFailsAsync(arguments)).Code, expected);
    }

    // The framework offers the latter two by itself, so what refuses them is our own look at the finished handshake.
    [Theory]
    [InlineData("ECDHE-ECDSA-AES128-SHA", "")]
    [InlineData("ECDHE-ECDSA-AES128-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256")]
    [InlineData("ECDHE-ECDSA-AES256-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384")]
    public async Task H19_Tls12WithCbc_Fails(string suite, string named)
    {
        string[] arguments = ["-tls1_2", "-cipher", suite, "-alpn", "meshara/1", "-cert", _honest];
        MesharaException accepting = await AcceptFailsAsync(arguments);
        MesharaException dialing = await DialFailsAsync(arguments);

        Assert.Equal((MesharaErrorCode.TlsFailed, MesharaErrorCode.TlsFailed), (accepting.Code, dialing.Code));
        Assert.Contains(named, accepting.Message, StringComparison.Ordinal);
        Assert.Contains(named, dialing.Message, StringComparison.Ordinal);
    }

    // A static RSA suite needs an RSA key on the acceptor's side, so only a dialer can meet one.
    [Theory]
    [InlineData("AES128-GCM-SHA256")]
    [InlineData("AES256-SHA256")]
    [InlineData("DHE-RSA-AES128-GCM-SHA256")]
    public async Task H19_Tls12WithoutEcdhe_Closes(string suite)
    {
        MesharaException error = await DialFailsAsync(
            ["-tls1_2", "-cipher", suite, "-alpn", "meshara/1", "-cert", Generate("RSA", ["rsa_keygen_bits:2048"])]);

        Assert.Contains(error.Code, new[] { MesharaErrorCode.TlsFailed, MesharaErrorCode.BadCertificate });
    }

    [Theory]
    [InlineData("ECDHE-ECDSA-AES128-GCM-SHA256")]
    [InlineData("ECDHE-ECDSA-AES256-GCM-SHA384")]
    public async Task H19_Tls12WithEcdheAndAead_Accepted(string suite)
    {
        await using OpenSsl server = Serve("-tls1_2", "-cipher", suite, "-alpn", "meshara/1", "-cert", _honest);
        await using SecureChannel channel = await DialAsync(server);

        Assert.Equal(PeerId, channel.RemoteId);
    }

    [Theory]
    [InlineData("-tls1_1")]
    [InlineData("-tls1")]
    public async Task H19_OlderThanTls12_Fails(string version)
    {
        string[] arguments = [version, "-cipher", "ALL:@SECLEVEL=0", "-alpn", "meshara/1", "-cert", _honest];

        Assert.Equal(MesharaErrorCode.TlsFailed, (await AcceptFailsAsync(arguments)).Code);
        Assert.Equal(MesharaErrorCode.TlsFailed, (await DialFailsAsync(arguments)).Code);
    }

    [Theory]
    [InlineData("-tls1_3")]
    [InlineData("-tls1_2")]
    public async Task Accept_ClientOffersItsOldSession_NotResumedAndProvesItsKeyAgain(string version)
    {
        string session = Path.Combine(_directory, "session.pem");
        string[] arguments = [version, "-alpn", "meshara/1", "-cert", _honest];
        await (await AcceptAsync(ProvesKeyAndCloses, static c => c.WaitForExitAsync(), [.. arguments, "-sess_out", session])).DisposeAsync();

        // Under 1.2 the acceptor gives nothing to keep; under 1.3 OpenSSL sends tickets all the same, for sessions that it has forgotten.
        string[] second = File.Exists(session) ? [.. arguments, "-sess_in", session] : arguments;
        await using OpenSsl client = await AcceptAsync(ProvesKeyAndCloses, static c => c.WaitForExitAsync(), second);
        Assert.Contains("New, TLS", client.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Reused, TLS", client.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-tls1_3")]
    [InlineData("-tls1_2")]
    public async Task Connect_ServerGivesTickets_NotUsed(string version)
    {
        await using OpenSsl server = Serve(version, "-alpn", "meshara/1", "-cert", _honest, "-Verify", "1");
        for (int i = 0; i < 3; i++)
        {
            await using SecureChannel channel = await DialAsync(server);
            Assert.Equal(PeerId, channel.RemoteId);

            // A ticket of TLS 1.3 comes after the handshake: a round trip makes sure that it was read.
            await server.WriteLineAsync($"visit {i}");
            byte[] line = new byte[7];
            await channel.Stream.ReadExactlyAsync(line).AsTask().WaitAsync(ChannelBed.Guard);
            Assert.Equal($"visit {i}", Encoding.ASCII.GetString(line));
            await channel.Stream.ShutdownAsync();
        }

        Assert.DoesNotContain("Reused session-id", server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accept_ClientRenegotiates_Refused()
    {
        await using OpenSsl client = await AcceptAsync(
            static async accepting =>
            {
                await using SecureChannel channel = await accepting;
                await channel.Stream.WriteAsync("ready\n"u8.ToArray());
                await Assert.ThrowsAsync<IOException>(() => channel.Stream.ReadAsync(new byte[1]).AsTask().WaitAsync(ChannelBed.Guard));
            },
            static async client =>
            {
                await client.WaitForAsync("ready");
                await client.WriteLineAsync("R");
                await client.WaitForExitAsync();
            },
            "-tls1_2", "-alpn", "meshara/1", "-cert", _honest);

        Assert.Contains("RENEGOTIATING", client.Output, StringComparison.Ordinal);
    }

    private async Task ProvesKeyAndCloses(Task<SecureChannel> accepting)
    {
        await using SecureChannel channel = await accepting;
        Assert.Equal(PeerId, channel.RemoteId);
        await channel.Stream.WriteAsync("done\n"u8.ToArray());
        await channel.Stream.ShutdownAsync();
    }

    private string Generate(string algorithm, string[] parameters)
    {
        string path = Path.Combine(_directory, "generated.pem");
        List<string> arguments = ["req", "-x509", "-nodes", "-subj", "/CN=meshara", "-days", "10", "-keyout", path + ".key", "-out", path, "-newkey", algorithm];
        foreach (string parameter in parameters)
        {
            arguments.AddRange(["-pkeyopt", parameter]);
        }

        Assert.Equal(0, OpenSsl.Run([.. arguments]).ExitCode);
        File.AppendAllText(path, File.ReadAllText(path + ".key"));
        return path;
    }

    private static OpenSsl Serve(params string[] arguments) => OpenSsl.Start(["s_server", "-accept", "127.0.0.1:0", "-verify", "1", .. arguments]);

    private async Task<SecureChannel> DialAsync(OpenSsl server)
    {
        TcpClient tcp = new();
        await tcp.ConnectAsync(IPAddress.Loopback, await server.PortAsync);
        return await SecureChannel.ConnectAsync(tcp.GetStream(), _bed.Certificate, null, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard);
    }

    private async Task<MesharaException> DialFailsAsync(string[] arguments)
    {
        await using OpenSsl server = Serve(arguments);
        return await Assert.ThrowsAsync<MesharaException>(() => DialAsync(server));
    }

    private async Task<MesharaException> AcceptFailsAsync(string[] arguments)
    {
        MesharaException? error = null;
        await using OpenSsl client = await AcceptAsync(
            async accepting => error = await Assert.ThrowsAsync<MesharaException>(() => accepting), static c => c.WaitForExitAsync(), arguments);
        return error!;
    }

    private async Task<OpenSsl> AcceptAsync(Func<Task<SecureChannel>, Task> judge, Func<OpenSsl, Task> play, params string[] arguments)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        OpenSsl client = OpenSsl.Start(["s_client", "-connect", $"{listener.LocalEndpoint}", .. arguments]);
        try
        {
            Socket socket = await listener.AcceptSocketAsync().WaitAsync(ChannelBed.Guard);
            Task playing = play(client);
            await judge(SecureChannel.AcceptAsync(
                new NetworkStream(socket, ownsSocket: true), _bed.Certificate, ChannelBed.Address, ChannelBed.Options, CancellationToken.None).WaitAsync(ChannelBed.Guard));
            await playing.WaitAsync(ChannelBed.Guard);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }
}
