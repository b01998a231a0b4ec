namespace Meshara.Cli;

/// <summary>Something that the command found wrong itself; the message is the one line for standard error.</summary>
internal class CliException(string message, Exception? innerException = null) : Exception(message, innerException);

/// <summary>The configuration file cannot be used: as wrong as a wrong option, with the same exit code.</summary>
internal sealed class ConfigurationException(string message, Exception? innerException = null) : CliException(message, innerException);
