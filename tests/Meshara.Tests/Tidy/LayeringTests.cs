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
        ["Discovery"] = ["Security", "Core", "Wire"],
        ["Protocols"] = ["Net", "Security", "Core", "Wire"],
        [Root] = [],
    };

    /// <summary>Root types that put the rooms together. Nothing in a room may use those marked true.</summary>
    private static readonly SortedDictionary<string, bool> Composers = new(StringComparer.Ordinal)
    {
        ["Meshara.Node"] = true,
        ["Meshara.TcpTransport"] = true,
        ["Meshara.MemoryTransport"] = true,
        ["Meshara.MeshStream"] = false,
        ["Meshara.NodeIdentity"] = false,
    };

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
            ["Meshara.NodeId"] = Using("Meshara.Wire.A"),
            ["Meshara.Attic.D"] = Using(),
            ["Meshara.Node"] = Using("Meshara.Net.E", "Meshara.Wire.A"),
        };

        Assert.Equal(
            [
                "Meshara.Attic.D: a room the layering test does not know",
                "Meshara.Core.Policy.C → Meshara.Node",
                "Meshara.NodeId → Meshara.Wire.A",
                "Meshara.Wire.A → Meshara.Core.B",
            ],
            WrongReferences(uses));
    }

    [Fact]
    public void CoreAndWire_Assembly_ArePure()
    {
        IEnumerable<string> wrong =
            from use in IlReferences.Of(typeof(NodeId).Assembly)
            where Room(use.Key) is "Core" or "Wire"
            from type in use.Value.Types
            where IsImpure(type)
            select $"{use.Key} uses {type}";

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
    public void IlReferences_OwnTests_SeesBodiesSignaturesAndClosures()
    {
        TypeUse own = IlReferences.Of(typeof(LayeringTests).Assembly)["Meshara.Tests.Tidy.IlReferences"];

        Assert.Contains("System.IO.File", own.Types);
        Assert.Contains("System.Reflection.Metadata.GenericParameterHandle", own.Types);
        Assert.Contains("System.IO.File::OpenRead(System.String)", own.Members);
    }

    [Fact]
    public void Library_Assembly_NeedsOnlyTheFrameworkAndLogging()
    {
        IEnumerable<string?> foreign = typeof(NodeId).Assembly.GetReferencedAssemblies()
            .Select(name => name.Name)
            .Where(name => name is not "Microsoft.Win32.Primitives" && name?.StartsWith("System.", StringComparison.Ordinal) == false);

        Assert.All(foreign, name => Assert.Equal("Microsoft.Extensions.Logging.Abstractions", name));
    }

    [Theory]
    [InlineData("src/Meshara/Meshara.csproj", "")]
    [InlineData("src/Meshara.Cli/Meshara.Cli.csproj", "Meshara")]
    public void Projects_References_PointOneWay(string project, string expected)
    {
        IEnumerable<string> references = XDocument.Parse(Repository.Read(project)).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.Equal(expected, string.Join(' ', references.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Projects_OfSrc_AreAllListedAbove() =>
        Assert.Equal(
            ["src/Meshara.Cli/Meshara.Cli.csproj", "src/Meshara/Meshara.csproj"],
            Repository.Projects.Where(path => path.StartsWith("src/", StringComparison.Ordinal)));

    private static IEnumerable<string> WrongReferences(SortedDictionary<string, TypeUse> uses)
    {
        foreach ((string type, TypeUse use) in uses)
        {
            if (!IsOurs(type) || Composers.ContainsKey(type))
            {
                continue;
            }

            if (!MayUse.TryGetValue(Room(type), out string[]? allowed))
            {
                yield return $"{type}: a room the layering test does not know";
                continue;
            }

            foreach (string used in use.Types.Where(used => IsOurs(used) && used != type))
            {
                string room = Room(used);
                bool same = room == Room(type) || room == Root;
                bool top = Composers.GetValueOrDefault(used) && Room(type) != Root;
                if (top || (!same && Array.IndexOf(allowed, room) < 0))
                {
                    yield return $"{type} → {used}";
                }
            }
        }
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
