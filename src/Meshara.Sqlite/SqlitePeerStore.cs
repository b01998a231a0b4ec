using Meshara.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Meshara.Sqlite;

/// <summary>A peer store in one SQLite file. It belongs to one node at a time.</summary>
/// <remarks>
/// <para>A batch is written whole or not at all, and the end of the process, however it comes, does not undo it; a loss of power may take
/// the last seconds, and leaves a sound file. A damaged file is renamed to <c>FILE.damaged-TIME</c> (three are kept) and a new one begun.
/// Where the file cannot be used (disk full, read-only, locked, no such directory), the store goes on in memory, warns once, tries again
/// at most once a minute, and then writes all that is missing; <see cref="Trouble"/> tells.</para>
/// <para>The native SQLite is that of the package SQLitePCLRaw.bundle_e_sqlite3. This package asks for 2.0.6 or newer: name a newer one in
/// your project to bring a newer SQLite. For another provider call <c>SQLitePCL.raw.SetProvider</c> and <c>FreezeProvider</c> before the
/// first use of a store.</para>
/// </remarks>
public sealed class SqlitePeerStore : IPeerStore, IAsyncDisposable
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMinutes(1);

    // One caller at a time, off the caller's thread; whoever waits can give up.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly StoreSettings _settings;
    private readonly Pending _pending;
    private PeerDatabase? _database;
    private readonly ITimer _retry;
    private Task _retrying = Task.CompletedTask;
    private long _failedAt;
    private bool _disposed, _isLocked;
    private volatile string? _trouble;

    /// <summary>Names the file; nothing is opened before the first call.</summary>
    /// <param name="path">The file; created if it is missing (mode 0600 on Unix), in a directory that exists. It should be for its owner only.</param>
    /// <param name="loggerFactory">Hears of damage and trouble, event ids from 5000 on; null: nobody.</param>
    /// <param name="timeProvider">The clock; null: the system's.</param>
    public SqlitePeerStore(string path, ILoggerFactory? loggerFactory = null, TimeProvider? timeProvider = null)
        : this(path, (loggerFactory ?? NullLoggerFactory.Instance).CreateLogger("Meshara"), timeProvider ?? TimeProvider.System, new StoreSettings())
    {
    }

    internal SqlitePeerStore(string path, ILogger logger, TimeProvider time, StoreSettings settings)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FilePath = Path.GetFullPath(path);
        _logger = new SteadyLogger(logger);
        _time = time;
        _settings = settings;
        _pending = new Pending(time);
        _retry = time.CreateTimer(_ => _retrying = Task.Run(RetryAsync), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The full path of the file.</summary>
    public string FilePath { get; }

    /// <summary>Why the store is in memory now, a clause without a full stop; null: it is on disk, or was not used yet.</summary>
    public string? Trouble => _trouble;

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">Too late.</exception>
    public Task<PeerStoreContent> LoadAsync(CancellationToken cancellationToken = default) => AloneAsync(
        async () =>
        {
            await CatchUpAsync(atOnce: false).ConfigureAwait(false);

            // What cannot be written now can be read still, as long as the file is open.
            PeerStoreContent? read = Try(database => database.Read(cancellationToken), atOnce: _database is not null);
            if (read is not null && _pending.IsEmpty)
                Recover();

            PeerStoreContent stored = read ?? ReadFrozen(cancellationToken) ?? new PeerStoreContent();
            if (stored.Skipped > 0)
                _logger.Skipped(FilePath, stored.Skipped);

            return await _pending.OverAsync(stored).ConfigureAwait(false);
        },
        cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ObjectDisposedException">Too late.</exception>
    public Task SaveAsync(PeerStoreChanges changes, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(changes);
        return AloneAsync(
            async () =>
            {
                await _pending.AddAsync(changes).ConfigureAwait(false);
                await CatchUpAsync(atOnce: false).ConfigureAwait(false);
                return true;
            },
            cancellationToken);
    }

    /// <summary>Tries once more to write what is missing, and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_disposed)
                return;

            _disposed = true;
            await Task.Run(() => CatchUpAsync(atOnce: true)).ConfigureAwait(false);
            _database?.TakeLogOnClose();
        }
        catch (MesharaException)
        {
            // The file is another's by now: whoever saved has heard so.
        }
        finally
        {
            Close();
            _gate.Release();
        }

        await _retry.DisposeAsync().ConfigureAwait(false);
        await _retrying.ConfigureAwait(false);
    }

    // In memory, and perhaps nothing changes any more: what is missing is written as soon as it can be.
    private async Task RetryAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_disposed || _trouble is null)
                return;

            if (RetryAfter - _time.GetElapsedTime(_failedAt) is { } left && left > TimeSpan.Zero)
            {
                // Whoever saved meanwhile has tried already.
                _retry.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }

            if (!_pending.IsEmpty)
                await CatchUpAsync(atOnce: true).ConfigureAwait(false);
            else if (Try(static database => database, atOnce: true) is not null)
                Recover();
        }
        catch (MesharaException)
        {
            // The file is another's by now: whoever saves next hears so.
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<T> AloneAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return await Task.Run(work, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task CatchUpAsync(bool atOnce)
    {
        if (_pending.IsEmpty)
            return;

        PeerStoreChanges all = await _pending.AllAsync().ConfigureAwait(false);
        DateTimeOffset now = _time.GetUtcNow();
        object? written = Try(
            database =>
            {
                database.Write(all, now);
                return all;
            },
            atOnce);
        if (written is null)
            return;

        _pending.Clear();
        Recover();
    }

    /// <summary>Works on the open file; null: it cannot be used now, which has been told.</summary>
    /// <exception cref="MesharaException">It must not be touched.</exception>
    private T? Try<T>(Func<PeerDatabase, T> work, bool atOnce)
        where T : class
    {
        if (_trouble is not null && !atOnce && _time.GetElapsedTime(_failedAt) < RetryAfter)
            return null;

        try
        {
            return TryOnce(work);
        }
        catch (Exception e) when (StoreFault.IsDamage(e))
        {
            Close();
            return SetAside(e) ? TryAgain(work) : null;
        }
        catch (Exception e) when (StoreFault.IsOfDisk(e))
        {
            Fail(e);
            return null;
        }
    }

    private T? TryAgain<T>(Func<PeerDatabase, T> work)
        where T : class
    {
        try
        {
            return TryOnce(work);
        }
        catch (Exception e) when (StoreFault.IsOfDisk(e))
        {
            Fail(e);
            return null;
        }
    }

    private T TryOnce<T>(Func<PeerDatabase, T> work)
        where T : class
    {
        if (_database is not null && !File.Exists(FilePath))
        {
            // What is written to a file without a name is lost with the process.
            _logger.Gone(FilePath);
            Close();
        }

        try
        {
            _database ??= PeerDatabase.Open(FilePath, _settings, _logger);
            return work(_database);
        }
        catch (Exception e)
        {
            // Closing undoes what was begun, too.
            if (!StoreFault.IsPassing(e) || _database?.TryUndo() != true)
                Close();

            throw;
        }
    }

    private bool SetAside(Exception damage)
    {
        try
        {
            string copy = Quarantine.SetAside(FilePath, _time.GetUtcNow());
            _logger.SetAside(FilePath, StoreFault.Describe(damage), copy);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fail(new IOException($"it is damaged ({StoreFault.Describe(damage)}), and cannot be renamed: {e.Message}", e));
            return false;
        }
    }

    private void Recover()
    {
        if (_trouble is not null)
            _logger.OnDiskAgain(FilePath);

        _trouble = null;
    }

    private void Fail(Exception fault)
    {
        string why = StoreFault.Describe(fault);
        if (_trouble is null)
            _logger.InMemory(FilePath, why);

        _failedAt = _time.GetTimestamp();
        if (!_disposed)
            _retry.Change(RetryAfter, Timeout.InfiniteTimeSpan);

        _isLocked = StoreFault.IsLock(fault);
        _trouble = why;
    }

    // A node on a read-only or full disk still knows whom it knew. What another program is writing is not read behind its back.
    private PeerStoreContent? ReadFrozen(CancellationToken cancellationToken)
    {
        if (_isLocked)
            return null;

        try
        {
            using PeerDatabase? frozen = PeerDatabase.OpenFrozen(FilePath, _settings);
            return frozen?.Read(cancellationToken);
        }
        catch (Exception e) when (StoreFault.IsOfDisk(e))
        {
            return null;
        }
    }

    private void Close()
    {
        _database?.Dispose();
        _database = null;
    }
}
