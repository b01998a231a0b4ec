using Microsoft.Data.Sqlite;

namespace Meshara.Sqlite;

/// <summary>Tells damage of the file from trouble with the disk.</summary>
internal static class StoreFault
{
    private const int Error = 1, Permission = 3, Busy = 5, Locked = 6, ReadOnly = 8, Corrupt = 11, Full = 13, CannotOpen = 14, TooBig = 18,
        Constraint = 19, Mismatch = 20, NotADatabase = 26;

    // SQLITE_IOERR_SHORT_READ: the file ends where a page should be.
    private const int ShortRead = 522;

    /// <summary>Whether the file's content is wrong, so that trying again is of no use. Our SQL is constant: where it does not fit the tables, the tables are wrong.</summary>
    public static bool IsDamage(Exception fault) =>
        fault is DamagedStoreException
        || (fault is SqliteException e
            && (e.SqliteErrorCode is Error or Corrupt or TooBig or Constraint or Mismatch or NotADatabase || e.SqliteExtendedErrorCode == ShortRead));

    /// <summary>Whether this can come from the file system or from SQLite, and not from a mistake of ours.</summary>
    public static bool IsOfDisk(Exception fault) =>
        fault is SqliteException or DamagedStoreException or IOException or UnauthorizedAccessException || IsMissingLibrary(fault);

    /// <summary>Whether another connection holds the file.</summary>
    public static bool IsLock(Exception fault) => fault is SqliteException { SqliteErrorCode: Busy or Locked };

    /// <summary>Whether the connection is sound, so that the file need not be opened anew.</summary>
    public static bool IsPassing(Exception fault) => fault is OperationCanceledException or SqliteException { SqliteErrorCode: Busy or Locked or Full };

    /// <summary>What it means for people; a clause without a full stop.</summary>
    public static string Describe(Exception fault) =>
        IsMissingLibrary(fault) ? $"the native SQLite library cannot be loaded here ({fault.GetBaseException().Message.TrimEnd('.')})"
        : fault is not SqliteException e ? fault.Message.TrimEnd('.')
        : e.SqliteErrorCode switch
        {
            Full => "the disk is full",
            ReadOnly => "the file or its file system is read-only",
            Busy or Locked => "another program has locked it",
            CannotOpen or Permission => "it cannot be opened; its directory must exist and be writable",
            _ => e.Message.TrimEnd('.'),
        };

    // A platform for which the bundle has no SQLite.
    private static bool IsMissingLibrary(Exception fault) => fault is TypeInitializationException or DllNotFoundException;
}
