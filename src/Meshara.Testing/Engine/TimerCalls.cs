using System.Runtime.CompilerServices;

namespace Meshara.Testing.Engine;

/// <summary>What all timers of a simulation have in common with the system's.</summary>
internal static class TimerCalls
{
    // As the system's timers: 49.7 days.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    /// <summary>Calls back in the context in which the timer was made.</summary>
    public static void Call(ExecutionContext? context, TimerCallback callback, object? state)
    {
        if (context is null)
        {
            callback(state);
            return;
        }

        ExecutionContext.Run(context, static pair =>
        {
            (TimerCallback call, object? with) = ((TimerCallback, object?))pair!;
            call(with);
        }, (callback, state));
    }

    /// <summary>Takes the times that the system's timers take.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A time that the system's timers do not take either.</exception>
    public static void Check(TimeSpan dueTime, TimeSpan period)
    {
        Check(dueTime);
        Check(period);
    }

    private static void Check(TimeSpan value, [CallerArgumentExpression(nameof(value))] string? name = null)
    {
        if (value != Timeout.InfiniteTimeSpan)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero, name);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Longest, name);
        }
    }
}
