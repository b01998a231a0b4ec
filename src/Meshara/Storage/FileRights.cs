namespace Meshara.Storage;

/// <summary>Who may read and write a file: mode bits on Unix, the access control list on Windows.</summary>
internal static class FileRights
{
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode PrivateDirectory = PrivateFile | UnixFileMode.UserExecute;
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
    private const UnixFileMode OthersRead = UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Creates a file for its owner only, from the first byte on.</summary>
    /// <exception cref="IOException">It exists (a link counts), or cannot be created.</exception>
    public static FileStream CreatePrivate(string path)
    {
        if (OperatingSystem.IsWindows())
            return WindowsRights.CreatePrivate(path);

        return new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 0,
            UnixCreateMode = PrivateFile,
        });
    }

    /// <summary>Creates a directory for its owner only, and what is missing above it; an existing one is left as it is.</summary>
    public static void CreatePrivateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
            WindowsRights.CreatePrivateDirectory(path);
        else
            Directory.CreateDirectory(path, PrivateDirectory);
    }

    /// <summary>Whether somebody but the owner may read or write the open file.</summary>
    public static bool IsShared(FileStream file) =>
        OperatingSystem.IsWindows() ? WindowsRights.IsShared(file) : (File.GetUnixFileMode(file.SafeFileHandle) & (OthersRead | OthersWrite)) != UnixFileMode.None;

    /// <summary>Whether somebody but the owner may write the open file.</summary>
    public static bool IsWritableByOthers(FileStream file) =>
        OperatingSystem.IsWindows() ? WindowsRights.IsWritableByOthers(file) : (File.GetUnixFileMode(file.SafeFileHandle) & OthersWrite) != UnixFileMode.None;

    /// <summary>Whether somebody but the owner may create, rename or delete files in the directory.</summary>
    public static bool IsDirectoryWritableByOthers(string path) =>
        OperatingSystem.IsWindows() ? WindowsRights.IsDirectoryWritableByOthers(path) : (File.GetUnixFileMode(path) & OthersWrite) != UnixFileMode.None;

    /// <summary>The command that takes the rights of others away.</summary>
    public static string HowToRestrict(string path, bool isDirectory = false) =>
        OperatingSystem.IsWindows()
            ? $"icacls \"{path}\" /inheritance:r /grant:r \"%USERNAME%:{(isDirectory ? "(OI)(CI)F" : "F")}\""
            : $"chmod {(isDirectory ? "700" : "600")} '{path}'";
}
