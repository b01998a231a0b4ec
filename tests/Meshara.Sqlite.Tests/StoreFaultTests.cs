using Microsoft.Data.Sqlite;
using Xunit;

namespace Meshara.Sqlite.Tests;

public sealed class StoreFaultTests
{
    [Theory]
    [InlineData(11, 11, true)]
    [InlineData(11, 267, true)] // CORRUPT_VTAB: the rest of the family too.
    [InlineData(26, 26, true)]
    [InlineData(10, 522, true)] // IOERR_SHORT_READ.
    [InlineData(10, 266, false)] // IOERR_READ: the disk.
    [InlineData(13, 13, false)]
    [InlineData(8, 1032, false)]
    [InlineData(5, 5, false)]
    [InlineData(14, 14, false)]
    public void IsDamage_SqliteError_IsToldFromTheDisk(int code, int extended, bool expected)
    {
        SqliteException fault = new("what", code, extended);

        Assert.Equal(expected, StoreFault.IsDamage(fault));
        Assert.True(StoreFault.IsOfDisk(fault));
    }

    [Fact]
    public void IsOfDisk_LibraryMissing_IsTrouble()
    {
        Exception fault = new TypeInitializationException("Microsoft.Data.Sqlite.SqliteConnection", new DllNotFoundException("no e_sqlite3."));

        Assert.True(StoreFault.IsOfDisk(fault));
        Assert.False(StoreFault.IsDamage(fault));
        Assert.Equal("the native SQLite library cannot be loaded here (no e_sqlite3)", StoreFault.Describe(fault));
    }

    [Fact]
    public void IsOfDisk_MistakeOfOurs_IsNot()
    {
        Assert.False(StoreFault.IsOfDisk(new InvalidOperationException()));
        Assert.False(StoreFault.IsOfDisk(new MesharaException(MesharaErrorCode.PeerStore, "newer")));
    }
}
