namespace Meshara.Benchmarks;

/// <summary>One way to get bytes from process to process.</summary>
internal interface ICandidate
{
    string Name { get; }

    /// <summary>Can it do this at all? A bare stream has one writer.</summary>
    bool Supports(Workload workload);

    /// <summary>The child process: listens, says where by <paramref name="ready"/> (no spaces), serves until cancelled.</summary>
    Task ServeAsync(string parent, Action<string> ready, CancellationToken cancellationToken);

    /// <summary>The parent process: what the child is told on its command line (no spaces).</summary>
    string Introduce();

    /// <summary>The parent process: connects to what the child said.</summary>
    Task<IClient> ConnectAsync(string address, CancellationToken cancellationToken);
}

/// <summary>The measuring side of a connection.</summary>
internal interface IClient : IAsyncDisposable
{
    /// <summary>Sends <paramref name="count"/> units and waits until the receiver has them all, or the echoes are here.</summary>
    /// <param name="workload">What to send.</param>
    /// <param name="count">How many.</param>
    /// <param name="roundTrips">Filled with the µs of each round trip; empty for the other shapes.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>From the first byte out to the receiver's word that it has all.</returns>
    Task<TimeSpan> RunAsync(Workload workload, long count, double[] roundTrips, CancellationToken cancellationToken);
}

internal static class Candidates
{
    public static IReadOnlyList<ICandidate> All { get; } =
    [
        new RawCandidate(),
        new RawCandidate(piped: true),
        new MesharaCandidate(),
        new Http2Candidate(),
        new WebSocketCandidate(),
        new Http2RequestsCandidate(),
    ];
}
