namespace Meshara.Sqlite;

/// <summary>The file can be read, and what is in it cannot be ours.</summary>
/// <param name="message">What is wrong; a clause without a full stop.</param>
internal sealed class DamagedStoreException(string message) : Exception(message);
