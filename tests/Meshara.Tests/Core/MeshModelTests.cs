using FsCheck;
using FsCheck.Fluent;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Two real meshes over a simulated network: whatever happens, in the end there is one link and both sides agree on it.</summary>
public sealed class MeshModelTests
{
    [Fact]
    public void SimultaneousDials_ManyTimings_OneLinkEachTimeAndNoChurn()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            MeshWorld world = new(seed, maxDelayMs: 1 + (seed % 200));
            world.At(seed % 7, world.A.Want);
            world.At(seed % 5, world.B.Want);
            world.Run(4);

            Assert.True(world.Links.A >= 0 && world.Links.A == world.Links.B, Explain(world, seed));
            Assert.True((world.A.Ups, world.B.Ups, world.A.Downs, world.B.Downs) == (1, 1, 0, 0), Explain(world, seed));
        }
    }

    [Fact]
    public void SimultaneousAdds_ManyTimings_BothSucceed()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            MeshWorld world = new(seed, maxDelayMs: 1 + (seed % 200));
            world.A.Trust();
            world.B.Trust();
            world.At(seed % 7, world.A.Add);
            world.At(seed % 5, world.B.Add);
            world.Run(4);

            Assert.True(world.Links.A >= 0 && world.Links.A == world.Links.B, Explain(world, seed));
            Assert.True(world.A.OpenAdds.Count + world.B.OpenAdds.Count == 0, Explain(world, seed));
        }
    }

    [Fact]
    public void AnyFaults_ThenQuiet_OneLinkOnBothSides() => AssertSettles(kinds: 13);

    // Whoever restarts has a new key now and then, also both at once, and also while the other knows nothing of the last one yet.
    [Fact]
    public void AnyFaultsAndRotations_ThenQuiet_OneLinkOnBothSides() => AssertSettles(kinds: 17);

    private static void AssertSettles(int kinds) =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(0, (97 * kinds) - 1).ArrayOf().ToArbitrary(), (seed, script) =>
        {
            MeshWorld world = new(seed);
            Setup(world);
            foreach (int step in script)
            {
                Fault(world, step);
                world.Run(step % 97 / 10.0);
            }

            // Enough for the longest way out: a silent link (35 s), a backoff at its bound (60 s), and both again.
            world.Run(400);
            (int A, int B) settled = world.Links;
            (int, int) ups = (world.A.Ups, world.B.Ups);
            world.Run(200);
            bool ok = settled.A >= 0 && settled.A == settled.B && world.Links == settled && ups == (world.A.Ups, world.B.Ups)
                && world.A.OpenAdds.Count + world.B.OpenAdds.Count == 0
                && world.A.SharedSeen + world.B.SharedSeen == 0;
            return ok.Label(ok ? "" : Explain(world, seed));
        }).Check(Seeded.With(20_260_101).WithMaxTest(200));

    [Fact]
    public void AddressOfOneSideGoes_TheLinkIsBackWithinSeconds()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            MeshWorld world = new(seed, maxDelayMs: 1 + (seed % 100));
            Setup(world);
            world.Run(30);
            MeshWorld.Side moved = seed % 2 == 0 ? world.A : world.B;
            moved.AddressGone();
            moved.NetworkChanged();
            world.Run(4);

            Assert.True(world.Links.A >= 0 && world.Links.A == world.Links.B, Explain(world, seed));
        }
    }

    [Fact]
    public void LinkDiesSilentlyAndOneSideNoticesAChange_TheLinkIsBackWithinSeconds()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            MeshWorld world = new(seed, maxDelayMs: 1 + (seed % 100));
            Setup(world);
            world.Run(30);
            world.Cut(tellA: false, tellB: false);
            world.NetworkDown(seed % 20);
            world.Run(seed % 20);
            (seed % 2 == 0 ? world.A : world.B).NetworkChanged();
            world.Run(8);

            Assert.True(world.Links.A >= 0 && world.Links.A == world.Links.B, Explain(world, seed));
        }
    }

    [Fact]
    public void AddressOfTheSideThatIsDialledGoes_ItDialsBack()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            MeshWorld world = new(seed, maxDelayMs: 1 + (seed % 100));
            (MeshWorld.Side dialer, MeshWorld.Side moved) = seed % 2 == 0 ? (world.A, world.B) : (world.B, world.A);
            dialer.Trust();
            dialer.Want();
            moved.Trust();
            world.Run(30);
            moved.AddressGone();
            moved.NetworkChanged();
            world.Run(4);

            Assert.True(world.Links.A >= 0 && world.Links.A == world.Links.B, Explain(world, seed));
        }
    }

    private static void Setup(MeshWorld world)
    {
        foreach (MeshWorld.Side side in new[] { world.A, world.B })
        {
            side.Trust();
            side.Want();
        }
    }

    private static void Fault(MeshWorld world, int step)
    {
        switch (step / 97)
        {
            case 0:
                world.Cut(tellA: true, tellB: true);
                break;
            case 1:
                world.Cut(tellA: true, tellB: false);
                break;
            case 2:
                world.Cut(tellA: false, tellB: true);
                break;
            case 3:
                world.Cut(tellA: false, tellB: false);
                break;
            case 4:
                world.NetworkDown(step % 31);
                break;
            case 5 or 6:
                MeshWorld.Side side = step % 2 == 0 ? world.A : world.B;
                world.Restart(side, silently: step / 97 == 5);
                side.Trust();
                side.Want();
                break;
            case 7:
                world.A.Add();
                break;
            case 8:
                world.B.Add();
                break;
            case 9:
                world.A.NetworkChanged();
                break;
            case 10:
                world.B.NetworkChanged();
                break;
            case 11 or 12:
                MeshWorld.Side moved = step % 2 == 0 ? world.A : world.B;
                moved.AddressGone();
                moved.NetworkChanged();
                break;
            case 13 or 14 or 15:
                MeshWorld.Side rotated = step % 2 == 0 ? world.A : world.B;
                world.Rotate(rotated, silently: step / 97 == 13);
                rotated.Trust();
                rotated.Want();
                break;
            case 16:
                world.Rotate(world.A, silently: false);
                world.Rotate(world.B, silently: false);
                Setup(world);
                break;
        }
    }

    private static string Explain(MeshWorld world, int seed) =>
        $"seed {seed}, links {world.Links}\n{string.Join('\n', world.Trace.TakeLast(60))}";
}
