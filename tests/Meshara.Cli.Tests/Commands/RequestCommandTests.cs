using System.Text;
using System.Text.Json;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Commands;

public sealed class RequestCommandTests
{
    private static readonly byte[] NotText = [0xFF, 0x00, 0x1B];

    [Fact]
    public async Task Request_ToAPipe_GivesTheBytesOfTheReplyAndNothingElse()
    {
        await using CommandBed bed = new();
        Node bob = await StartAsync(bed);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "request", bob.Id.ToString(), "raw"));

        Assert.Equal(NotText, terminal.Bytes);
        Assert.Equal("", terminal.Text + terminal.Error);
    }

    [Fact]
    public async Task Request_ToATerminal_IsEscaped()
    {
        await using CommandBed bed = new();
        Node bob = await StartAsync(bed);
        TestTerminal terminal = new(terminal: true);

        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "request", bob.Id.ToString(), "\e[31mone\r\n[red]two[/]\u202E", "--protocol", "echo/1"));
        Assert.Equal(ExitCode.Done, await bed.RunAsync("alice", terminal, "request", bob.Id.ToString(), "raw"));

        Assert.Equal(["\\u{1B}[31mone", "[red]two[/]\\u{202E}", "3 bytes, not text: send them to a file or a program, or use --json."], terminal.Text.TrimEnd().Split(Environment.NewLine));
        Assert.Empty(terminal.Bytes);
    }

    [Fact]
    public async Task Request_Json_TextOrBase64()
    {
        await using CommandBed bed = new();
        Node bob = await StartAsync(bed);
        TestTerminal terminal = new();

        await bed.RunAsync("alice", terminal, "request", bob.Id.ToString(), "Grüße", "--protocol", "echo/1", "--json");
        await bed.RunAsync("alice", terminal, "request", bob.Id.ToString(), "raw", "--json");

        JsonElement[] lines = [.. terminal.Json.TrimEnd().Split('\n').Select(Child.Parse)];
        Assert.Equal(("Grüße", "echo/1", bob.Id.ToString()), (lines[0].GetProperty("text").GetString(), lines[0].GetProperty("protocol").GetString(), lines[0].GetProperty("peer").GetString()));
        Assert.Equal(Convert.ToBase64String(NotText), lines[1].GetProperty("base64").GetString());
    }

    [Theory]
    [InlineData("throw", "request/1", "0.5", "The handler threw")]
    [InlineData("wait", "request/1", "0.05", "did not answer")]
    [InlineData("x", "nobody/1", "0.5", "no handler")]
    public async Task Request_ThatFails_IsOneLineAndExitCode1(string text, string protocol, string timeout, string says)
    {
        await using CommandBed bed = new();
        Node bob = await StartAsync(bed);
        TestTerminal terminal = new();

        Assert.Equal(ExitCode.Failed, await bed.RunAsync("alice", terminal, "request", bob.Id.ToString(), text, "--protocol", protocol, "--timeout", timeout));

        Assert.Contains(says, Assert.Single(terminal.Error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
        Assert.Empty(terminal.Bytes);
    }

    private static async Task<Node> StartAsync(CommandBed bed)
    {
        (_, Node bob) = await bed.StartPairAsync();
        bob.HandleRequest("echo/1", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        bob.HandleRequest("request/1", static async (message, ct) =>
        {
            switch (Encoding.UTF8.GetString(message.Payload.Span))
            {
                case "wait":
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
                    return default;
                case "throw":
                    throw new InvalidOperationException("as asked");
                default:
                    return NotText;
            }
        });
        return bob;
    }
}
