using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Meshara.Fuzz.Hooks;
using Microsoft.Win32.SafeHandles;

namespace Meshara.Fuzz.Engine;

/// <summary>AFL++ as the engine. It asks for runs through two pipes and looks at a map in shared memory (its fork server protocol); here a worker process makes run after run, and a
/// new one is started where it died.</summary>
internal static partial class AflServer
{
    // Fixed by AFL: from it, and to it.
    private const int Requests = 198, Statuses = 199;

    // FS_OPT_ENABLED, FS_OPT_MAPSIZE and the size of the map, less one, from bit 1 on.
    private const uint Hello = 0x80000001 | 0x40000000 | ((MapSize - 1) << 1);
    private const uint MapSize = 1 << 16;

    // As wait() gives them: ended by SIGABRT, by SIGKILL.
    private const int Aborted = 6, Killed = 9;

    /// <summary>Answers AFL until it closes the pipe.</summary>
    public static int Serve(string target, string path)
    {
        using FileStream requests = new(new SafeFileHandle(Requests, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        using FileStream statuses = new(new SafeFileHandle(Statuses, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        using SafeFileHandle input = new(0, ownsHandle: false);
        using SharedPage page = SharedPage.Open(path);
        Write(statuses, unchecked((int)Hello));
        Process? worker = null;
        byte[] request = new byte[4], bytes = new byte[1 << 20];
        for (long run = 1; requests.ReadAtLeast(request, 4, throwOnEndOfStream: false) == 4; run++)
        {
            worker ??= Start(target, path);
            Write(statuses, worker.Id);
            page.Write(run, bytes.AsSpan(0, ReadAll(input, bytes)));
            int answer = Ask(worker);
            if (answer < 0)
            {
                worker.WaitForExit();
                answer = worker.ExitCode == 128 + Killed ? Killed : Aborted;
                worker.Dispose();
                worker = null;
            }

            Write(statuses, answer);
        }

        worker?.Kill();
        return 0;
    }

    /// <summary>Makes one run for each byte on standard input.</summary>
    public static int Work(FuzzTarget target, string path)
    {
        nint map = Attach(int.Parse(Environment.GetEnvironmentVariable("__AFL_SHM_ID")!, CultureInfo.InvariantCulture), 0, 0);
        if (map == -1)
            return 2;
        using SharedPage page = SharedPage.Open(path);
        using Stream asked = Console.OpenStandardInput(), answers = Console.OpenStandardOutput();

        // Static constructors are no news.
        foreach (byte[] seed in target.Seeds)
            FuzzRun.Try(target, seed);
        Coverage.CountIn(map);
        while (asked.ReadByte() >= 0)
        {
            Coverage.Forget();
            answers.WriteByte(FuzzRun.Try(target, page.Input) is null ? (byte)0 : (byte)Aborted);
            answers.Flush();
        }

        return 0;
    }

    /// <summary>Writes what a run begins from, a file each.</summary>
    public static int Export(FuzzTarget target, string folder)
    {
        Directory.CreateDirectory(folder);
        foreach ((int number, byte[] input) in target.Seeds.Concat(FuzzFolder.Corpus(target.Name)).Where(static input => input.Length > 0).Index())
            File.WriteAllBytes(Path.Combine(folder, number.ToString("d4", CultureInfo.InvariantCulture)), input);
        return 0;
    }

    private static Process Start(string target, string path)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "Meshara.Fuzz.dll"), "afl-work", target, path])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    // Below 0: it has ended.
    private static int Ask(Process worker)
    {
        try
        {
            worker.StandardInput.BaseStream.WriteByte(1);
            worker.StandardInput.BaseStream.Flush();
            return worker.StandardOutput.BaseStream.ReadByte();
        }
        catch (IOException)
        {
            return -1;
        }
    }

    // AFL has set the offset back to the beginning.
    private static int ReadAll(SafeFileHandle file, byte[] bytes)
    {
        int length = 0;
        while (RandomAccess.Read(file, bytes.AsSpan(length), length) is > 0 and int read)
            length += read;
        return length;
    }

    private static void Write(FileStream to, int value)
    {
        to.Write(BitConverter.GetBytes(value));
        to.Flush();
    }

    [LibraryImport("libc", EntryPoint = "shmat", SetLastError = true)]
    private static partial nint Attach(int id, nint address, int flags);
}
