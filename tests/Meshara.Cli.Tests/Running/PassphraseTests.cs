using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class PassphraseTests
{
    [Fact]
    public async Task UseAsync_NoneNeeded_AsksNobody() =>
        Assert.Equal("opened", await Passphrase.UseAsync(new TestTerminal(askSecret: _ => throw new InvalidOperationException()).Terminal, null, _ => Task.FromResult("opened"), CancellationToken.None));

    [Fact]
    public async Task UseAsync_NeededAndNobodyToAsk_SaysHowToGiveIt()
    {
        CliException e = await Assert.ThrowsAsync<CliException>(() => Passphrase.UseAsync(new TestTerminal().Terminal, null, OpensWith("right"), CancellationToken.None));

        Assert.Contains("MESHARA_PASSPHRASE", e.Message, StringComparison.Ordinal);
        Assert.Contains("--passphrase-file", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseAsync_WrongAnswer_IsAskedAgain()
    {
        Queue<string> answers = new(["wrong", "right"]);
        TestTerminal terminal = new(askSecret: _ => answers.Dequeue());

        Assert.Equal("opened with right", await Passphrase.UseAsync(terminal.Terminal, null, OpensWith("right"), CancellationToken.None));
        Assert.Contains("needs another", terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseAsync_ThreeWrongAnswers_GivesUp()
    {
        int asked = 0;
        TestTerminal terminal = new(askSecret: _ => $"wrong {asked++}");

        await Assert.ThrowsAsync<MesharaException>(() => Passphrase.UseAsync(terminal.Terminal, null, OpensWith("right"), CancellationToken.None));
        Assert.Equal(3, asked);
    }

    [Fact]
    public async Task UseAsync_FileWithTheWrongOne_AsksNobody()
    {
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder["p"], "wrong\n");
        Mode.Set(folder["p"], Mode.File);
        TestTerminal terminal = new(askSecret: _ => throw new InvalidOperationException());

        await Assert.ThrowsAsync<MesharaException>(() => Passphrase.UseAsync(terminal.Terminal, folder["p"], OpensWith("right"), CancellationToken.None));
    }

    private static Func<string?, Task<string>> OpensWith(string right) => given => given == right
        ? Task.FromResult($"opened with {given}")
        : throw new MesharaException(MesharaErrorCode.Passphrase, "needs another passphrase.");
}
