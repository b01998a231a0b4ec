using System.Globalization;
using System.Runtime.Versioning;

namespace Meshara.Storage;

/// <summary>Writes a private file (mode 0600) so that others see nothing of it or all of it, also after a crash.</summary>
internal static class AtomicFile
{
    private const int MaxTemporaries = 1000;

    /// <summary>Called before each step with the path of the file that is to be, for simulations, which may throw <see cref="KilledException"/>. Null: nobody.</summary>
    /// <remarks>Of the whole process: the path says whose it is, and whoever sets it clears it.</remarks>
    internal static Action<string, AtomicStep>? BeforeStep { get; set; }

    /// <summary>Creates the file; what exists at the path, a dangling link too, is never replaced.</summary>
    /// <returns>False: something exists there.</returns>
    /// <exception cref="IOException">It could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory is not writable.</exception>
    public static bool TryCreate(string path, ReadOnlySpan<byte> content)
    {
        string temporary = WriteTemporary(path, content);
        bool killed = false;
        try
        {
            BeforeStep?.Invoke(path, AtomicStep.Publish);
            if (OperatingSystem.IsWindows())
            {
                // MoveFileEx without REPLACE_EXISTING: of two racers one wins. On Unix File.Move looks first and renames then, and the second wins.
                File.Move(temporary, path, overwrite: false);
                return true;
            }

            bool created = HardLink.TryCreate(temporary, path) ?? TryWriteInPlace(path, content);
            if (created)
                SyncDirectory(path);

            return created;
        }
        catch (Exception e) when (OperatingSystem.IsWindows() && e is IOException or UnauthorizedAccessException && Path.Exists(path))
        {
            return false;
        }
        catch (KilledException)
        {
            killed = true;
            throw;
        }
        finally
        {
            if (!killed)
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>Creates or replaces the file.</summary>
    /// <inheritdoc cref="TryCreate" path="/exception"/>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string temporary = WriteTemporary(path, content);
        try
        {
            BeforeStep?.Invoke(path, AtomicStep.Publish);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is not KilledException)
        {
            File.Delete(temporary);
            throw;
        }

        SyncDirectory(path);
    }

    /// <summary>Replaces what stands in somebody's file; the file keeps its rights, and a link to it stays one. Its owner stays too where this process may give files away (root on Linux); else it belongs to this process's user on Unix.</summary>
    /// <inheritdoc cref="TryCreate" path="/exception"/>
    public static void Rewrite(string path, ReadOnlySpan<byte> content)
    {
        string target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        string temporary = WriteTemporary(target, content, like: target);
        try
        {
            BeforeStep?.Invoke(target, AtomicStep.Publish);
            if (OperatingSystem.IsWindows())
            {
                // ReplaceFile keeps the access control list.
                File.Replace(temporary, target, destinationBackupFileName: null);
            }
            else
            {
                File.Move(temporary, target, overwrite: true);
            }
        }
        catch (Exception e) when (e is not KilledException)
        {
            File.Delete(temporary);
            throw;
        }

        SyncDirectory(target);
    }

    private static string WriteTemporary(string path, ReadOnlySpan<byte> content, string? like = null)
    {
        BeforeStep?.Invoke(path, AtomicStep.CreateTemporary);
        using FileStream file = CreateTemporary(path, out string temporary);
        Fill(file, content, path);
        if (like is not null && !OperatingSystem.IsWindows())
        {
            TakeRights(file, like);
        }

        return temporary;
    }

    // Last of all: until here only this process's user could read or write it.
    [UnsupportedOSPlatform("windows")]
    private static void TakeRights(FileStream file, string like)
    {
        try
        {
            FileStatus.Of(like)?.GiveTo(file.SafeFileHandle);
            File.SetUnixFileMode(file.SafeFileHandle, File.GetUnixFileMode(like));
        }
        catch
        {
            file.Dispose();
            File.Delete(file.Name);
            throw;
        }
    }

    // Where there are no hard links: O_EXCL never replaces either, but a crash can leave half a file, which is then an error and no key.
    internal static bool TryWriteInPlace(string path, ReadOnlySpan<byte> content)
    {
        FileStream file;
        try
        {
            file = FileRights.CreatePrivate(path);
        }
        catch (IOException) when (Path.Exists(path))
        {
            return false;
        }

        using (file)
            Fill(file, content, path);

        return true;
    }

    // Deletes the file, which is ours, when it could not be written to its end.
    private static void Fill(FileStream file, ReadOnlySpan<byte> content, string path)
    {
        try
        {
            BeforeStep?.Invoke(path, AtomicStep.Write);
            file.Write(content);
            BeforeStep?.Invoke(path, AtomicStep.Flush);
            file.Flush(flushToDisk: true);
            if (FileRights.IsShared(file))
                throw new IOException($"The file system of '{file.Name}' does not keep a file from other users; choose another place.");
        }
        catch (Exception e) when (e is not KilledException)
        {
            file.Dispose();
            File.Delete(file.Name);
            throw;
        }
    }

    // Named by process and number; a name left behind by a crash, or held by a process 1 of another container, is passed over.
    private static FileStream CreateTemporary(string path, out string temporary)
    {
        for (int i = 0; ; i++)
        {
            temporary = string.Create(CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}-{i}.tmp");
            try
            {
                return FileRights.CreatePrivate(temporary);
            }
            catch (IOException e) when (i < MaxTemporaries && IsTaken(e))
            {
            }
        }
    }

    // EEXIST of Unix, ERROR_FILE_EXISTS. Looking at the file instead would miss one that its owner has just deleted.
    private static bool IsTaken(IOException e) => e.HResult is 17 or unchecked((int)0x80070050);

    private static void SyncDirectory(string path)
    {
        BeforeStep?.Invoke(path, AtomicStep.SyncDirectory);
        DirectorySync.Flush(Path.GetDirectoryName(Path.GetFullPath(path)) ?? path);
    }
}
