namespace Meshara.Benchmarks;

/// <summary>What is sent and what comes back.</summary>
internal enum Shape : byte
{
    /// <summary>Bytes one way, written 64 KiB at a time.</summary>
    Bulk,

    /// <summary>Messages one way.</summary>
    Messages,

    /// <summary>Message and echo, one after the other.</summary>
    RoundTrip,

    /// <summary>Messages and echoes, many under way at a time.</summary>
    InFlight,
}

/// <summary>One line of the comparison.</summary>
/// <param name="Name">For people.</param>
/// <param name="Shape">What is sent.</param>
/// <param name="Size">Bytes of a message or of a write.</param>
/// <param name="Concurrency">Producers of messages, or requests under way.</param>
internal sealed record Workload(string Name, Shape Shape, int Size, int Concurrency)
{
    public const int BulkWrite = 64 * 1024;

    /// <summary>The most that are under way at a time.</summary>
    public const int Most = 1000;

    public static IReadOnlyList<Workload> All { get; } =
    [
        new("bulk, 64 KiB writes", Shape.Bulk, BulkWrite, 1),
        new("64 B messages, 1 producer", Shape.Messages, 64, 1),
        new("64 B messages, 4 producers", Shape.Messages, 64, 4),
        new("1 KiB messages, 1 producer", Shape.Messages, 1024, 1),
        new("1 KiB messages, 4 producers", Shape.Messages, 1024, 4),
        new("16 KiB messages, 1 producer", Shape.Messages, 16 * 1024, 1),
        new("16 KiB messages, 4 producers", Shape.Messages, 16 * 1024, 4),
        new("64 B round trip", Shape.RoundTrip, 64, 1),
        new("64 B requests, 1,000 in flight", Shape.InFlight, 64, Most),
    ];

    /// <summary>A bare stream has one writer: several producers need something that lets them in one at a time.</summary>
    public bool HasOneWriter => Shape != Shape.Messages || Concurrency == 1;

    /// <summary>As many workers as the workload has, with even shares of the units; a remainder goes to the first.</summary>
    public Task ShareAsync(long count, Func<long, Task> work) =>
        Task.WhenAll(Enumerable.Range(0, Concurrency).Select(worker => Task.Run(() => work((count / Concurrency) + (worker == 0 ? count % Concurrency : 0)))));

    /// <summary>The rate of this many units in this time: MB/s (10^6 bytes) for bulk, units a second for the rest.</summary>
    public double Rate(long count, TimeSpan elapsed) =>
        Shape == Shape.Bulk ? count * (double)Size / elapsed.TotalSeconds / 1e6 : count / elapsed.TotalSeconds;
}

/// <summary>One measurement.</summary>
/// <param name="Elapsed">From the first byte out to the receiver's word that it has all.</param>
/// <param name="RoundTrips">Each round trip in µs; empty for the other shapes.</param>
/// <param name="Used">By both processes.</param>
internal sealed record Sample(TimeSpan Elapsed, double[] RoundTrips, Usage Used);
