using Meshara.Cli.Rendering;
using Meshara.Sqlite;

namespace Meshara.Cli.Doctor;

/// <summary>The data directory: that it can be written, that nobody else reads the key, that there is room.</summary>
internal static class DataCheck
{
    private const long Little = 16 << 20;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    public static IEnumerable<FindingLine> Run(string directory)
    {
        if (!Directory.Exists(directory))
        {
            yield return new FindingLine("data", FindingLine.Warning, directory, "There is no data directory here yet: no identity, no known peers.") { Advice = $"meshara run --data {Hints.Quote(directory)} makes it; or name the right one with --data." };
            yield break;
        }

        yield return Written(directory);
        yield return Modes(directory);
        yield return Room(directory);
    }

    /// <summary>The peer store of a running node.</summary>
    public static FindingLine Store(SqlitePeerStore? store) => store switch
    {
        null => new FindingLine("store", FindingLine.Warning, "memory", "What the node learns of peers is kept in memory only: after a restart it begins anew."),
        { Trouble: { } trouble } => new FindingLine("store", FindingLine.Broken, store.FilePath, $"The peer store cannot be used, the node goes on in memory: {trouble}") { Advice = "Free the disk or mend the rights of the file; the node tries again each minute. A file that is damaged is set aside by itself." },
        _ => new FindingLine("store", FindingLine.Ok, store.FilePath, "The peer store can be read and written."),
    };

    private static FindingLine Written(string directory)
    {
        string probe = Path.Combine(directory, $".doctor-{Path.GetRandomFileName()}");
        try
        {
            File.WriteAllText(probe, "meshara doctor");
            File.Delete(probe);
            return new FindingLine("data", FindingLine.Ok, directory, "The data directory can be written.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FindingLine("data", FindingLine.Broken, directory, $"The data directory cannot be written: {e.Message}") { Advice = "Free the disk, or give this user the directory (chown, mount without 'ro')." };
        }
    }

    private static FindingLine Modes(string directory)
    {
        string identity = Path.Combine(directory, "identity.pem");
        if (OperatingSystem.IsWindows())
        {
            return new FindingLine("data", FindingLine.Unseen, identity, "Who may read the key is not looked at on Windows.");
        }

        try
        {
            if (File.Exists(identity) && (File.GetUnixFileMode(identity) & Others) != UnixFileMode.None)
            {
                return new FindingLine("data", FindingLine.Broken, identity, $"Others may read the node's key (mode {Convert.ToString((int)File.GetUnixFileMode(identity), 8)}), and a node does not start with it.") { Advice = $"chmod 600 {Hints.Quote(identity)}; if others could read it, make a new key: meshara id --rotate --overlap 0" };
            }

            return (File.GetUnixFileMode(directory) & Others) != UnixFileMode.None
                ? new FindingLine("data", FindingLine.Warning, directory, $"Others may look into the data directory (mode {Convert.ToString((int)File.GetUnixFileMode(directory), 8)}): its mode is what keeps them from the control socket.") { Advice = $"chmod 700 {Hints.Quote(directory)}" }
                : new FindingLine("data", FindingLine.Ok, identity, File.Exists(identity) ? "Only this user may read the key." : "There is no identity yet; the first start makes one.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FindingLine("data", FindingLine.Unseen, identity, $"Its rights cannot be read: {e.Message}");
        }
    }

    private static FindingLine Room(string directory)
    {
        try
        {
            long free = new DriveInfo(directory).AvailableFreeSpace;
            return free < Little
                ? new FindingLine("data", FindingLine.Warning, directory, $"Only {Show.Bytes(free)} are free on its disk.") { Advice = "Free some: where the disk is full the node goes on in memory and forgets at its end." }
                : new FindingLine("data", FindingLine.Ok, directory, $"{Show.Bytes(free)} are free on its disk.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new FindingLine("data", FindingLine.Unseen, directory, $"How much is free on its disk cannot be read: {e.Message}");
        }
    }
}
