using System.Security.Cryptography;
using System.Text;
using Meshara.Core.Policy;
using Meshara.Storage;
using Microsoft.Extensions.Logging;

namespace Meshara.Discovery;

/// <summary>A list of peers over HTTPS: fetched at start and every hour, kept in the data directory for when it cannot be reached.</summary>
internal sealed class ListSource : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);

    private readonly Uri _list;
    private readonly string? _copy;
    private readonly HttpMessageInvoker _http;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly Func<IReadOnlyList<PeerAddress>, Task> _learn;
    private readonly CancellationTokenSource _stopping = new();
    private Task _loop = Task.CompletedTask;
    private int _disposed;
    private volatile PeerSource _state;
    private bool _told;

    /// <summary>A source that <see cref="Start"/> begins.</summary>
    /// <param name="list">An https address.</param>
    /// <param name="directory">Where a copy is kept; null: nowhere.</param>
    /// <param name="handler">Fetches; disposed with this source.</param>
    /// <param name="time">The clock of every pause.</param>
    /// <param name="seed">Of the jitter.</param>
    /// <param name="logger">Hears of what is wrong, once.</param>
    /// <param name="learn">Takes the addresses, with and without ids.</param>
    public ListSource(Uri list, string? directory, HttpMessageHandler handler, TimeProvider time, int seed, ILogger logger, Func<IReadOnlyList<PeerAddress>, Task> learn)
    {
        (_list, _time, _logger, _learn) = (list, time, logger, learn);
        _http = new HttpMessageInvoker(handler);
        _random = new Random(seed);
        _copy = directory is null ? null : Path.Combine(directory, CopyName(list));
        _state = new PeerSource { Kind = AddressSource.Bootstrap, Location = list.AbsoluteUri };
    }

    /// <summary>How it fares.</summary>
    public PeerSource State => _state;

    /// <summary>The name of a list's copy in the data directory.</summary>
    public static string CopyName(Uri list) => $"list-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(list.AbsoluteUri)).AsSpan(0, 8))}.json";

    /// <summary>Begins to fetch.</summary>
    public void Start() => _loop = Task.Run(RunAsync);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _http.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            for (int failures = 0; ;)
            {
                failures = await FetchAsync().ConfigureAwait(false) ? 0 : failures + 1;
                TimeSpan pause = failures == 0 ? Every : Backoff.Doubled(FirstRetry, failures - 1, Every);

                // From half of it to all: not all nodes of a mesh at once.
                await Task.Delay(Backoff.Slow(pause, _random.NextDouble()), _time, _stopping.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (MesharaException e) when (e.Code == MesharaErrorCode.NodeStopped)
        {
            // As above.
        }
        catch (Exception fault)
        {
            _logger.TaskFailed(fault);
        }
    }

    private async Task<bool> FetchAsync()
    {
        (byte[]? bytes, string? why) = await ListFetch.GetAsync(_http, _list, _time, _stopping.Token).ConfigureAwait(false);
        if (bytes is not null && StaticPeersText.Parse(bytes, needsIds: false, out IReadOnlyList<StaticPeer> peers) is var fault)
        {
            if (fault is null)
            {
                await UseAsync(peers, copyOf: null).ConfigureAwait(false);
                WriteCopy(bytes);
                return true;
            }

            why = $"{fault}.";
        }

        await FailedAsync(why!).ConfigureAwait(false);
        return false;
    }

    private async Task UseAsync(IReadOnlyList<StaticPeer> peers, DateTimeOffset? copyOf)
    {
        PeerAddress[] addresses = [.. peers.Select(p => p.Address)];
        _state = _state with { Addresses = addresses, ReadAt = copyOf ?? _time.GetUtcNow(), IsCopy = copyOf is not null, Trouble = copyOf is null ? null : _state.Trouble };
        await _learn(addresses).ConfigureAwait(false);
        if (copyOf is null)
        {
            if (_told)
            {
                _told = false;
                _logger.ListMended(_state.Location, peers.Count, Log.Addresses(peers.Count));
            }

            _logger.ListFetched(_state.Location, peers.Count, Log.Addresses(peers.Count));
        }
    }

    private async Task FailedAsync(string why)
    {
        bool isFirst = _state.ReadAt is null;
        _state = _state with { Trouble = why };
        if (isFirst && ReadCopy() is { } copy)
        {
            await UseAsync(copy.Peers, copy.Written).ConfigureAwait(false);
        }

        if (!_told)
        {
            _told = true;
            _logger.ListFailed(_state.Location, why, _state switch
            {
                { IsCopy: true, ReadAt: { } written } => $"The copy of {written:u} is used, with {_state.Addresses.Count} {Log.Addresses(_state.Addresses.Count)}",
                { ReadAt: { } read } => $"What it had at {read:u} is used",
                _ => "There is no copy of it",
            });
        }
    }

    private (IReadOnlyList<StaticPeer> Peers, DateTimeOffset Written)? ReadCopy()
    {
        try
        {
            if (_copy is null || !File.Exists(_copy) || new FileInfo(_copy).Length > StaticPeersText.MaxBytes)
            {
                return null;
            }

            return StaticPeersText.Parse(File.ReadAllBytes(_copy), needsIds: false, out IReadOnlyList<StaticPeer> peers) is null
                ? (peers, new DateTimeOffset(File.GetLastWriteTimeUtc(_copy), TimeSpan.Zero))
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void WriteCopy(byte[] bytes)
    {
        if (_copy is null)
        {
            return;
        }

        try
        {
            AtomicFile.Replace(_copy, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _logger.ListNotKept(_state.Location, _copy, e.Message);
        }
    }
}
