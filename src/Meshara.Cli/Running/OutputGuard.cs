namespace Meshara.Cli.Running;

/// <summary>Ends a command whose output nobody reads any more, although it has nothing to write at the moment.</summary>
internal static class OutputGuard
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>Looks until the reader is gone, and then calls <paramref name="stop"/>; or until it is cancelled.</summary>
    public static async Task RunAsync(Terminal terminal, Action stop, CancellationToken cancellationToken)
    {
        using PeriodicTimer timer = new(Every, terminal.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                if (terminal.OutputIsBroken())
                {
                    stop();
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The command has ended.
        }
    }
}
