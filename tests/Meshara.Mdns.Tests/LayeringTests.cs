using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Mdns.Tests;

/// <summary>References point one way: MdnsService → Net → Engine → Wire, and Engine and Wire are pure. Read from the compiled assembly.</summary>
public sealed class LayeringTests
{
    /// <summary>What each room may use beside itself and the root's words.</summary>
    private static readonly SortedDictionary<string, string[]> MayUse = new(StringComparer.Ordinal)
    {
        ["Wire"] = [],
        ["Engine"] = ["Wire"],
        ["Net"] = ["Engine", "Wire"],
    };

    /// <summary>Root types that live above the rooms; no room may use them.</summary>
    private static readonly HashSet<string> Faces =
        new(["Meshara.Mdns.MdnsService", "Meshara.Mdns.ServicePublication", "Meshara.Mdns.ServiceBrowser"], StringComparer.Ordinal);

    /// <summary>The clock, threads, tasks, sockets, files and logs: whatever makes the same call answer differently.</summary>
    private static readonly string[] Impure =
    [
        "System.Threading.", "System.Net.Sockets.", "System.Net.NetworkInformation.", "System.IO.", "System.Diagnostics.Stopwatch", "System.TimeProvider",
        "System.Console", "System.Security.Cryptography.RandomNumberGenerator", "Microsoft.Extensions.Logging.",
    ];

    [Fact]
    public void Rooms_Assembly_ReferencesPointOneWay()
    {
        SortedDictionary<string, TypeUse> uses = IlReferences.Of(typeof(TxtRecord).Assembly);
        IEnumerable<string> wrong =
            from use in uses
            where Room(use.Key) is not null && use.Key.StartsWith("Meshara.", StringComparison.Ordinal)
            from used in use.Value.Types
            where Faces.Contains(used) || (Room(used) is { } room && room != Room(use.Key) && !MayUse[Room(use.Key)!].Contains(room))
            select $"{use.Key} → {used}";

        Assert.Contains("Meshara.Mdns.Wire.DnsName", uses.Keys);
        Assert.Empty(wrong);
    }

    [Fact]
    public void EngineAndWire_Assembly_ArePure()
    {
        SortedDictionary<string, TypeUse> uses = IlReferences.Of(typeof(TxtRecord).Assembly);
        IEnumerable<string> wrong =
            from use in uses
            where Room(use.Key) is "Engine" or "Wire"
            from type in use.Value.Types
            where Array.Exists(Impure, prefix => type.StartsWith(prefix, StringComparison.Ordinal)) && type != "System.Net.Sockets.AddressFamily"
            select $"{use.Key} uses {type}";

        Assert.Contains(uses.Keys, type => Room(type) == "Wire");
        Assert.Empty(wrong);
    }

    [Fact]
    public void Library_Assembly_NeedsOnlyTheFrameworkAndLogging() =>
        Assert.All(
            typeof(TxtRecord).Assembly.GetReferencedAssemblies().Select(static name => name.Name!),
            static name => Assert.True(name.StartsWith("System.", StringComparison.Ordinal) || name is "Microsoft.Extensions.Logging.Abstractions" or "Microsoft.Win32.Primitives", name));

    // `Meshara.Mdns.Wire.DnsName` is of the room Wire; types of the root are of none.
    private static string? Room(string type)
    {
        string[] parts = type.Split('.');
        return parts is ["Meshara", "Mdns", _, _, ..] ? parts[2] : null;
    }
}
