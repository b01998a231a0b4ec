using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>What a process holds.</summary>
/// <param name="Resident">VmRSS, in bytes.</param>
/// <param name="Managed">The managed heap after a full collection, in bytes.</param>
internal sealed record ProcessMemory(long Resident, long Managed)
{
    /// <summary>Of this process, after everything that is garbage has been given back to the system.</summary>
    public static ProcessMemory Collect()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return new ProcessMemory(ResidentOf(Environment.ProcessId), GC.GetTotalMemory(forceFullCollection: true));
    }

    /// <summary>VmRSS of a process, in bytes.</summary>
    public static long ResidentOf(int process)
    {
        const string Field = "VmRSS:";
        string line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(Field, StringComparison.Ordinal));
        return long.Parse(line[Field.Length..^"kB".Length], CultureInfo.InvariantCulture) * 1024;
    }

    public static ProcessMemory Parse(string text)
    {
        string[] parts = text.Split(' ');
        return new ProcessMemory(long.Parse(parts[0], CultureInfo.InvariantCulture), long.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Resident} {Managed}");
}
