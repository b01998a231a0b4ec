using Meshara.Cli.Running;
using Meshara.Cli.Tests.Support;
using Xunit;

namespace Meshara.Cli.Tests.Running;

public sealed class SecretFileTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TestTerminal _terminal = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_BlanksLineEndAndBom_AreCutOff() => Assert.Equal("pass word", Read("\uFEFF  pass word \r\n"u8));

    [Fact]
    public void Read_PrivateFile_WarnsNobody()
    {
        Read("secret"u8);

        Assert.Equal("", _terminal.Error);
    }

    [Fact]
    public void Read_FileThatOthersCanRead_Warns()
    {
        Mode.Require();
        File.WriteAllText(_folder["s"], "secret");
        Mode.Set(_folder["s"], Mode.File | UnixFileMode.OtherRead);

        Assert.Equal("secret", SecretFile.Read(_folder["s"], "secret", _terminal.Terminal));
        Assert.Contains("warning: other users can read", _terminal.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret\n", _terminal.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_Empty_IsAnErrorThatNamesTheFile() => Fails(() => Read(" \n"u8), "is empty");

    [Fact]
    public void Read_NotUtf8_IsAnError() => Fails(() => Read([0xff, 0xfe, 0x41]), "not UTF-8");

    [Fact]
    public void Read_TooLong_IsAnError() => Fails(() => Read(new byte[(64 << 10) + 1]), "longer than");

    [Fact]
    public void Read_Missing_IsAnError() => Fails(() => SecretFile.Read(_folder["s"], "secret", _terminal.Terminal), "cannot be read");

    [Fact]
    public void Read_Directory_IsAnError() => Fails(() => SecretFile.Read(_folder.Path, "secret", _terminal.Terminal), "cannot be read");

    private void Fails(Action read, string why)
    {
        CliException e = Assert.Throws<CliException>(read);
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, e.Message, StringComparison.Ordinal);
    }

    private string Read(ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(_folder["s"], bytes.ToArray());
        Mode.Set(_folder["s"], Mode.File);
        return SecretFile.Read(_folder["s"], "secret", _terminal.Terminal);
    }
}
