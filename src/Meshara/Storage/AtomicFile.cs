using System.Globalization;

namespace Meshara.Storage;

/// <summary>Writes a private file (mode 0600) so that others see nothing of it or all of it, also after a crash.</summary>
internal static class AtomicFile
{
    private const int MaxTemporaries = 1000;

    /// <summary>Creates the file; what exists at the path, a dangling link too, is never replaced.</summary>
    /// <returns>False: something exists there.</returns>
    /// <exception cref="IOException">It could not be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The directory is not writable.</exception>
    public static bool TryCreate(string path, ReadOnlySpan<byte> content)
    {
        if (Path.Exists(path))
            return false;

        string temporary = WriteTemporary(path, content);
        try
        {
            bool? linked = HardLink.TryCreate(temporary, path);
            if (linked is null)
            {
                // MoveFileEx without REPLACE_EXISTING on Windows: one of two racers wins there too.
                File.Move(temporary, path, overwrite: false);
            }
            else
            {
                File.Delete(temporary);
                if (linked is false)
                    return false;
            }
        }
        catch (IOException) when (Path.Exists(path))
        {
            File.Delete(temporary);
            return false;
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        SyncDirectory(path);
        return true;
    }

    /// <summary>Creates or replaces the file.</summary>
    /// <inheritdoc cref="TryCreate" path="/exception"/>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string temporary = WriteTemporary(path, content);
        try
        {
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        SyncDirectory(path);
    }

    private static string WriteTemporary(string path, ReadOnlySpan<byte> content)
    {
        using FileStream file = CreateTemporary(path, out string temporary);
        try
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
            if (FileRights.IsShared(file))
                throw new IOException($"The file system of '{path}' does not keep a file from other users; choose another place.");
        }
        catch
        {
            file.Dispose();
            File.Delete(temporary);
            throw;
        }

        return temporary;
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
            catch (IOException) when (i < MaxTemporaries && Path.Exists(temporary))
            {
            }
        }
    }

    private static void SyncDirectory(string path) => DirectorySync.Flush(Path.GetDirectoryName(Path.GetFullPath(path)) ?? path);
}
