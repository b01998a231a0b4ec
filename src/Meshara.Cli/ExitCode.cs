namespace Meshara.Cli;

/// <summary>What the command's exit code says to a script.</summary>
internal static class ExitCode
{
    /// <summary>Everything that was asked for happened.</summary>
    public const int Done = 0;

    /// <summary>It did not; one line on standard error says why.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the configuration is wrong; nothing was tried.</summary>
    public const int Usage = 2;
}
