namespace Meshara.Benchmarks;

/// <summary>What a process, or two together, took of the machine.</summary>
/// <param name="Cpu">Processor time, of programs and of the kernel for them.</param>
/// <param name="Allocated">Bytes allocated for objects.</param>
internal sealed record Usage(TimeSpan Cpu, long Allocated)
{
    /// <summary>Of this process since its start.</summary>
    public static Usage Now => new(Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));

    public static Usage operator +(Usage a, Usage b) => new(a.Cpu + b.Cpu, a.Allocated + b.Allocated);

    public static Usage operator -(Usage a, Usage b) => new(a.Cpu - b.Cpu, a.Allocated - b.Allocated);

    /// <summary>As one line for the other process.</summary>
    public string Write() => $"{Cpu.Ticks} {Allocated}";

    /// <summary>What <see cref="Write"/> wrote.</summary>
    public static Usage Parse(string line)
    {
        string[] parts = line.Split(' ');
        return new Usage(TimeSpan.FromTicks(long.Parse(parts[0])), long.Parse(parts[1]));
    }
}
