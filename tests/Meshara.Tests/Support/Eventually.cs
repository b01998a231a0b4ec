namespace Meshara.Tests.Support;

/// <summary>Waits for what another task is about to do, where nothing else tells.</summary>
internal static class Eventually
{
    /// <summary>Until <paramref name="condition"/> holds; throws after 20 s.</summary>
    public static async Task TrueAsync(Func<bool> condition)
    {
        using CancellationTokenSource guard = new(TimeSpan.FromSeconds(20), TimeProvider.System);
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, guard.Token);
        }
    }

    /// <inheritdoc cref="TrueAsync(Func{bool})"/>
    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        using CancellationTokenSource guard = new(TimeSpan.FromSeconds(20), TimeProvider.System);
        while (!await condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System, guard.Token);
        }
    }

    /// <summary>Until <paramref name="condition"/> holds, or so long; then whether it does.</summary>
    public static async Task<bool> WithinAsync(TimeSpan time, Func<bool> condition)
    {
        long from = TimeProvider.System.GetTimestamp();
        while (!condition() && TimeProvider.System.GetElapsedTime(from) < time)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }

        return condition();
    }
}
