using System.Security.Cryptography;
using System.Text;

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
    private volatile State _state;

    private KnownPeersFile(string? path, State state)
    {
        _path = path;
        _state = state;
    }

    /// <summary>All pins in the order of the file; a snapshot.</summary>
    public IReadOnlyList<KnownPeer> All => _state.Peers;

    /// <summary>Reads the file; one that does not exist is empty and is created by the first <see cref="Add"/>.</summary>
    /// <param name="path">The file; null: in memory only.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>; the message names file and line.</exception>
    public static KnownPeersFile Load(string? path) => new(path, path is null ? State.Empty : Parse(path, ReadBytes(path)));

    /// <summary>The pin of an id; null: none.</summary>
    public KnownPeer? Find(NodeId id) => _state.ById.TryGetValue(id, out KnownPeer? peer) ? peer : null;

    /// <summary>The pin that has this host and port; null: none.</summary>
    public KnownPeer? FindByAddress(PeerAddress address) =>
        _state.Peers.FirstOrDefault(p => p.Addresses.Any(a => a.Port == address.Port && a.Host == address.Host));

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
            State state = Refresh();
            List<KnownPeersLine> lines = [.. state.Lines];
            bool taken = takeAddresses && wanted.Addresses is [{ } proven, ..] && TakeFromOthers(lines, wanted.Id, proven.HostAndPort);
            taken |= ForgetPrevious(lines, wanted.Id);
            int index = lines.FindIndex(l => l.Peer?.Id == wanted.Id);
            wanted = wanted with { Previous = index < 0 ? [] : lines[index].Peer!.Previous };
            if (!taken && index >= 0 && lines[index].Peer == wanted)
            {
                _state = state;
                return false;
            }

            if (index >= 0)
                lines[index] = KnownPeersText.Format(wanted, lines[index].Extra, lines[index].Comment);
            else
                lines.Add(KnownPeersText.Format(wanted, [], ""));

            Store(lines, withHeader: state.Lines.Count == 0);
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
            State state = Refresh();
            if (!state.ById.TryGetValue(old, out KnownPeer? peer))
            {
                _state = state;
                return false;
            }

            List<KnownPeersLine> lines = [.. state.Lines.Where(l => l.Peer is null || l.Peer.Id == old || l.Peer.Id != key.Id)];
            int index = lines.FindIndex(l => l.Peer?.Id == old);
            KnownPeer renewed = Normalize(peer with { Key = key, Addresses = [.. peer.Addresses.Select(a => a with { Id = null })], Previous = [] });
            lines[index] = KnownPeersText.Format(renewed, lines[index].Extra, lines[index].Comment);
            _ = ForgetPrevious(lines, key.Id);
            Store(lines, withHeader: false);
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
            State state = Refresh();
            List<KnownPeersLine> lines = [.. state.Lines];
            int from = lines.FindIndex(l => l.Peer?.Id == old), to = lines.FindIndex(l => l.Peer?.Id == key.Id);
            if (from < 0 && to < 0 && !createIfMissing)
            {
                _state = state;
                return false;
            }

            KnownPeer? first = from < 0 ? null : lines[from].Peer, second = to < 0 ? null : lines[to].Peer;
            KnownPeer merged = Merge(first, second, key, new PreviousKey(old, until.AddTicks(-(until.Ticks % TimeSpan.TicksPerSecond))));
            KnownPeersLine? kept = from >= 0 ? lines[from] : to >= 0 ? lines[to] : null;
            KnownPeersLine line = KnownPeersText.Format(merged, [.. kept?.Extra ?? [], .. from >= 0 && to >= 0 ? lines[to].Extra : []], kept?.Comment ?? "");
            if (kept is null)
                lines.Add(line);
            else
                lines[from >= 0 ? from : to] = line;

            if (from >= 0 && to >= 0)
                lines.RemoveAt(to);

            Store(lines, withHeader: state.Lines.Count == 0);
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
            State state = Refresh();
            List<KnownPeersLine> lines = [.. state.Lines];
            if (lines.RemoveAll(l => l.Peer?.Id == id) == 0)
            {
                _state = state;
                return false;
            }

            Store(lines, withHeader: false);
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
    private static bool ForgetPrevious(List<KnownPeersLine> lines, NodeId id)
    {
        bool changed = false;
        for (int i = 0; i < lines.Count; i++)
        {
            if (lines[i].Peer is { } peer && peer.Previous.Any(p => p.Id == id))
            {
                lines[i] = KnownPeersText.Format(peer with { Previous = [.. peer.Previous.Where(p => p.Id != id)] }, lines[i].Extra, lines[i].Comment);
                changed = true;
            }
        }

        return changed;
    }

    private static bool TakeFromOthers(List<KnownPeersLine> lines, NodeId owner, string hostAndPort)
    {
        bool changed = false;
        for (int i = 0; i < lines.Count; i++)
        {
            if (lines[i].Peer is { } other && other.Id != owner && other.Addresses.Any(a => a.HostAndPort == hostAndPort))
            {
                KnownPeer without = other with { Addresses = [.. other.Addresses.Where(a => a.HostAndPort != hostAndPort)] };
                lines[i] = KnownPeersText.Format(without, lines[i].Extra, lines[i].Comment);
                changed = true;
            }
        }

        return changed;
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
    private State Refresh()
    {
        if (_path is null)
            return _state;

        byte[] bytes = ReadBytes(_path);
        return SHA256.HashData(bytes).AsSpan().SequenceEqual(_state.Hash) ? _state : Parse(_path, bytes);
    }

    private void Store(List<KnownPeersLine> lines, bool withHeader)
    {
        if (withHeader && _path is not null)
            lines.InsertRange(0, KnownPeersText.Header.Split('\n').Select(text => new KnownPeersLine(text.TrimEnd('\r'), null, [], "")));

        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(lines.Select(l => l.Text + "\n")));
        if (lines.Count > MaxLines || bytes.Length > MaxBytes)
            throw Error(_path, $"is full: it may have {MaxLines} lines and {MaxBytes} bytes. Remove peers first.");

        if (_path is not null)
        {
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

        _state = new State(lines, SHA256.HashData(bytes));
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

    private static State Parse(string path, byte[] bytes)
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

        return new State(lines, SHA256.HashData(bytes));
    }

    private static MesharaException Error(string? path, string what, Exception? cause = null) =>
        new(MesharaErrorCode.DataDirectory, $"File '{path ?? "known_peers"}' {what}{(what.EndsWith('.') ? "" : ".")} It was left as it is.", innerException: cause);

    private sealed class State
    {
        public static readonly State Empty = new([], SHA256.HashData([]));

        public State(IReadOnlyList<KnownPeersLine> lines, byte[] hash)
        {
            Lines = lines;
            Hash = hash;
            Peers = [.. lines.Select(l => l.Peer).OfType<KnownPeer>()];
            ById = Peers.ToDictionary(p => p.Id);
        }

        public IReadOnlyList<KnownPeersLine> Lines { get; }

        public byte[] Hash { get; }

        public IReadOnlyList<KnownPeer> Peers { get; }

        public Dictionary<NodeId, KnownPeer> ById { get; }
    }
}
