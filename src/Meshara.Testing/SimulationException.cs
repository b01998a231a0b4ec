namespace Meshara.Testing;

/// <summary>A simulation came to a wrong end: an invariant did not hold, an assertion of the scenario failed, or the run itself could not go on.</summary>
/// <remarks><see cref="Exception.Message"/> is for people: thrown by <see cref="SimulationProcess"/> it is the whole report, with the seed and the command that replays it.</remarks>
public sealed class SimulationException : Exception
{
    /// <summary>Creates one without a text.</summary>
    public SimulationException()
    {
    }

    /// <summary>Creates one.</summary>
    /// <param name="message">What is wrong, for people.</param>
    public SimulationException(string message)
        : base(message)
    {
    }

    /// <summary>Creates one with its cause.</summary>
    /// <param name="message">What is wrong, for people.</param>
    /// <param name="innerException">What led to it.</param>
    public SimulationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The invariant that did not hold and the nodes concerned; null: something else.</summary>
    internal Checks.Violation? Violation { get; init; }

    /// <summary>Whether this process can run no other simulation: its only thread does not come back.</summary>
    internal bool ThreadIsLost { get; init; }
}
