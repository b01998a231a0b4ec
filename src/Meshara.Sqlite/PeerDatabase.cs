using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Meshara.Sqlite;

/// <summary>One open database file, checked and of the newest version. Used by one thread at a time.</summary>
internal sealed class PeerDatabase : IDisposable
{
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // SQLITE_LIMIT_LENGTH: no row of ours comes near 1 MiB, so that one which does is damage and not an allocation.
    private const int LimitLength = 0, LongestRow = 1 << 20;

    // Of a shorter file SQLite may think that it is empty, and write over it.
    private const int HeaderLength = 100;

    // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE.
    private const int LeaveLogOnClose = 1006;

    private readonly SqliteConnection _connection;
    private readonly StoreSettings _settings;
    private PeerWriter? _writer;

    private PeerDatabase(SqliteConnection connection, StoreSettings settings)
    {
        _connection = connection;
        _settings = settings;
    }

    /// <summary>Opens the file, or creates it for its owner only.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.PeerStore"/>: it is another program's, or a newer version's.</exception>
    /// <exception cref="DamagedStoreException">It is damaged; a <see cref="SqliteException"/> may say so too (<see cref="StoreFault"/>).</exception>
    /// <exception cref="SqliteException">It cannot be read or written.</exception>
    /// <exception cref="IOException">It cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be created.</exception>
    public static PeerDatabase Open(string path, StoreSettings settings, ILogger logger)
    {
        Prepare(path, settings);
        PeerDatabase database = new(Connect(path, SqliteOpenMode.ReadWrite, settings), settings);
        try
        {
            long version = database.FindVersion(path);
            database.Check();
            database.UseLog();
            database.Migrate(path, version, logger);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file on a disk that takes no writes; SQLite makes no files beside it. Null: something in it may not be whole.</summary>
    /// <exception cref="SqliteException">It cannot be read.</exception>
    public static PeerDatabase? OpenFrozen(string path, StoreSettings settings)
    {
        // What is in the log only is not seen so, and the file without its log may be halfway through taking it over.
        FileInfo log = new(path + "-wal");
        if (!File.Exists(path) || File.Exists(path + "-journal") || (log.Exists && log.Length > 0))
            return null;

        PeerDatabase database = new(Connect($"{new Uri(path).AbsoluteUri}?immutable=1", SqliteOpenMode.ReadOnly, settings), settings);
        try
        {
            if (database.FindVersion(path) == settings.Steps.Count)
            {
                database.Check();
                return database;
            }
        }
        catch
        {
            database.Dispose();
            throw;
        }

        database.Dispose();
        return null;
    }

    /// <summary>Everything, as of one moment; wrong entries are left out and counted.</summary>
    /// <exception cref="SqliteException">It cannot be read.</exception>
    public PeerStoreContent Read(CancellationToken cancellationToken)
    {
        Execute("BEGIN");
        PeerStoreContent content = new PeerReader(_connection, _settings.MaxPeers).Read(cancellationToken);
        Execute("COMMIT");
        return content;
    }

    /// <summary>Writes a batch, all or nothing; an exception is to be followed by <see cref="TryUndo"/> or <see cref="Dispose"/>.</summary>
    /// <exception cref="SqliteException">It cannot be written.</exception>
    public void Write(PeerStoreChanges changes, DateTimeOffset now)
    {
        Execute("BEGIN IMMEDIATE");
        _writer ??= new PeerWriter(_connection, _settings);
        _writer.Write(changes, now);
        Execute("COMMIT");
    }

    /// <summary>Undoes what was begun.</summary>
    /// <returns>False: the database is to be disposed, which undoes it too.</returns>
    public bool TryUndo()
    {
        try
        {
            if (!IsIdle())
                Execute("ROLLBACK");

            return IsIdle();
        }
        catch (SqliteException)
        {
            return false;
        }
    }

    /// <summary>A setting of the connection, for tests.</summary>
    internal object? Pragma(string name) => Scalar($"PRAGMA {name}");

    /// <summary>Has the file take over its log when it is closed, so that one file holds everything.</summary>
    public void TakeLogOnClose() => SQLitePCL.raw.sqlite3_db_config(_connection.Handle, LeaveLogOnClose, 0, out _);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _connection.Dispose();

    // SQLite makes files beside one that it opens with a log; what is refused for its version is found out before that, from the header, where no log says more.
    private static void CheckHeader(string path, StoreSettings settings)
    {
        FileInfo log = new(path + "-wal");
        if (log.Exists && log.Length > 0)
            return;

        // https://www.sqlite.org/fileformat.html, section 1.3.
        Span<byte> header = stackalloc byte[HeaderLength];
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (file.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false) < HeaderLength || !header.StartsWith("SQLite format 3\0"u8))
            return;

        int version = BinaryPrimitives.ReadInt32BigEndian(header[60..]), application = BinaryPrimitives.ReadInt32BigEndian(header[68..]);
        Judge(path, application, version, isEmpty: true, settings);
    }

    // The file exists then, for its owner only. The log beside it gets the same rights: SQLite gives it those of the file.
    private static void Prepare(string path, StoreSettings settings)
    {
        if (Directory.Exists(path))
            throw new IOException("it is a directory; move it away, or name another file");

        if (!File.Exists(path))
        {
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = PrivateFile;

            new FileStream(path, options).Dispose();
        }
        else if (new FileInfo(path).Length is > 0 and < HeaderLength and var length)
        {
            throw new DamagedStoreException($"it has {length} bytes only");
        }
        else
        {
            CheckHeader(path, settings);
        }

        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(path) != PrivateFile)
        {
            File.SetUnixFileMode(path, PrivateFile);
        }
    }

    // Microsoft.Data.Sqlite finds the bundle by name; this keeps it from being trimmed, where it is there at all.
    [DynamicDependency("Init", "SQLitePCL.Batteries_V2", "SQLitePCLRaw.batteries_v2")]
    private static SqliteConnection Connect(string source, SqliteOpenMode mode, StoreSettings settings)
    {
        SqliteConnection connection = new(new SqliteConnectionStringBuilder
        {
            DataSource = source,
            Mode = mode,
            Pooling = false,
            ForeignKeys = true,

            // Beside busy_timeout the client tries again by itself until this time is over; 0 would be for ever.
            DefaultTimeout = Math.Max(1, (int)settings.BusyTimeout.TotalSeconds),
        }.ConnectionString);
        try
        {
            connection.Open();
            SQLitePCL.raw.sqlite3_limit(connection.Handle, LimitLength, LongestRow);

            // What is set aside, or is not ours, keeps its log.
            SQLitePCL.raw.sqlite3_db_config(connection.Handle, LeaveLogOnClose, 1, out _);

            // Nothing in the file's schema may call functions; each cell is checked against its page before it is used.
            Execute(connection, "PRAGMA trusted_schema = OFF");
            Execute(connection, "PRAGMA cell_size_check = ON");
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA busy_timeout = {(long)settings.BusyTimeout.TotalMilliseconds}"));
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // Before anything is written: a file that is not ours to change stays as it is, byte for byte.
    private long FindVersion(string path)
    {
        long application = Number("PRAGMA application_id"), version = Number("PRAGMA user_version");
        Judge(path, application, version, Number("SELECT count(*) FROM sqlite_master") == 0, _settings);
        return version >= 0 ? version : throw new DamagedStoreException($"its version is {version}");
    }

    private static void Judge(string path, long application, long version, bool isEmpty, StoreSettings settings)
    {
        if (application != Schema.ApplicationId && !(application == 0 && version == 0 && isEmpty))
        {
            throw new MesharaException(
                MesharaErrorCode.PeerStore,
                $"'{path}' is a database of another program, not a peer store; it was left as it is. Name another file, or move this one away.");
        }

        if (version > settings.Steps.Count)
        {
            throw new MesharaException(
                MesharaErrorCode.PeerStore,
                $"Peer store '{path}' has version {version}, and this program knows none above {settings.Steps.Count}: a newer one wrote it. It was left as it is. Run the newer program, or move the file away: addresses and scores are then learned anew.");
        }
    }

    private void Check()
    {
        if (Text("PRAGMA quick_check(1)") is var found && found != "ok")
            throw new DamagedStoreException(found ?? "the check says nothing");

        if (Number("SELECT count(*) FROM sqlite_master WHERE type NOT IN ('table', 'index')") != 0)
            throw new DamagedStoreException("it has views or triggers, and a peer store has none");
    }

    private void UseLog()
    {
        // A process that is killed leaves its writes with the system, so that no commit is lost; NORMAL spares each commit its fsync. Only a
        // loss of power can take the last commits, and never leaves half of one: the log's frames carry checksums, and the file takes them
        // over between two fsyncs. Where the file system has no shared memory for a log, FULL is what keeps the file sound.
        string? mode = Text("PRAGMA journal_mode = WAL");
        Execute(mode == "wal" ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");

        // The log is cut back to 4 MiB after a large batch.
        Text("PRAGMA journal_size_limit = 4194304");
    }

    private void Migrate(string path, long from, ILogger logger)
    {
        int to = _settings.Steps.Count;
        if (from == to)
            return;

        // One transaction, version included: a kill in the middle leaves the old file.
        Execute("BEGIN IMMEDIATE");
        for (long version = from; version < to; version++)
            Execute(_settings.Steps[(int)version]);

        Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id = {Schema.ApplicationId}"));
        Execute(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {to}"));
        Execute("COMMIT");
        if (from > 0)
            logger.Migrated(path, from, to);
    }

    private bool IsIdle() => SQLitePCL.raw.sqlite3_get_autocommit(_connection.Handle) != 0;

    private void Execute(string sql) => Execute(_connection, sql);

    [SuppressMessage("Security", "CA2100:Review SQL queries for security vulnerabilities", Justification = "Constants of this assembly.")]
    private static void Execute(SqliteConnection connection, string sql)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private long Number(string sql) => Scalar(sql) is long number ? number : 0;

    private string? Text(string sql) => Scalar(sql) as string;

    [SuppressMessage("Security", "CA2100:Review SQL queries for security vulnerabilities", Justification = "Constants of this assembly.")]
    private object? Scalar(string sql)
    {
        using SqliteCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}
