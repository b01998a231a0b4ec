using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Meshara.Cli;

/// <summary>Standard output as what it is. The framework's own stream for it throws away in silence what a closed pipe does not take.</summary>
internal static class StandardOutput
{
    private const int Descriptor = 1;

    // POLLERR and POLLHUP: the reader of a pipe is gone. The values are those of Linux, macOS and the BSDs.
    private const short Gone = 0x8 | 0x10;

    /// <summary>Opens it. A pipe, unlike the framework's, throws <see cref="IOException"/> when its reader is gone, and disposing it is the end for the reader.</summary>
    public static Stream Open()
    {
        if (!OperatingSystem.IsWindows() && Console.IsOutputRedirected)
        {
            FileStream pipe = new(new SafeFileHandle(Descriptor, ownsHandle: true), FileAccess.Write, bufferSize: 0);
            if (!pipe.CanSeek)
            {
                return pipe;
            }

            // A file: the framework's stream writes where the shell's other commands left off, and a file has no reader to lose.
            pipe.SafeFileHandle.SetHandleAsInvalid();
        }

        return Console.OpenStandardOutput();
    }

    /// <summary>Whether standard output is a pipe whose reader is gone. False where that cannot be asked.</summary>
    public static bool IsBroken()
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }

        PollDescriptor poll = new() { Descriptor = Descriptor };
        return Poll(ref poll, 1, 0) > 0 && (poll.Returned & Gone) != 0;
    }

    [DllImport("libc", EntryPoint = "poll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Poll(ref PollDescriptor descriptors, nuint count, int timeout);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Wanted;
        public short Returned;
    }
}
