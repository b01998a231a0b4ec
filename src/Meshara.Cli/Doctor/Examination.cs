using System.Globalization;
using System.Net.NetworkInformation;
using Meshara.Cli.Control;
using Meshara.Cli.Doctor.Firewall;

namespace Meshara.Cli.Doctor;

/// <summary>All that <c>meshara doctor</c> looks at, in the order in which it is told.</summary>
internal static class Examination
{
    private const int MostPeers = 64;

    /// <summary>Within a running node: in its network, with its rights, its identity, its bans and its pins.</summary>
    public static async Task<IReadOnlyList<FindingLine>> OfAsync(Node node, NodeFacts facts, TimeProvider time, CancellationToken cancellationToken)
    {
        string dataDirectory = facts.DataDirectory;
        ListenPort[] ports = [.. ListenPort.Of(node.Addresses)];
        IReadOnlyList<LocalInterface>? interfaces = LocalInterface.All();
        using NodeIdentity identity = NodeIdentity.Create();
        facts.Probes.Add(identity.Id);
        NodeOptions stranger = ReachCheck.Stranger(node, identity, time);
        Task<IReadOnlyList<FindingLine>> listen = ReachCheck.ListenAsync(node, stranger, interfaces ?? [], cancellationToken);
        Task<IReadOnlyList<FindingLine>> peers = ReachCheck.PeersAsync(node, interfaces ?? [], time, cancellationToken);
        List<FindingLine> findings = await MachineAsync(interfaces, ports, time, cancellationToken);
        findings.InsertRange(findings.FindIndex(static f => f.Area == "firewall"), await listen);
        findings.AddRange(ClockCheck.Judge(Clock(dataDirectory, time) with { Offset = node.ClockOffset, LastSeen = await LastSeenAsync(node) }));
        findings.AddRange(await CopyCheck.RunAsync(node, facts.OwnKey, stranger, cancellationToken));
        findings.AddRange(await peers);
        findings.AddRange(DataCheck.Run(dataDirectory));
        findings.Add(DataCheck.Store(facts.Store));
        return findings;
    }

    /// <summary>Without a node that answers.</summary>
    /// <param name="dataDirectory">Whose.</param>
    /// <param name="inUse">Who has the directory and does not answer; null: nobody has it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<IReadOnlyList<FindingLine>> OfAsync(string dataDirectory, string? inUse, TimeProvider time, CancellationToken cancellationToken)
    {
        int? port = LastPort(dataDirectory);
        IReadOnlyList<LocalInterface>? interfaces = LocalInterface.All();
        List<FindingLine> findings =
        [
            new FindingLine("node", FindingLine.Warning, dataDirectory, $"{inUse ?? "No node runs on this data directory."} Not seen: whether its port is open, its bans, limits and links, the peers named by its options, what they say of the clock, and the state of its peer store.")
            {
                Advice = inUse is null
                    ? $"Start it, then ask again: meshara run --data {Rendering.Hints.Quote(dataDirectory)}"
                    : "Ask again in a moment. If it stays so and this is no node of yours, stop that process or name another directory with --data.",
            },
            .. await MachineAsync(interfaces, [new ListenPort(port ?? PeerAddress.DefaultPort, IPv4: true, IPv6: true)], time, cancellationToken),
        ];
        int before = findings.FindIndex(static f => f.Area == "firewall");
        findings.Insert(before, Listen(port ?? PeerAddress.DefaultPort, isInUse: inUse is not null));
        findings.AddRange(ClockCheck.Judge(Clock(dataDirectory, time)));
        findings.AddRange(await PinnedAsync(dataDirectory, interfaces ?? [], time, cancellationToken));
        findings.AddRange(DataCheck.Run(dataDirectory));
        return findings;
    }

    // Interfaces, multicast, who else is on 5353, firewall.
    private static async Task<List<FindingLine>> MachineAsync(IReadOnlyList<LocalInterface>? interfaces, IReadOnlyCollection<ListenPort> ports, TimeProvider time, CancellationToken cancellationToken) =>
    [
        .. await InterfaceCheck.RunAsync(interfaces, time, cancellationToken),
        .. UdpHolders.Find(5353),
        .. await new FirewallCheck(time).RunAsync(FirewallLink.Of(interfaces), ports, cancellationToken),
    ];

    // The strangers' way, for no node is there; pins are compared.
    private static async Task<IReadOnlyList<FindingLine>> PinnedAsync(string dataDirectory, IReadOnlyList<LocalInterface> interfaces, TimeProvider time, CancellationToken cancellationToken)
    {
        PeerAddress[] pinned;
        try
        {
            pinned = [.. TrustFile.Read(dataDirectory).SelectMany(static pin => pin.Addresses.Select(address => address with { Id = pin.Id })).Take(ReachCheck.AtOnce)];
        }
        catch (MesharaException e)
        {
            return [new FindingLine("data", FindingLine.Broken, "known_peers", e.Message)];
        }

        NodeOptions stranger = new() { Mesh = "", Admission = Admission.Open, TimeProvider = time };
        DialDiagnosis[] dials = await Task.WhenAll(pinned.Select(address => Node.DiagnoseAsync(stranger, address, TimeSpan.FromSeconds(10), cancellationToken)));
        return [.. dials.Select(dial => dial.Steps.Any(static step => step is { Kind: DialStepKind.Identity, Outcome: DialStepOutcome.Passed })
            ? new FindingLine("peer", FindingLine.Ok, $"pinned {dial.Address}", "The pinned key answers there. Whether it would admit this node is not seen without a running node.")
            : ReachCheck.Peer(dial, "pinned", [], interfaces))];
    }

    private static FindingLine Listen(int port, bool isInUse)
    {
        string subject = string.Create(CultureInfo.InvariantCulture, $"{port}/tcp");
        try
        {
            bool taken = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Any(end => end.Port == port);
            return isInUse
                ? new FindingLine("listen", taken ? FindingLine.Ok : FindingLine.Unseen, subject, taken ? "A program listens on the port that the node had last." : "Nothing listens on the port that the node had last; it may still be starting, or have another.")
                : taken
                ? new FindingLine("listen", FindingLine.Warning, subject, "No node of this directory runs, but a program listens on the port that it would use.") { Advice = "If it is another node, nothing: this one takes the next free port. Else stop that program, or choose a port with --listen." }
                : new FindingLine("listen", FindingLine.Ok, subject, "The port that the node would use is free.");
        }
        catch (NetworkInformationException e)
        {
            return new FindingLine("listen", FindingLine.Unseen, subject, $"Whether this port is free cannot be read: {e.Message}");
        }
    }

    private static int? LastPort(string dataDirectory)
    {
        try
        {
            return int.TryParse(File.ReadAllText(Path.Combine(dataDirectory, "port")).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port is > 0 and <= 65535 ? port : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static ClockFacts Clock(string dataDirectory, TimeProvider time) => new(time.GetUtcNow())
    {
        Built = Environment.ProcessPath is not null && ChangeOf(typeof(Node).Assembly.GetName().Name is { } name && File.Exists(Path.Combine(AppContext.BaseDirectory, $"{name}.dll"))
            ? Path.Combine(AppContext.BaseDirectory, $"{name}.dll")
            : Environment.ProcessPath) is { } built ? built : null,
        NewestFile = NewestIn(dataDirectory),
    };

    private static (string Name, DateTimeOffset Changed)? NewestIn(string directory)
    {
        try
        {
            // The sockets and locks of a running node are as new as the file system's clock says.
            FileInfo? newest = new DirectoryInfo(directory).EnumerateFiles().Take(1000).MaxBy(static file => file.LastWriteTimeUtc);
            return newest is null ? null : (newest.Name, new DateTimeOffset(newest.LastWriteTimeUtc, TimeSpan.Zero));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static DateTimeOffset? ChangeOf(string path)
    {
        try
        {
            return new DateTimeOffset(File.GetLastWriteTimeUtc(path), TimeSpan.Zero);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task<DateTimeOffset?> LastSeenAsync(Node node)
    {
        DateTimeOffset? latest = null;
        foreach (NodeId id in await node.FindPeersAsync("", MostPeers))
        {
            DateTimeOffset? seen = (await node.ExplainPeerAsync(id))?.LastSeen;
            latest = latest is null || seen > latest ? seen : latest;
        }

        return latest;
    }
}
