using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class RememberedPortTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_NoFile_IsNothingAndNothingIsWrong()
    {
        Assert.Null(new RememberedPort(_folder["port"]).Read(out string? wrong));
        Assert.Null(wrong);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4041)]
    [InlineData(65535)]
    public void Write_ThenRead_IsTheSame(int port)
    {
        RememberedPort file = new(_folder["port"]);

        Assert.Null(file.Write(9));
        Assert.Null(file.Write(port));

        Assert.Equal($"{port}\n", File.ReadAllText(_folder["port"]));
        Assert.Equal(port, new RememberedPort(_folder["port"]).Read(out string? wrong));
        Assert.Null(wrong);
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("0\n")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("4040 4041")]
    [InlineData("4040\n4041\n")]
    [InlineData("\u001b[2J")]
    [InlineData("00000000000000004040")]
    public void Read_Damaged_IsNothingAndSaysWhy(string text)
    {
        File.WriteAllText(_folder["port"], text);

        Assert.Null(new RememberedPort(_folder["port"]).Read(out string? wrong));
        Assert.Contains("1 to 65535", wrong, StringComparison.Ordinal);
        Assert.All(wrong!, c => Assert.InRange(c, ' ', '~'));
    }

    [Fact]
    public void Read_ADirectory_SaysWhy()
    {
        Directory.CreateDirectory(_folder["port"]);

        Assert.Null(new RememberedPort(_folder["port"]).Read(out string? wrong));
        Assert.NotNull(wrong);
    }

    [Fact]
    public void Write_NoDirectory_SaysWhy() => Assert.NotNull(new RememberedPort(_folder["gone/port"]).Write(4040));
}
