using System.Globalization;
using System.Runtime.InteropServices;

namespace Meshara.Cli.Doctor;

/// <summary>A UDP socket as <c>/proc/net/udp</c> and <c>/proc/net/udp6</c> show it.</summary>
/// <param name="Port">The local port.</param>
/// <param name="User">The user's number.</param>
/// <param name="Inode">The socket's number.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct UdpSocket(int Port, int User, long Inode);

/// <summary>Reads the kernel's table of UDP sockets (Linux, proc(5)).</summary>
internal static class UdpSockets
{
    /// <summary>The sockets of a port; lines that cannot be read are passed over.</summary>
    public static IReadOnlyList<UdpSocket> Parse(string table, int port)
    {
        List<UdpSocket> found = [];
        foreach (string line in table.Split('\n').Skip(1))
        {
            // sl, local address:port, remote, state, queues, timer, retransmits, uid, timeout, inode, …
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 10
                && words[1].Split(':') is [_, var hex] && int.TryParse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int local) && local == port
                && int.TryParse(words[7], NumberStyles.None, CultureInfo.InvariantCulture, out int user)
                && long.TryParse(words[9], NumberStyles.None, CultureInfo.InvariantCulture, out long inode))
            {
                found.Add(new UdpSocket(local, user, inode));
            }
        }

        return found;
    }
}

/// <summary>Which programs hold a UDP port.</summary>
internal static class UdpHolders
{
    private const int MostProcesses = 65_536;

    /// <summary>Findings on the holders of port 5353. Elsewhere than on Linux, and of other users' programs, little is seen.</summary>
    public static IReadOnlyList<FindingLine> Find(int port, string root = "/proc")
    {
        string subject = $"{port.ToString(CultureInfo.InvariantCulture)}/udp";
        if (!OperatingSystem.IsLinux())
        {
            return [new FindingLine("port-5353", FindingLine.Unseen, subject, "Who holds this port is seen on Linux only.") { Advice = OperatingSystem.IsWindows() ? "netstat -ano -p udp shows it." : "sudo lsof -nP -iUDP:5353 shows it." }];
        }

        UdpSocket[] sockets = [.. Table("udp").Concat(Table("udp6")).DistinctBy(static s => s.Inode)];
        Dictionary<long, (int Process, string Name)> owners = OwnersOf([.. sockets.Select(static s => s.Inode)], root);
        string[] others = [.. sockets.Where(s => !owners.TryGetValue(s.Inode, out var owner) || owner.Process != Environment.ProcessId).Select(s => Describe(s, owners)).Distinct(StringComparer.Ordinal)];
        return others.Length == 0
            ? [new FindingLine("port-5353", FindingLine.Ok, subject, "No other program holds this port.")]
            : [new FindingLine("port-5353", FindingLine.Ok, subject, $"Also held by {string.Join(", ", others)}. It is shared: each hears all multicast.")];

        IReadOnlyList<UdpSocket> Table(string name) => ReadText(Path.Combine(root, "net", name)) is { } text ? UdpSockets.Parse(text, port) : [];
    }

    private static string Describe(UdpSocket socket, Dictionary<long, (int Process, string Name)> owners) =>
        owners.TryGetValue(socket.Inode, out (int Process, string Name) owner)
            ? string.Create(CultureInfo.InvariantCulture, $"{owner.Name} (process {owner.Process})")
            : string.Create(CultureInfo.InvariantCulture, $"a program of user {socket.User} that this user cannot look at");

    private static Dictionary<long, (int Process, string Name)> OwnersOf(HashSet<long> inodes, string root)
    {
        Dictionary<long, (int, string)> owners = [];
        if (inodes.Count == 0)
        {
            return owners;
        }

        foreach (string process in Directory.EnumerateDirectories(root).Take(MostProcesses))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                continue;
            }

            foreach (long inode in SocketsOf(process).Where(inodes.Contains))
            {
                owners[inode] = (id, ReadText(Path.Combine(process, "comm"))?.Trim() ?? "?");
            }
        }

        return owners;
    }

    private static List<long> SocketsOf(string process)
    {
        List<long> sockets = [];
        try
        {
            foreach (FileInfo file in new DirectoryInfo(Path.Combine(process, "fd")).EnumerateFiles())
            {
                if (file.LinkTarget is { } target && target.StartsWith("socket:[", StringComparison.Ordinal)
                    && long.TryParse(target.AsSpan(8, target.Length - 9), NumberStyles.None, CultureInfo.InvariantCulture, out long inode))
                {
                    sockets.Add(inode);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's, or gone meanwhile.
        }

        return sockets;
    }

    private static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
