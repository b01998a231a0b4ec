using System.Text;

namespace Meshara.Storage;

/// <summary>A node's directory, held for this process alone as long as the object lives.</summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The identity key.</summary>
    public string IdentityPath => IdentityPathOf(Path);

    /// <summary>The pins.</summary>
    public string KnownPeersPath => KnownPeersPathOf(Path);

    /// <summary>The port a node got when it asked for none.</summary>
    public string PortPath => System.IO.Path.Combine(Path, "port");

    /// <summary>The number of the node's last own peer record.</summary>
    public string SequencePath => System.IO.Path.Combine(Path, "sequence");

    /// <summary>Where the identity key of a directory is; needs no lock.</summary>
    public static string IdentityPathOf(string directory) => System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), "identity.pem");

    /// <summary>Where the pins of a directory are; needs no lock.</summary>
    public static string KnownPeersPathOf(string directory) => System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), "known_peers");

    /// <summary>Creates the directory if need be (mode 0700), and takes it for this process.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>: it cannot be created or used, or others can write
    /// in it. <see cref="MesharaErrorCode.DataDirectoryInUse"/>: another process has it; the message says which.</exception>
    public static DataDirectory Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        Create(full);
        FileStream held = Lock(full);
        try
        {
            AtomicFile.Replace(
                System.IO.Path.Combine(full, DirectoryHolder.OwnerName),
                Encoding.UTF8.GetBytes($"process {Environment.ProcessId} ({ProgramName(Environment.ProcessPath, AppDomain.CurrentDomain.FriendlyName)}) on {Environment.MachineName}\n"));
            return new DataDirectory(full, held);
        }
        catch (Exception e)
        {
            held.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw Error(full, $"cannot be written: {e.Message}", e);

            throw;
        }
    }

    /// <summary>Lets other processes have the directory.</summary>
    public void Dispose()
    {
        if (_lock.SafeFileHandle.IsClosed)
        {
            // Once only: by now the text may be another's.
            return;
        }

        try
        {
            File.Delete(System.IO.Path.Combine(Path, DirectoryHolder.OwnerName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Stale text does no harm: only the lock decides.
        }

        // The file itself stays: who deletes a lock file takes it from somebody who has just opened it.
        _lock.Dispose();
    }

    /// <summary>What a user knows the program by: the name of its executable; where that is the .NET host, the name of the assembly.</summary>
    public static string ProgramName(string? processPath, string assembly)
    {
        string name = System.IO.Path.GetFileName(processPath) ?? "";
        name = name.EndsWith(".exe", StringComparison.OrdinalIgnoreCase) ? name[..^4] : name;
        return name is "" or "dotnet" ? assembly : name;
    }

    /// <summary>Creates a directory for its owner only; refuses what exists if others can write in it.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.DataDirectory"/>.</exception>
    public static void Create(string full)
    {
        try
        {
            if (File.Exists(full))
                throw Error(full, "is a file. Name a directory.");

            FileRights.CreatePrivateDirectory(full);
            if (FileRights.IsDirectoryWritableByOthers(full))
                throw Error(full, $"can be changed by other users, who could replace the key in it. Run: {FileRights.HowToRestrict(full, isDirectory: true)}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error(full, $"cannot be created: {e.Message}", e);
        }
    }

    private static FileStream Lock(string full)
    {
        string path = System.IO.Path.Combine(full, DirectoryHolder.LockName);
        FileStream held;
        try
        {
            held = OpenExclusively(path);
        }
        catch (IOException e) when (DirectoryHolder.IsSharingViolation(e))
        {
            throw new MesharaException(
                MesharaErrorCode.DataDirectoryInUse,
                $"Data directory '{full}' is in use by {DirectoryHolder.Named(full)}. Stop it, or give this node a directory of its own.",
                isTransient: true, innerException: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error(full, $"cannot be locked: {e.Message}", e);
        }

        if (!LocksWork(path))
        {
            held.Dispose();
            throw Error(full, "is on a file system that cannot lock files, so two nodes could share one key. Put it on a local disk.");
        }

        return held;
    }

    // Where locks do nothing (some network file systems, DOTNET_SYSTEM_IO_DISABLEFILELOCKING) a second open succeeds.
    private static bool LocksWork(string path)
    {
        try
        {
            OpenExclusively(path).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    // On Unix the framework makes this flock(LOCK_EX | LOCK_NB), which ends with the process, however it ends.
    private static FileStream OpenExclusively(string path)
    {
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        return new FileStream(path, options);
    }

    private static MesharaException Error(string path, string what, Exception? cause = null) =>
        new(MesharaErrorCode.DataDirectory, $"Data directory '{path}' {what}", innerException: cause);
}
