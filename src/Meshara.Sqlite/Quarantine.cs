using System.Globalization;

namespace Meshara.Sqlite;

/// <summary>Sets a damaged database aside under a name with the time, so that a person can look at it.</summary>
internal static class Quarantine
{
    private const int MostKept = 3, MostInOneSecond = 100;

    private static readonly string[] Companions = ["-wal", "-shm"];

    /// <summary>Renames the file and what belongs to it, and deletes the oldest of such copies.</summary>
    /// <returns>The new name.</returns>
    /// <exception cref="IOException">It cannot be renamed.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be renamed.</exception>
    public static string SetAside(string path, DateTimeOffset now)
    {
        string copy = FreeName(path + now.UtcDateTime.ToString("'.damaged-'yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture));

        // The file first: a log that is left alone beside no database is deleted by SQLite, and never applied to the next one.
        File.Move(path, copy);
        foreach (string companion in Companions)
        {
            if (File.Exists(path + companion))
                File.Move(path + companion, copy + companion);
        }

        DeleteOldest(path);
        return copy;
    }

    private static string FreeName(string name)
    {
        string free = name;
        for (int i = 2; File.Exists(free) && i < MostInOneSecond; i++)
            free = string.Create(CultureInfo.InvariantCulture, $"{name}.{i:00}");

        return free;
    }

    // The names sort by time.
    private static void DeleteOldest(string path)
    {
        string directory = Path.GetDirectoryName(path)!;
        IEnumerable<string> old = Directory.EnumerateFiles(directory, $"{Path.GetFileName(path)}.damaged-*")
            .Where(file => !Array.Exists(Companions, companion => file.EndsWith(companion, StringComparison.Ordinal)))
            .OrderDescending(StringComparer.Ordinal)
            .Skip(MostKept);
        foreach (string file in old.ToList())
        {
            File.Delete(file);
            foreach (string companion in Companions)
                File.Delete(file + companion);
        }
    }
}
