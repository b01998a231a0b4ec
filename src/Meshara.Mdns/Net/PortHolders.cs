using System.Globalization;

namespace Meshara.Mdns.Net;

/// <summary>A socket that is bound to a port.</summary>
/// <param name="Inode">The system's number of the socket.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Process">Which process has it; null: that is not ours to see.</param>
/// <param name="Name">The process's name; null: as for the process.</param>
internal readonly record struct PortHolder(long Inode, int User, int? Process, string? Name);

/// <summary>Who holds a UDP port, read from /proc on Linux; elsewhere nobody is seen.</summary>
internal static class PortHolders
{
    /// <summary>Most lines of the table, and most processes, that are looked at.</summary>
    private const int Most = 65_536;

    /// <summary>Whether a socket that is not one of these is bound to the port. An IPv6 socket may take IPv4 too, which the table does not tell: it counts for both.</summary>
    public static bool IsShared(int port, bool ipv6, IReadOnlyCollection<nint> ours)
    {
        HashSet<long> known = [.. ours.Select(static h => InodeOf($"/proc/self/fd/{h}")).OfType<long>()];
        return known.Count == ours.Count && Sockets(port, ipv6 ? ["udp6"] : ["udp", "udp6"]).Any(s => !known.Contains(s.Inode));
    }

    /// <summary>All sockets on the port, with their processes where these can be seen (our own user's; all for root).</summary>
    public static IReadOnlyList<PortHolder> Find(int port)
    {
        Dictionary<long, PortHolder> found = [];
        foreach (PortHolder holder in Sockets(port, ["udp", "udp6"]))
            found.TryAdd(holder.Inode, holder);
        if (found.Count == 0)
            return [];
        foreach (string process in Entries("/proc").Take(Most))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, null, out int id))
                continue;
            foreach (string descriptor in Entries($"{process}/fd").Take(Most))
            {
                if (InodeOf(descriptor) is { } inode && found.TryGetValue(inode, out PortHolder holder))
                    found[inode] = holder with { Process = id, Name = Lines($"{process}/comm") is [string name, ..] ? name : null };
            }
        }

        return [.. found.Values.OrderBy(static h => h.Inode)];
    }

    /// <summary>Reads the lines of /proc/net/udp or udp6.</summary>
    internal static IEnumerable<PortHolder> Parse(IEnumerable<string> lines, int port)
    {
        string suffix = $":{port:X4}";
        foreach (string line in lines.Take(Most))
        {
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 10 && words[1].EndsWith(suffix, StringComparison.Ordinal)
                && int.TryParse(words[7], NumberStyles.None, null, out int user) && long.TryParse(words[9], NumberStyles.None, null, out long inode))
            {
                yield return new PortHolder(inode, user, null, null);
            }
        }
    }

    private static IEnumerable<PortHolder> Sockets(int port, string[] tables) => tables.SelectMany(t => Parse(Lines($"/proc/net/{t}"), port));

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] Entries(string path)
    {
        try
        {
            return Directory.Exists(path) ? Directory.GetFileSystemEntries(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    // The link reads `socket:[12345]`.
    private static long? InodeOf(string descriptor)
    {
        try
        {
            string? target = new FileInfo(descriptor).LinkTarget;
            return target?.StartsWith("socket:[", StringComparison.Ordinal) == true && long.TryParse(target.AsSpan(8).TrimEnd(']'), NumberStyles.None, null, out long inode) ? inode : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
