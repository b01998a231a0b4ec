namespace Meshara.Cli;

/// <summary>Something that the command found wrong itself; the message is the one line for standard error.</summary>
internal class CliException(string message, Exception? innerException = null) : Exception(message, innerException);
