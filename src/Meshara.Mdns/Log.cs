using Microsoft.Extensions.Logging;

namespace Meshara.Mdns;

/// <summary>Every line that is logged.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Warning, "Multicast DNS does without {family}: {reason}")]
    public static partial void FamilyFault(ILogger logger, string family, string reason);

    [LoggerMessage(2, LogLevel.Warning, "Multicast DNS cannot hear on {link}: {reason}")]
    public static partial void JoinFailed(ILogger logger, string link, string reason);

    [LoggerMessage(3, LogLevel.Warning, "Multicast DNS cannot send on {link}: {error}. {advice} Other interfaces go on.")]
    public static partial void SendFailed(ILogger logger, string link, string error, string advice);

    [LoggerMessage(4, LogLevel.Information, "Multicast DNS sends on {link} again")]
    public static partial void SendWorks(ILogger logger, string link);

    [LoggerMessage(5, LogLevel.Debug, "Multicast DNS uses {link}")]
    public static partial void Joined(ILogger logger, string link);

    [LoggerMessage(6, LogLevel.Debug, "Multicast DNS uses {link} no more")]
    public static partial void Left(ILogger logger, string link);

    [LoggerMessage(7, LogLevel.Information, "The machine slept: everything is asked and announced anew")]
    public static partial void Woke(ILogger logger);

    [LoggerMessage(8, LogLevel.Warning, "Multicast DNS ({family}) could not take a packet: {error}")]
    public static partial void ReceiveFailed(ILogger logger, string family, string error);

    [LoggerMessage(9, LogLevel.Error, "A fault in multicast DNS; it goes on. Please report this")]
    public static partial void TurnFailed(ILogger logger, Exception fault);

    [LoggerMessage(10, LogLevel.Error, "What the program does when a service is renamed has thrown")]
    public static partial void HandlerFailed(ILogger logger, Exception fault);

    [LoggerMessage(12, LogLevel.Information, "Multicast DNS uses {family} now")]
    public static partial void FamilyWorks(ILogger logger, string family);

    [LoggerMessage(13, LogLevel.Warning, "The interface {name} is left out, because it cannot be looked at: {error}")]
    public static partial void InterfaceFailed(ILogger logger, string name, string error);

    [LoggerMessage(14, LogLevel.Error, "A fault in multicast DNS ({family}): a packet was not sent; it goes on. Please report this")]
    public static partial void SendThrew(ILogger logger, string family, Exception fault);

    [LoggerMessage(15, LogLevel.Information, "The system does not tell of changes of the network: {error} Its interfaces are looked at every five seconds all the same")]
    public static partial void NoNews(ILogger logger, string error);

    [LoggerMessage(11, LogLevel.Warning, "Interfaces cannot be listed: {error}")]
    public static partial void ScanFailed(ILogger logger, string error);
}
