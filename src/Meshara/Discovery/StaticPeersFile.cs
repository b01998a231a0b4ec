using System.Runtime.InteropServices;
using Meshara.Storage;

namespace Meshara.Discovery;

/// <summary>A static peers file on disk. One owner; every call blocks.</summary>
/// <param name="path">The file; a link is followed.</param>
internal sealed class StaticPeersFile(string path)
{
    /// <summary>The full path.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>What says whether the file is another one than before, without reading it.</summary>
    public FileStamp Stamp()
    {
        try
        {
            // Looked at before it is opened: to open a pipe may take for ever.
            if (FileStatus.WhyNotRegular(Path) is not null)
            {
                return default;
            }

            using FileStream file = Open();
            return new FileStamp(true, file.Length, File.GetLastWriteTimeUtc(file.SafeFileHandle), File.GetCreationTimeUtc(file.SafeFileHandle));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return default;
        }
    }

    /// <summary>Reads it.</summary>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.StaticPeersFile"/>; the message names the file, the line and the column.</exception>
    public StaticPeersContent? Read()
    {
        if (ReadBytes() is not { } bytes)
        {
            return null;
        }

        return StaticPeersText.Parse(bytes, needsIds: true, out IReadOnlyList<StaticPeer> peers) is { } fault
            ? throw Error(fault.ToString())
            : new StaticPeersContent(bytes, peers);
    }

    /// <summary>Writes other addresses into it, atomically; nothing else in it changes.</summary>
    /// <param name="read">What <see cref="Read"/> gave: if the file is another one by now, nothing is written.</param>
    /// <param name="changes">Entries of it and where their peers are now.</param>
    /// <returns>What stands there now; null: the file is another one by now.</returns>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.StaticPeersFile"/>: it cannot be written, and is as it was.</exception>
    public StaticPeersContent? Write(StaticPeersContent read, IReadOnlyList<(StaticPeer Peer, PeerAddress Now)> changes)
    {
        byte[] changed = StaticPeersText.Change(read.Bytes, changes);
        if (StaticPeersText.Parse(changed, needsIds: true, out IReadOnlyList<StaticPeer> peers) is { } fault)
        {
            // Two peers that say that they are at one address, for instance.
            throw Error($"it would be wrong with the new address, {fault}");
        }

        try
        {
            if (ReadBytes()?.AsSpan().SequenceEqual(read.Bytes) != true)
            {
                return null;
            }

            AtomicFile.Rewrite(Path, changed);
            return new StaticPeersContent(changed, peers);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error($"it cannot be written: {e.Message.TrimEnd('.')}. The node needs the right to write the file and its directory", e);
        }
    }

    private FileStream Open() => new(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);

    private byte[]? ReadBytes()
    {
        try
        {
            if (FileStatus.WhyNotRegular(Path) is { } kind)
            {
                throw Error($"it is {kind}. Name a regular file");
            }

            using FileStream file = Open();
            if (!file.CanSeek)
            {
                throw Error("it is a pipe or a device. Name a regular file");
            }

            if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(file.SafeFileHandle).HasFlag(UnixFileMode.OtherWrite))
            {
                // Of the same group may: with the usual umask of many systems each file is so.
                throw Error($"it can be changed by everybody, who could let anybody join. Run: chmod o-w '{Path}'");
            }

            // One byte more than may be: a larger one is seen to be too large, and not read.
            byte[] buffer = new byte[Math.Min(file.Length, StaticPeersText.MaxBytes) + 1];
            int length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return length < buffer.Length ? buffer[..length]
                : throw Error(file.Length > StaticPeersText.MaxBytes
                    ? $"it has {file.Length} bytes, {StaticPeersText.MaxBytes} are the most. Shorten it"
                    : "it is being written by another program. Try again");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error($"it cannot be read: {e.Message.TrimEnd('.')}. Let the node's user read it", e);
        }
    }

    private MesharaException Error(string what, Exception? cause = null) =>
        new(MesharaErrorCode.StaticPeersFile, $"Static peers file '{Path}': {what}.", innerException: cause);
}

/// <summary>What was read of a static peers file.</summary>
/// <param name="Bytes">All of it.</param>
/// <param name="Peers">In its order.</param>
internal sealed record StaticPeersContent(byte[] Bytes, IReadOnlyList<StaticPeer> Peers);

/// <summary>Tells one state of a file from another; the default: there is none.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FileStamp(bool Exists, long Length, DateTime Written, DateTime Created);
