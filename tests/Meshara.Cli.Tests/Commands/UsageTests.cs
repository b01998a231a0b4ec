using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

/// <summary>Exit code 2 and one line on standard error for what cannot be understood.</summary>
public sealed class UsageTests
{
    private const string Id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Theory]
    [InlineData("", "command")]
    [InlineData("nonsense", "'nonsense'")]
    [InlineData("trust", "command")]
    [InlineData("id --nonsense", "'--nonsense'")]
    [InlineData("run --open --secret-file x", "exclude each other")]
    [InlineData("run --listen=", "--listen")]
    [InlineData("run --listen ::1:99999", "HOST:PORT")]
    [InlineData("run --listen :4040", "HOST:PORT")]
    [InlineData("run --advertise example.org", "HOST:PORT")]
    [InlineData("run --advertise example.org:0", "HOST:PORT")]
    [InlineData("run --advertise [2001:db8::4040]", "HOST:PORT")]
    [InlineData("run --advertise " + Id + "@example.org:4040", "no id")]
    [InlineData("run --listen 127.0.0.1:65536", "HOST:PORT")]
    [InlineData("run --listen ::1:4040", "HOST:PORT")]
    [InlineData("run --peer nonsense@example.org:1", "nonsense")]
    [InlineData("run --peer 127.0.0.1:0", "127.0.0.1:0")]
    [InlineData("run --log loud", "loud")]
    [InlineData("run --mesh=", "--mesh")]
    [InlineData("run --open --target-peers -1", "--target-peers needs a number from 0 to 4096, not '-1'")]
    [InlineData("run --open --target-peers 4097", "--target-peers needs a number from 0 to 4096, not '4097'")]
    [InlineData("run --open --max-peers 0", "--max-peers needs a number from 1 to 4096, not '0'")]
    [InlineData("run --open --max-peers 4097", "--max-peers needs a number from 1 to 4096, not '4097'")]
    [InlineData("run --open --max-peers many", "not 'many'")]
    [InlineData("run --open --max-peers 2 --target-peers 3", "--target-peers is 3, more than --max-peers: 0 to 2 is allowed")]
    [InlineData("run --open --preset minimal --target-peers 9", "preset minimal: 0 to 8 is allowed, or give --max-peers too")]
    [InlineData("run --open --target-peers 33", "preset standard: 0 to 32 is allowed")]
    [InlineData("run --preset huge", "--preset knows minimal, standard, bridge, not 'huge'")]
    [InlineData("run --bootstrap 192.0.2.1:4040", "--bootstrap needs --open or --secret-file")]
    [InlineData("run --open --bootstrap 192.0.2.1:0", "192.0.2.1:0")]
    [InlineData("run --trusted-range 10.0.0.0", "--trusted-range needs a network and the length of its prefix")]
    [InlineData("run --trusted-range 10.0.0.0/33", "not '10.0.0.0/33'")]
    [InlineData("peers --explain 0123456", "too short")]
    [InlineData("peers --explain nonsense", "node id")]
    [InlineData("service install -- --max-peers 0", "'meshara run' would not take these options: --max-peers needs")]
    [InlineData("run --data=", "--data")]
    [InlineData("add", "add")]
    [InlineData("add host:port", "host:port")]
    [InlineData("add 12D3KooWabc@127.0.0.1:4040", "libp2p")]
    [InlineData("add 127.0.0.1:4040 --pubkey 3059", "public key")]
    [InlineData("trust add 3059", "public key")]
    [InlineData("remove 0123456", "too short for a node id: the first 8 of its 64 digits suffice")]
    [InlineData("ping 0123", "too short")]
    [InlineData("completion tcsh", "no completion for 'tcsh', only for bash, zsh, fish.")]
    [InlineData("service install -- --frob", "'--frob'")]
    [InlineData("service install -- --data x", "data directory of its own")]
    [InlineData("remove 0123456g", "node id")]
    [InlineData("send " + Id, "send")]
    [InlineData("send " + Id + "0 text", "node id")]
    [InlineData("send " + Id + " text --protocol=", "--protocol")]
    [InlineData("send " + Id + " text --protocol=meshara/peers/1", "meshara/")]
    [InlineData("send " + Id + " text more", "'more'")]
    [InlineData("demo more", "'more'")]
    public async Task Run_WrongUsage_IsOneLineAndExitCode2(string line, string names)
    {
        TestTerminal terminal = new();

        int exitCode = await terminal.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(ExitCode.Usage, exitCode);
        string error = Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine));
        Assert.StartsWith("meshara: ", error, StringComparison.Ordinal);
        Assert.Contains(names, error, StringComparison.Ordinal);
        Assert.Contains("See: meshara", error, StringComparison.Ordinal);
        Assert.Equal("", terminal.Text + terminal.Json);
    }

    [Fact]
    public async Task Run_PrivateKeyAsPublicKey_SaysSoAndDoesNotRepeatIt()
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Usage, await terminal.RunAsync("trust", "add", "-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----"));
        Assert.Contains("private key", terminal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("MIGHAgEA", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_KeyOfAnotherIdThanTheAddress_SaysSo()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Usage, await terminal.RunAsync("add", $"{Id}@127.0.0.1:4040", "--pubkey", identity.PublicKey.ToString()));
        Assert.Contains(identity.Id.ToString(), Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("run --help")]
    [InlineData("trust add --help")]
    [InlineData("--version")]
    public async Task Run_Help_IsOnStandardOutputAndExitCode0(string line)
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync(line.Split(' ')));
        Assert.NotEqual("", terminal.Text);
        Assert.Equal("", terminal.Error);
    }

    [Theory]
    [InlineData("ping", "1 s")]
    [InlineData("request", "30 s")]
    [InlineData("run", "default: warning")]
    [InlineData("watch", "What messages contain is not shown")]
    public async Task Run_HelpOfACommand_IsForPeople(string command, string contains)
    {
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await terminal.RunAsync(command, "--help"));
        Assert.Contains(contains, terminal.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("00:00", terminal.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "meshara: no room, as a test wants it")]
    public async Task Run_OutputCannotBeWritten_IsNoErrorWhereItsReaderHasEnough(bool readerIsGone, string error)
    {
        using TempFolder folder = new();
        TestTerminal terminal = new(output: new FullStream(), outputIsBroken: () => readerIsGone);

        Assert.Equal(ExitCode.Failed, await terminal.RunAsync("id", "--json", "--data", folder["node"]));
        Assert.Equal(error, terminal.Error.TrimEnd());
    }

    [Theory]
    [InlineData("info")]
    [InlineData("peers")]
    [InlineData("add 127.0.0.1:4040")]
    [InlineData("remove " + Id)]
    [InlineData("send " + Id + " @text")]
    public async Task Run_NoNodeRuns_IsOneLineAndExitCode1(string line)
    {
        using TempFolder folder = new();
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await terminal.RunAsync([.. line.Split(' '), "--data", folder.Path]));
        Assert.Contains("meshara run --data", Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
    }

    private sealed class FullStream : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("no room, as a test wants it");

        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("no room, as a test wants it");
    }
}
