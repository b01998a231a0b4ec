using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Meshara.Storage;

/// <summary>The pins of a node, in the text file <c>known_peers</c> or in memory.</summary>
/// <remarks>
/// Safe for use by several threads. Each change is on disk (fsync) when the call returns, so the calls block; they are the
/// operator's, not the network's. Comments, order, and fields that this version does not know survive every change. If somebody edited
/// the file meanwhile, the edited file is what the change is applied to; if it cannot be read, it is left as it is.
/// </remarks>
internal sealed class KnownPeersFile
{
    public const int MaxLines = 100_000;
    public const int MaxBytes = 64 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly string? _path;
    private volatile KnownPeersState _state;

    private KnownPeersFile(string? path, KnownPeersState state)
    {
        _path = path;
        _state = state;
    }

    /// <summary>All pins in the order of the file; a snapshot.</summary>
    public IReadOnlyList<KnownPeer> All => _state.Peers;

    /// <summary>Reads the file; one that does not exist is empty and is created by the first <see cref="Add"/>.</summary>
    /// <param name="path">The file; null: in memory only.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>; the message names file and line.</exception>
    public static KnownPeersFile Load(string? path) => new(path, path is null ? KnownPeersState.Empty : Parse(path, ReadBytes(path)));

    /// <summary>The pin of an id; null: none.</summary>
    public KnownPeer? Find(NodeId id) => _state.ById.TryGetValue(id, out KnownPeer? peer) ? peer : null;

    /// <summary>The pin that has this host and port; null: none.</summary>
    public KnownPeer? FindByAddress(PeerAddress address) =>
        _state is var state && state.CountSpots(address.HostAndPort) > 0
            ? state.Peers.FirstOrDefault(p => p.Addresses.Any(a => a.Port == address.Port && a.Host == address.Host))
            : null;

    /// <summary>Stores a pin, in place of the one with the same key if there is one. Its older keys stay as they are, and it is nobody's older key any more.</summary>
    /// <param name="peer">The pin.</param>
    /// <param name="takeAddresses">The peer has answered at its first address: no other pin keeps that one.</param>
    /// <returns>Whether anything changed.</returns>
    /// <exception cref="ArgumentException">An address names another id, there are more than 16, or the name is not one.</exception>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: the file cannot be read or written, or is full; nothing changed.</exception>
    public bool Add(KnownPeer peer, bool takeAddresses = false)
    {
        KnownPeer wanted = Normalize(peer);
        lock (_gate)
        {
            KnownPeersState state = Refresh(), next = state;
            if (takeAddresses && wanted.Addresses is [{ } proven, ..])
                next = TakeFromOthers(next, wanted.Id, proven.HostAndPort);

            next = ForgetPrevious(next, wanted.Id);
            KnownPeer? before = next.ById.GetValueOrDefault(wanted.Id);
            wanted = wanted with { Previous = before?.Previous ?? [] };
            if (ReferenceEquals(next, state) && before == wanted)
            {
                _state = state;
                return false;
            }

            if (before is null)
            {
                next = next.Add(KnownPeersText.Format(wanted, [], ""));
            }
            else
            {
                int index = next.IndexOf(wanted.Id);
                next = next.Replace(index, KnownPeersText.Format(wanted, next.Lines[index].Extra, next.Lines[index].Comment));
            }

            Store(next, withHeader: state.Lines.Count == 0);
            return true;
        }
    }

    /// <summary>Puts another key in the place of a pinned one; name, addresses and the rest of its line stay, but not its older keys. A line that the new key has already gives way.</summary>
    /// <returns>False: the old key is not pinned.</returns>
    /// <exception cref="MesharaException">As for <see cref="Add"/>.</exception>
    public bool Replace(NodeId old, PublicKey key)
    {
        lock (_gate)
        {
            KnownPeersState state = Refresh();
            if (!state.ById.TryGetValue(old, out KnownPeer? peer))
            {
                _state = state;
                return false;
            }

            KnownPeer renewed = Normalize(peer with { Key = key, Addresses = [.. peer.Addresses.Select(a => a with { Id = null })], Previous = [] });
            KnownPeersState next = old != key.Id && state.ById.ContainsKey(key.Id) ? state.RemoveAt(state.IndexOf(key.Id)) : state;
            int index = next.IndexOf(old);
            next = next.Replace(index, KnownPeersText.Format(renewed, next.Lines[index].Extra, next.Lines[index].Comment));
            Store(ForgetPrevious(next, key.Id), withHeader: false);
            return true;
        }
    }

    /// <summary>A peer has proven that a new key of its succeeds a pinned one: the pin becomes one of the new key, with the old one among its older keys.</summary>
    /// <remarks>Where the new key has a line already, the two become one, in the place of the old.</remarks>
    /// <param name="old">The id until now.</param>
    /// <param name="key">The key from now on.</param>
    /// <param name="until">Until when the old one is accepted; stored in whole seconds.</param>
    /// <param name="createIfMissing">Whether a pin is made where neither of the two is pinned here.</param>
    /// <returns>False: neither is pinned, and nothing was made.</returns>
    /// <exception cref="MesharaException">As for <see cref="Add"/>.</exception>
    public bool Succeed(NodeId old, PublicKey key, DateTimeOffset until, bool createIfMissing)
    {
        lock (_gate)
        {
            KnownPeersState state = Refresh();
            ImmutableList<KnownPeersLine> lines = state.Lines;
            int from = state.IndexOf(old), to = state.IndexOf(key.Id);
            if (from < 0 && to < 0 && !createIfMissing)
            {
                _state = state;
                return false;
            }

            KnownPeer? first = from < 0 ? null : lines[from].Peer, second = to < 0 ? null : lines[to].Peer;
            KnownPeer merged = Merge(first, second, key, new PreviousKey(old, until.AddTicks(-(until.Ticks % TimeSpan.TicksPerSecond))));
            KnownPeersLine? kept = from >= 0 ? lines[from] : to >= 0 ? lines[to] : null;
            KnownPeersLine line = KnownPeersText.Format(merged, [.. kept?.Extra ?? [], .. from >= 0 && to >= 0 ? lines[to].Extra : []], kept?.Comment ?? "");
            KnownPeersState next = from >= 0 && to >= 0 ? state.RemoveAt(to) : state;
            int at = from < 0 ? to : to >= 0 && to < from ? from - 1 : from;
            Store(kept is null ? next.Add(line) : next.Replace(at, line), withHeader: state.Lines.Count == 0);
            return true;
        }
    }

    /// <summary>Removes a pin with its line.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="MesharaException">As for <see cref="Add"/>.</exception>
    public bool Remove(NodeId id)
    {
        lock (_gate)
        {
            KnownPeersState state = Refresh();
            if (!state.ById.ContainsKey(id))
            {
                _state = state;
                return false;
            }

            Store(state.RemoveAt(state.IndexOf(id)), withHeader: false);
            return true;
        }
    }

    private static KnownPeer Merge(KnownPeer? first, KnownPeer? second, PublicKey key, PreviousKey added)
    {
        IEnumerable<PeerAddress> addresses = [.. second?.Addresses ?? [], .. first?.Addresses ?? []];
        IEnumerable<PreviousKey> previous = [.. first?.Previous ?? [], .. second?.Previous ?? []];
        bool isAdded = first?.Origin == KnownPeerOrigin.Added || second?.Origin == KnownPeerOrigin.Added;
        return new KnownPeer(
            key,
            [.. addresses.Select(a => a with { Id = key.Id }).Distinct().Take(KnownPeer.MaxAddresses)],
            first?.Name ?? second?.Name,
            isAdded ? KnownPeerOrigin.Added : KnownPeerOrigin.Trusted)
        {
            Previous = [.. previous.Where(p => p.Id != added.Id && p.Id != key.Id).DistinctBy(p => p.Id).Append(added).TakeLast(KnownPeer.MaxPrevious)],
        };
    }

    // The operator has named the key itself.
    private static KnownPeersState ForgetPrevious(KnownPeersState state, NodeId id)
    {
        for (int i = 0; state.IsOlder(id) && i < state.Lines.Count; i++)
        {
            if (state.Lines[i] is { Peer: { } peer } line && peer.Previous.Any(p => p.Id == id))
                state = state.Replace(i, KnownPeersText.Format(peer with { Previous = [.. peer.Previous.Where(p => p.Id != id)] }, line.Extra, line.Comment));
        }

        return state;
    }

    private static KnownPeersState TakeFromOthers(KnownPeersState state, NodeId owner, string hostAndPort)
    {
        // Most often nobody else has it, and there may be a hundred thousand.
        int own = state.ById.TryGetValue(owner, out KnownPeer? peer) ? peer.Addresses.Count(a => a.HostAndPort == hostAndPort) : 0;
        for (int i = 0; state.CountSpots(hostAndPort) > own && i < state.Lines.Count; i++)
        {
            if (state.Lines[i] is { Peer: { } other } line && other.Id != owner && other.Addresses.Any(a => a.HostAndPort == hostAndPort))
            {
                KnownPeer without = other with { Addresses = [.. other.Addresses.Where(a => a.HostAndPort != hostAndPort)] };
                state = state.Replace(i, KnownPeersText.Format(without, line.Extra, line.Comment));
            }
        }

        return state;
    }

    private static KnownPeer Normalize(KnownPeer peer)
    {
        KnownPeer.ThrowIfNoName(peer.Name);
        foreach (PeerAddress address in peer.Addresses)
        {
            if (address.Id is { } id && id != peer.Id)
                throw new ArgumentException($"The address {address} names another id than that of the key, {peer.Id}.", nameof(peer));
        }

        PeerAddress[] addresses = [.. peer.Addresses.Select(a => a with { Id = peer.Id }).Distinct()];
        return addresses.Length <= KnownPeer.MaxAddresses
            ? peer with { Addresses = addresses }
            : throw new ArgumentException($"A peer has at most {KnownPeer.MaxAddresses} addresses, this one has {addresses.Length}.", nameof(peer));
    }

    // What the operator wrote into the file since is not to be overwritten.
    private KnownPeersState Refresh()
    {
        if (_path is null)
            return _state;

        byte[] bytes = ReadBytes(_path);
        return SHA256.HashData(bytes).AsSpan().SequenceEqual(_state.Hash) ? _state : Parse(_path, bytes);
    }

    private void Store(KnownPeersState next, bool withHeader)
    {
        if (withHeader && _path is not null)
            next = next.WithHeader();

        if (next.Lines.Count > MaxLines || next.Size > MaxBytes)
            throw Error(_path, $"is full: it may have {MaxLines} lines and {MaxBytes} bytes. Remove peers first.");

        byte[] hash = next.Hash;
        if (_path is not null)
        {
            byte[] bytes = next.ToBytes();
            hash = SHA256.HashData(bytes);
            try
            {
                if (File.Exists(_path))
                    AtomicFile.Rewrite(_path, bytes);
                else
                    AtomicFile.Replace(_path, bytes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Error(_path, $"could not be written: {e.Message}", e);
            }
        }

        _state = next with { Hash = hash };
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw Error(path, "is a directory. Move it away.");

            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (FileRights.IsWritableByOthers(file))
                throw Error(path, $"can be changed by other users, who could let anybody join. Run: {FileRights.HowToRestrict(path)}");

            if (file.Length > MaxBytes)
                throw Error(path, $"has {file.Length} bytes, {MaxBytes} are the most. Restore it from a backup or shorten it.");

            // One byte more than it has now: a file that grows meanwhile is not cut in silence.
            byte[] buffer = new byte[file.Length + 1];
            int length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return length < buffer.Length ? buffer[..length] : throw Error(path, "is being written by another program. Try again.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error(path, $"cannot be read: {e.Message}", e);
        }
    }

    private static KnownPeersState Parse(string path, byte[] bytes)
    {
        List<KnownPeersLine> lines = [];
        Dictionary<NodeId, int> seen = [];
        ReadOnlySpan<byte> rest = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes;
        while (!rest.IsEmpty)
        {
            int number = lines.Count + 1;
            if (number > MaxLines)
                throw Error(path, $"has more than {MaxLines} lines. Restore it from a backup or shorten it.");

            int end = rest.IndexOf((byte)'\n');
            string? wrong = KnownPeersText.Parse(end < 0 ? rest : rest[..end], out KnownPeersLine? line);
            if (line is null)
                throw Error(path, $"line {number}: {wrong}. Correct or remove the line.");

            if (line.Peer is { } peer && !seen.TryAdd(peer.Id, number))
                throw Error(path, $"line {number}: the key is that of line {seen[peer.Id]} already. Make one line of the two.");

            lines.Add(line);
            rest = end < 0 ? default : rest[(end + 1)..];
        }

        return KnownPeersState.Of(lines, SHA256.HashData(bytes));
    }

    private static MesharaException Error(string? path, string what, Exception? cause = null) =>
        new(MesharaErrorCode.DataDirectory, $"File '{path ?? "known_peers"}' {what}{(what.EndsWith('.') ? "" : ".")} It was left as it is.", innerException: cause);
}
