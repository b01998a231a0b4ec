using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;
using Meshara.Fuzz;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Fuzz;

public sealed class FuzzTests
{
    public static TheoryData<string> Names => [.. WireTargets.All.Select(static target => target.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Replay_CorpusAndCrashes_NothingFound(string name)
    {
        FuzzTarget target = Target(name);
        foreach (byte[] input in FuzzFolder.Corpus(name).Concat(FuzzFolder.Crashes(name)))
            AssertNothing(target, FuzzRun.Try(target, input));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Run_SeedsAndChangedInputs_NothingFound(string name)
    {
        FuzzTarget target = Target(name);
        Assert.True(target.Seeds.Count > 5);

        // Those check signatures, or run minutes of a network.
        int changed = name is "certificate" or "mdns" or "record" or "successor" ? 300 : 2000;
        FuzzRun run = new(target, [], seed: 1);
        while (run.Runs < target.Seeds.Count + changed)
            AssertNothing(target, run.Step());
    }

    [Fact]
    public void Run_SameSeed_SameInputs()
    {
        Assert.Equal(Inputs(7), Inputs(7));
        Assert.NotEqual(Inputs(7), Inputs(8));

        static string Inputs(int seed)
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            FuzzRun run = new(Target("stream") with { Run = Reading(input => hash.AppendData(input)) }, [], seed);
            while (run.Runs < 500)
                run.Step();
            return Convert.ToHexString(hash.GetHashAndReset());
        }
    }

    // Faults as people make them; what is found must repeat.
    [Fact]
    public void Run_PlantedFaults_AreFound()
    {
        int[] byPurpose = new int[3];
        (string Target, Action<byte[]> Parse)[] faulty =
        [
            // Trusts a number of the peer as an index; every seed holds one that happens to fit.
            ("hello", p => Tolerate(() => _ = byPurpose[(int)Hello.Parse(p).Purpose])),
            ("open", p => Tolerate(() =>
            {
                // Believes the length of the name without comparing it with what is there.
                WireReader reader = new(p);
                reader.ReadVarint();
                reader.ReadU8();
                _ = p.AsSpan(p.Length - reader.Rest.Length + 1, reader.ReadVarint(0, 128));
            })),
            ("stream", p => Tolerate(() =>
            {
                // Reads the length as a signed number.
                if (p.Length >= 4)
                    _ = new byte[Math.Min(1, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(p))];
            })),
        ];
        foreach ((string name, Action<byte[]> parse) in faulty)
        {
            FuzzTarget target = Target(name) with { Run = Reading(parse) };
            FuzzRun run = new(target, [], seed: 1);
            Finding? finding = null;
            while (finding is null && run.Runs < 200_000)
                finding = run.Step();

            Assert.True(finding is not null, $"{name}: nothing found in {run.Runs} runs.");
            Assert.NotNull(FuzzRun.Try(target, finding.Input));
        }
    }

    // fuzz/ci builds a fuzzer with a fault in it. It is nowhere else.
    [Fact]
    public void PlantedFault_OrdinaryBuild_IsNotThere()
    {
        string folder = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!);
        string path = Path.Combine(FuzzFolder.Root, "fuzz", "Meshara.Fuzz", "bin", folder, "net10.0", "Meshara.Fuzz.dll");
        using PEReader file = new(File.OpenRead(path));
        MetadataReader metadata = file.GetMetadataReader();
        string[] types = [.. metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Select(type => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}")];

        Assert.Contains("Meshara.Fuzz.Engine.Targets", types);
        Assert.DoesNotContain(types, type => type.Contains("Planted", StringComparison.Ordinal));
    }

    private static Func<byte[], long> Reading(Action<byte[]> read) => input =>
    {
        read(input);
        return 0;
    };

    private static void Tolerate(Action parse)
    {
        try
        {
            parse();
        }
        catch (WireException)
        {
            // What a parser may throw.
        }
    }

    private static FuzzTarget Target(string name) => WireTargets.All.Single(t => t.Name == name);

    private static void AssertNothing(FuzzTarget target, Finding? finding) =>
        Assert.True(finding is null, $"{target.Name} {Convert.ToHexStringLower(finding?.Input ?? [])}: {finding?.Fault}");
}
