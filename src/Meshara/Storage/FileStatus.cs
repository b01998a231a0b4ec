using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Meshara.Storage;

/// <summary>What a name leads to.</summary>
internal enum FileKind
{
    /// <summary>A file with bytes in it.</summary>
    Regular,

    Directory,

    /// <summary>A pipe, with a name or without: what is read of it is gone, and opening it can wait for ever.</summary>
    Pipe,

    /// <summary>A device or a socket.</summary>
    Other,
}

/// <summary>Kind and owner of a file, by statx(2) of Linux: .NET tells neither, and opening a pipe to look at it may never return.</summary>
/// <param name="Kind">Links are followed.</param>
/// <param name="User">Its owner.</param>
/// <param name="Group">Its group.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct FileStatus(FileKind Kind, uint User, uint Group)
{
    private const int CurrentDirectory = -100;
    private const uint BasicStats = 0x7ff;
    private const int TypeMask = 0xf000, PipeType = 0x1000, DirectoryType = 0x4000, RegularType = 0x8000;

    /// <summary>Looks at a file without opening it.</summary>
    /// <returns>Null: nothing is there, or this system cannot say.</returns>
    public static FileStatus? Of(string path)
    {
        if (Directory.Exists(path))
        {
            return OnLinux(path) ?? new FileStatus(FileKind.Directory, 0, 0);
        }

        return OnLinux(path);
    }

    /// <summary>The kind of a file as words for people, where it is no regular one; null: it is one, or there is none, or this system cannot say.</summary>
    public static string? WhyNotRegular(string path) => Of(path)?.Kind switch
    {
        FileKind.Directory => "a directory",
        FileKind.Pipe => "a pipe",
        FileKind.Other => "a device or a socket",
        _ => null,
    };

    /// <summary>Gives an open file the owner and group of this status; where that is not allowed it keeps its own.</summary>
    public void GiveTo(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux())
        {
            // By its handle: whoever may write the directory could put a link in the place of the name.
            _ = ChangeOwner(file, User, Group);
        }
    }

    private static FileStatus? OnLinux(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        try
        {
            if (StatX(CurrentDirectory, path, 0, BasicStats, out Raw raw) != 0)
            {
                return null;
            }

            FileKind kind = (raw.Mode & TypeMask) switch
            {
                RegularType => FileKind.Regular,
                DirectoryType => FileKind.Directory,
                PipeType => FileKind.Pipe,
                _ => FileKind.Other,
            };
            return new FileStatus(kind, raw.User, raw.Group);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // A C library without it (musl before 1.2.5).
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "statx")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int StatX(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out Raw status);

    [DllImport("libc", EntryPoint = "fchown")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ChangeOwner(SafeFileHandle file, uint user, uint group);

    // struct statx of linux/stat.h, the same on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct Raw
    {
        [FieldOffset(20)]
        public readonly uint User;

        [FieldOffset(24)]
        public readonly uint Group;

        [FieldOffset(28)]
        public readonly ushort Mode;
    }
}
