using System.IO.Pipelines;
using System.Text;
using Meshara.Cli.Control;
using Xunit;

namespace Meshara.Cli.Tests.Control;

public sealed class LineChannelTests
{
    private readonly Pipe _pipe = new();

    private LineChannel Lines => field ??= new LineChannel(_pipe.Reader.AsStream(), 2000);

    [Fact]
    public async Task ReadAsync_SeveralLinesInOnePiece_ComeOneByOne()
    {
        await WriteAsync("one\ntwo\n\nthree\n");
        await _pipe.Writer.CompleteAsync();

        foreach (string? line in (string?[])["one", "two", "", "three", null])
        {
            Assert.Equal(line, await ReadAsync());
        }
    }

    [Fact]
    public async Task ReadAsync_LineInSingleBytes_IsPutTogether()
    {
        Task<string?> read = ReadAsync();
        foreach (char letter in "one\n")
        {
            await WriteAsync(letter.ToString());
        }

        Assert.Equal("one", await read);
    }

    [Theory]
    [InlineData(2000, true)]
    [InlineData(2001, false)]
    public async Task ReadAsync_LineAtTheLimit_IsReadAndOneByteMoreIsNot(int length, bool accepted)
    {
        string line = new('x', length);
        await WriteAsync("short\n" + line + "\n");

        Assert.Equal("short", await ReadAsync());
        if (accepted)
        {
            Assert.Equal(line, await ReadAsync());
        }
        else
        {
            await Assert.ThrowsAsync<InvalidDataException>(ReadAsync);
        }
    }

    [Fact]
    public async Task ReadAsync_EndlessLine_EndsAtTheLimit()
    {
        await WriteAsync(new string('x', 4000));

        await Assert.ThrowsAsync<InvalidDataException>(ReadAsync);
    }

    [Fact]
    public async Task ReadAsync_EndWithinALine_IsAnError()
    {
        await WriteAsync("half");
        await _pipe.Writer.CompleteAsync();

        await Assert.ThrowsAsync<InvalidDataException>(ReadAsync);
    }

    private async Task WriteAsync(string text) => await _pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));

    private async Task<string?> ReadAsync() => await Lines.ReadAsync(CancellationToken.None) is { } line ? Encoding.UTF8.GetString(line.Span) : null;
}
