using System.Runtime.InteropServices;

namespace Meshara.Cli.Running;

/// <summary>Ctrl-C, SIGTERM and a closed terminal: the first asks for a clean end, another one ends at once.</summary>
/// <remarks>What comes within a second of the first is the same word said twice: coreutils' <c>timeout</c> and shells signal a process and its group.</remarks>
internal sealed class StopSignals : IDisposable
{
    private static readonly TimeSpan SameWord = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop;
    private long _firstAt;
    private readonly List<PosixSignalRegistration> _registrations = [];

    public StopSignals(TimeProvider time, CancellationToken alsoStop)
    {
        _time = time;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(alsoStop);
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }
    }

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Ends for another reason.</summary>
    public void Stop() => _stop.Cancel();

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _stop.Dispose();
    }

    /// <summary>A signal came.</summary>
    /// <returns>Whether the process goes on to its clean end; false: it ends at once.</returns>
    internal bool Heed()
    {
        if (Interlocked.CompareExchange(ref _firstAt, _time.GetTimestamp(), 0) is not 0 and long first)
        {
            return _time.GetElapsedTime(first) < SameWord;
        }

        _stop.Cancel();
        return true;
    }

    private void OnSignal(PosixSignalContext context) => context.Cancel = Heed();
}
