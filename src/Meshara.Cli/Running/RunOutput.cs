namespace Meshara.Cli.Running;

/// <summary>Standard output of a node that runs on although there is no room for what it says: lines that cannot be written are dropped and counted.</summary>
internal sealed class RunOutput(Terminal terminal)
{
    private readonly Lock _sync = new();
    private long _lost;
    private string _why = "";

    /// <summary>Writes one line, and before it, if lines were lost, one that says so.</summary>
    /// <param name="line">Writes it.</param>
    /// <param name="lost">Writes how many are missing, and why.</param>
    /// <exception cref="IOException">Nobody reads standard output any more.</exception>
    public void Write(Action line, Action<long, string> lost)
    {
        lock (_sync)
        {
            try
            {
                if (_lost > 0)
                {
                    // The half of a line may stand there.
                    terminal.EndLine();
                    lost(_lost, _why);
                    _lost = 0;
                }

                line();
            }
            catch (IOException e) when (!terminal.OutputIsBroken())
            {
                (_lost, _why) = (_lost + 1, e.Message);
            }
        }
    }
}
