using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class RememberedSequenceTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Path => _folder["sequence"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_NoFile_IsNothingAndNothingIsWrong()
    {
        Assert.Equal(0UL, new RememberedSequence(Path).Read(out string? wrong));
        Assert.Null(wrong);
    }

    [Theory]
    [InlineData(1UL)]
    [InlineData(1_790_000_000_000UL)]
    [InlineData(ulong.MaxValue)]
    public void Write_ThenRead_IsTheSame(ulong sequence)
    {
        RememberedSequence file = new(Path);

        Assert.Null(file.Write(7));
        Assert.Null(file.Write(sequence));

        Assert.Equal($"{sequence}\n", File.ReadAllText(Path));
        Assert.Equal(sequence, new RememberedSequence(Path).Read(out string? wrong));
        Assert.Null(wrong);
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("-1\n")]
    [InlineData("1.5\n")]
    [InlineData("1 2\n")]
    [InlineData("18446744073709551616\n")]
    [InlineData("00000000000000000000000000000001\n")]
    [InlineData("\u001b[2J")]
    public void Read_Damaged_IsNothingAndSaysWhy(string text)
    {
        File.WriteAllText(Path, text);

        Assert.Equal(0UL, new RememberedSequence(Path).Read(out string? wrong));
        Assert.Contains("a number is expected", wrong, StringComparison.Ordinal);
        Assert.All(wrong!, c => Assert.InRange(c, ' ', '~'));
    }

    [Fact]
    public void Read_ADirectory_SaysWhy()
    {
        Directory.CreateDirectory(Path);

        Assert.Equal(0UL, new RememberedSequence(Path).Read(out string? wrong));
        Assert.NotNull(wrong);
        Assert.NotNull(new RememberedSequence(Path).Write(3));
    }
}
