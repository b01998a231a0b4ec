using Microsoft.Extensions.Logging;

namespace Meshara;

// 1100: options that change while the node runs.
internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Information, "Option {Option}: {Before} → {After}; {Outcome}")]
    public static partial void OptionChanged(this ILogger logger, string option, string before, string after, string outcome);
}
