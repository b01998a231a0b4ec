using Xunit;

namespace Meshara.Mdns.Tests;

public sealed class BrowseOptionsTests
{
    // One that fits no label was refused on the library's own loop, where only the log heard of it, and the browse waited for ever.
    [Theory]
    [InlineData("")]
    [InlineData("_a\nb")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123")]
    public void Subtype_NoLabel_Throws(string subtype) => Assert.Throws<ArgumentException>(() => new BrowseOptions { Subtype = subtype });

    [Theory]
    [InlineData(null)]
    [InlineData("_color")]
    [InlineData("größe.2")]
    public void Subtype_Label_IsKept(string? subtype) => Assert.Equal(subtype, new BrowseOptions { Subtype = subtype }.Subtype);
}
