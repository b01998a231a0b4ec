using System.Xml.Linq;

using Xunit;

namespace Meshara.Tests.Tidy;

/// <summary>References point one way: Node → Net, Discovery → Security, Core → Wire. Read from the compiled assembly, so that no `using` escapes.</summary>
public sealed class LayeringTests
{
    private const string Root = "";

    /// <summary>What each room may use beside itself and the root's vocabulary. A room that is not here fails the test: add it with thought.</summary>
    private static readonly SortedDictionary<string, string[]> MayUse = new(StringComparer.Ordinal)
    {
        ["Wire"] = [],
        ["Core"] = ["Wire"],
        ["Security"] = ["Wire"],
        ["Storage"] = ["Security", "Wire"],
        ["Net"] = ["Security", "Core", "Wire"],
        ["Discovery"] = ["Mdns", "Storage", "Security", "Core", "Wire"],
        ["Protocols"] = ["Net", "Security", "Core", "Wire"],
        ["Configuration"] = ["Net", "Storage"],
        [Root] = [],
    };

    /// <summary>The public faces of rooms: root types that may use these, as if they lived above them.</summary>
    private static readonly SortedDictionary<string, string[]> Faces = new(StringComparer.Ordinal)
    {
        ["Meshara.MemoryTransport"] = ["Net"],
        ["Meshara.MeshStream"] = ["Net"],
        ["Meshara.LocalNetworkState"] = ["Mdns"],
        ["Meshara.Node"] = ["Configuration", "Net", "Discovery", "Protocols", "Storage", "Security", "Core", "Wire"],
        ["Meshara.NodeIdentity"] = ["Storage", "Security"],
        ["Meshara.NodeOptions"] = ["Configuration"],
        ["Meshara.NodeSeams"] = ["Discovery", "Net", "Wire"],
        ["Meshara.TcpTransport"] = ["Net"],
        ["Meshara.TrustFile"] = ["Storage"],
    };

    /// <summary>Faces that are also vocabulary: a room hands them on. The others are used by no room.</summary>
    private static readonly HashSet<string> Vocabulary = new(["Meshara.LocalNetworkState", "Meshara.MeshStream", "Meshara.NodeIdentity", "Meshara.NodeOptions", "Meshara.NodeSeams"], StringComparer.Ordinal);

    /// <summary>The clock, threads, tasks, locks, sockets, files and logs: whatever makes the same call answer differently.</summary>
    private static readonly string[] Impure =
    [
        "System.Threading.", "System.Net.", "System.IO.", "System.Timers.", "System.Diagnostics.Stopwatch", "System.TimeProvider",
        "System.Console", "System.Security.Cryptography.RandomNumberGenerator", "Microsoft.Extensions.Logging.",
    ];

    /// <summary>Values from the impure namespaces.</summary>
    private static readonly HashSet<string> Pure = new(StringComparer.Ordinal)
    {
        "System.Net.IPAddress", "System.Net.IPNetwork", "System.Net.IPEndPoint", "System.Net.EndPoint", "System.Net.Sockets.AddressFamily",
    };

    [Fact]
    public void Rooms_Assembly_ReferencesPointOneWay()
    {
        SortedDictionary<string, TypeUse> uses = IlReferences.Of(typeof(NodeId).Assembly);

        Assert.Contains("Meshara.NodeId", uses.Keys);
        Assert.Empty(WrongReferences(uses));
    }

    [Fact]
    public void Rooms_WrongReference_IsFound()
    {
        SortedDictionary<string, TypeUse> uses = new(StringComparer.Ordinal)
        {
            ["Meshara.Wire.A"] = Using("Meshara.Core.B", "Meshara.NodeId", "System.String"),
            ["Meshara.Core.Policy.C"] = Using("Meshara.Wire.A", "Meshara.Core.B", "Meshara.Node"),
            ["Meshara.Net.E"] = Using("Meshara.Core.B", "Meshara.MeshStream", "Meshara.TcpTransport"),
            ["Meshara.NodeId"] = Using("Meshara.Wire.A"),
            ["Meshara.Attic.D"] = Using(),
            ["Meshara.Node"] = Using("Meshara.Net.E", "Meshara.Wire.A", "Meshara.TcpTransport"),
            ["Meshara.NodeIdentity"] = Using("Meshara.Storage.F", "Meshara.Net.E"),
        };

        Assert.Equal(
            [
                "Meshara.Attic.D: a room the layering test does not know",
                "Meshara.Core.Policy.C → Meshara.Node",
                "Meshara.Net.E → Meshara.TcpTransport",
                "Meshara.NodeId → Meshara.Wire.A",
                "Meshara.NodeIdentity → Meshara.Net.E",
                "Meshara.Wire.A → Meshara.Core.B",
            ],
            WrongReferences(uses));
    }

    [Fact]
    public void CoreAndWire_Assembly_ArePure()
    {
        SortedDictionary<string, TypeUse> uses = IlReferences.Of(typeof(NodeId).Assembly);
        IEnumerable<string> wrong =
            from use in uses
            where Room(use.Key) is "Core" or "Wire"
            from type in use.Value.Types
            where IsImpure(type)
            select $"{use.Key} uses {type}";

        Assert.Contains(uses.Keys, type => Room(type) == "Wire");
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("System.Threading.Tasks.Task", true)]
    [InlineData("System.Threading.Lock", true)]
    [InlineData("System.TimeProvider", true)]
    [InlineData("System.Net.Sockets.Socket", true)]
    [InlineData("System.Net.IPAddress", false)]
    [InlineData("System.TimeSpan", false)]
    public void IsImpure_Type_Result(string type, bool expected) => Assert.Equal(expected, IsImpure(type));

    [Fact]
    public void IlReferences_Sample_SeesBodiesSignaturesAndClosures()
    {
        TypeUse use = IlReferences.Of(typeof(LayeringSample).Assembly)["Meshara.Tests.Tidy.LayeringSample"];

        Assert.Superset(
            new HashSet<string>(StringComparer.Ordinal)
            {
                "System.Object", // the base type
                "System.ICloneable", // an interface
                "System.Version", // an argument of a generic type in a signature
                "System.Text.Rune", // a generic argument of a call
                "System.FormatException", // a catch
                "System.Threading.Monitor", // in a closure
                "System.UriBuilder", // behind a switch, whose table must be skipped whole
            },
            use.Types);
        Assert.Contains("System.Threading.Monitor::IsEntered(System.Object)", use.Members);
    }

    // Half of the mesh was compiled at each start, until the first link.
    [Theory]
    [InlineData(typeof(NodeId))]
    [InlineData(typeof(Meshara.Mdns.BrowseOptions))]
    public void Assembly_UInt128_WhichIsNeverCompiledAhead_IsNotUsed(Type any) =>
        Assert.DoesNotContain(IlReferences.Of(any.Assembly), static use => use.Value.Types.Contains("System.UInt128"));

    [Fact]
    public void Library_Assembly_NeedsOnlyTheFrameworkLoggingAndConfiguration()
    {
        IEnumerable<string?> foreign = typeof(NodeId).Assembly.GetReferencedAssemblies()
            .Select(name => name.Name)
            .Where(name => name?.StartsWith("System.", StringComparison.Ordinal) != true && name?.StartsWith("Microsoft.Win32.", StringComparison.Ordinal) != true);

        Assert.All(foreign, name => Assert.Contains(name, (string[])["Meshara.Mdns", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Extensions.Configuration.Abstractions"]));
    }

    [Theory]
    [InlineData("src/Meshara/Meshara.csproj", "Meshara.Mdns")]
    [InlineData("src/Meshara.Mdns/Meshara.Mdns.csproj", "")]
    [InlineData("src/Meshara.Sqlite/Meshara.Sqlite.csproj", "Meshara")]
    [InlineData("src/Meshara.Cli/Meshara.Cli.csproj", "Meshara Meshara.Mdns Meshara.Sqlite")]
    [InlineData("src/Meshara.Testing/Meshara.Testing.csproj", "Meshara Meshara.Mdns")]
    [InlineData("src/Meshara.Simulator/Meshara.Simulator.csproj", "Meshara Meshara.Testing")]
    public void Projects_References_PointOneWay(string project, string allowed)
    {
        IEnumerable<string> references = XDocument.Parse(Repository.Read(project)).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.Empty(references.Except(allowed.Split(' '), StringComparer.Ordinal));
    }

    [Fact]
    public void Projects_OfSrc_AreAllListedAbove() =>
        Assert.Equal(
            [
                "src/Meshara.Cli/Meshara.Cli.csproj", "src/Meshara.Mdns/Meshara.Mdns.csproj", "src/Meshara.Simulator/Meshara.Simulator.csproj", "src/Meshara.Sqlite/Meshara.Sqlite.csproj",
                "src/Meshara.Testing/Meshara.Testing.csproj", "src/Meshara/Meshara.csproj",
            ],
            Repository.Projects.Where(path => path.StartsWith("src/", StringComparison.Ordinal)));

    private static IEnumerable<string> WrongReferences(SortedDictionary<string, TypeUse> uses)
    {
        foreach ((string type, TypeUse use) in uses.Where(use => IsOurs(use.Key)))
        {
            if (!MayUse.TryGetValue(Room(type), out string[]? allowed))
            {
                yield return $"{type}: a room the layering test does not know";
                continue;
            }

            foreach (string used in use.Types.Where(used => IsOurs(used) && !MayReach(type, Faces.GetValueOrDefault(type, allowed), used)))
            {
                yield return $"{type} → {used}";
            }
        }
    }

    private static bool MayReach(string type, string[] allowed, string used)
    {
        string room = Room(used);
        return room != Root
            ? room == Room(type) || Array.IndexOf(allowed, room) >= 0
            : Room(type) == Root || !Faces.ContainsKey(used) || Vocabulary.Contains(used);
    }

    private static bool IsOurs(string type) => type.StartsWith("Meshara.", StringComparison.Ordinal);

    private static bool IsImpure(string type) =>
        !Pure.Contains(type) && Array.Exists(Impure, prefix => type.StartsWith(prefix, StringComparison.Ordinal));

    private static string Room(string type)
    {
        string[] parts = type.Split('.');
        return parts.Length > 2 ? parts[1] : Root;
    }

    private static TypeUse Using(params string[] types)
    {
        TypeUse use = new();
        use.Types.UnionWith(types);
        return use;
    }
}

/// <summary>Refers to types in all the ways a type can.</summary>
internal sealed class LayeringSample : ICloneable
{
    private readonly List<Version> _versions = [];

    public object Clone()
    {
        try
        {
            Func<bool> closure = () => Monitor.IsEntered(this);
            return closure() ? _versions.Count : Array.Empty<System.Text.Rune>().Length;
        }
        catch (FormatException)
        {
            return 0;
        }
    }

    public static string Switch(int value)
    {
        switch (value)
        {
            case 0: return "a";
            case 1: return "b";
            case 2: return "c";
            case 3: return "d";
            case 4: return "e";
            default: return new UriBuilder().Host;
        }
    }
}
