namespace Meshara.Testing.Engine;

/// <summary>The sentences for runs that go no further: each says what the scenario or a handler did, and what to do instead.</summary>
internal static class Watchdogs
{
    /// <summary>Nothing is queued, nothing is due, and the scenario has not ended.</summary>
    public static SimulationException NothingLeft(TimeSpan now) => new(
        $"At {now} of virtual time nothing is left to do and no timer is set, but the scenario has not ended: it waits for something outside of the simulation, or for a node that was killed. "
        + "Do real input and output in `await sim.OutsideAsync(() => …)`; give calls on a node its `Lifetime` token.");

    /// <summary>No step for long.</summary>
    public static SimulationException Stuck(TimeSpan real) => new(
        $"No step of the simulation for {real.TotalSeconds:F0} s of real time: something holds its only thread. A handler or the scenario blocks (`.Result`, `.Wait()`, `lock` across a wait, the synchronous Read or Write of a stream) or calculates without end. "
        + "Await instead.")
    { ThreadIsLost = true };

    /// <summary>Virtual time does not move.</summary>
    public static SimulationException TimeStands(TimeSpan now, long steps) => new(
        $"{steps} steps at one virtual instant, {now}: something loops without a delay, so that virtual time cannot go on. Wait in the loop: `await Task.Delay(…, sim.Time)`.");

    /// <summary>A callback of a timer threw.</summary>
    public static SimulationException CallbackThrew(Exception e) => new(
        $"The callback of a timer threw {e.GetType().Name}: {e.Message} On the system's timers that ends the process.", e);

    /// <summary>Work is left that does not end.</summary>
    public static SimulationException GoesOn(Exception? why) => why is null
        ? new SimulationException("The scenario has ended and all nodes are killed, but something goes on and on: a loop without a delay, which nobody stopped.") { ThreadIsLost = true }
        : new SimulationException(why.Message, why) { Violation = (why as SimulationException)?.Violation, ThreadIsLost = true };

    /// <summary>The pool was used before.</summary>
    public static SimulationException ManyThreads(int threads) => new(
        $"The thread pool has {threads} threads; a simulation needs one, from the start of its process. Something used the pool before: start the simulation first in Main, without awaiting anything, or let `SimulationProcess.RunAsync` start a process for it.");

    /// <summary>A step ran elsewhere.</summary>
    public static SimulationException OtherThread() => new(
        "A step ran on another thread than the one before: something in this process has raised the limit of the thread pool (`ThreadPool.SetMaxThreads`). Nothing in a simulation may.");
}
