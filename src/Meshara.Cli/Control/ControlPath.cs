using System.Text;

namespace Meshara.Cli.Control;

/// <summary>Where the control socket of a data directory is.</summary>
/// <remarks>
/// <c>control.sock</c> in the directory. A socket's path has room for about 100 bytes (108 on Linux, 104 on macOS, the zero included);
/// where the directory's path is longer, the socket is in a private directory with a short name, and <c>control.path</c> holds its path.
/// </remarks>
internal static class ControlPath
{
    /// <summary>Longest path of a socket, in bytes of UTF-8.</summary>
    public const int Longest = 100;

    private const string SocketName = "control.sock";
    private const string PointerName = "control.path";

    // 0700: the directory is what keeps other users out.
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>The path of the socket within the data directory.</summary>
    public static string Direct(string dataDirectory) => Path.Combine(dataDirectory, SocketName);

    public static bool Fits(string path) => Encoding.UTF8.GetByteCount(path) <= Longest;

    /// <summary>The path on which a running node would listen; null when none has left one.</summary>
    /// <exception cref="UnauthorizedAccessException">This user may not look into the directory.</exception>
    public static string? Find(string dataDirectory)
    {
        string pointer = Path.Combine(dataDirectory, PointerName);
        if (Exists(pointer))
        {
            string path = File.ReadAllText(pointer).Trim();

            // After a crash the short directory may be gone and its name taken by somebody else; only a private one is ours.
            return Exists(path) && IsPrivate(Path.GetDirectoryName(path)) ? path : null;
        }

        string direct = Direct(dataDirectory);
        return Exists(direct) ? direct : null;
    }

    /// <summary>Makes a private directory with a short name and writes the path of a socket in it into the data directory.</summary>
    /// <exception cref="CliException">No short place can be found.</exception>
    public static string CreateShort(string dataDirectory)
    {
        foreach (string root in ShortRoots().Where(Directory.Exists))
        {
            // The name cannot be guessed, so nobody can have made the directory before us.
            string directory = Path.Combine(root, $"meshara-{Path.GetRandomFileName()}");
            string path = Path.Combine(directory, SocketName);
            if (!Fits(path))
            {
                continue;
            }

            CreatePrivate(directory);
            File.WriteAllText(Path.Combine(dataDirectory, PointerName), path + "\n");
            return path;
        }

        throw new CliException($"The path of the control socket, {Direct(dataDirectory)}, is longer than {Longest} bytes, and no shorter place was found: take a shorter --data.");
    }

    /// <summary>Removes a socket, and what <see cref="CreateShort"/> made for it.</summary>
    public static void Remove(string dataDirectory, string path)
    {
        File.Delete(path);
        if (path != Direct(dataDirectory))
        {
            Forget(dataDirectory);
            Directory.Delete(Path.GetDirectoryName(path)!);
        }
    }

    /// <summary>Removes a pointer that an earlier node left.</summary>
    public static void Forget(string dataDirectory) => File.Delete(Path.Combine(dataDirectory, PointerName));

    // File.Exists says no as well where nobody may look.
    private static bool Exists(string path)
    {
        try
        {
            _ = File.GetAttributes(path);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }

    private static IEnumerable<string> ShortRoots()
    {
        // The user's own run-time directory first: nobody else can write there.
        if (Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime && Path.IsPathRooted(runtime))
        {
            yield return runtime;
        }

        yield return Path.GetTempPath();
        if (!OperatingSystem.IsWindows())
        {
            yield return "/tmp";
        }
    }

    private static void CreatePrivate(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            // The temporary directory of Windows is the user's own already.
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, Private);
        }
    }

    private static bool IsPrivate(string? directory) =>
        directory is not null && (OperatingSystem.IsWindows() || File.GetUnixFileMode(directory) == Private);
}
