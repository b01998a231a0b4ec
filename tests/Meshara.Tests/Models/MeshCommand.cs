using FsCheck;
using FsCheck.Fluent;

namespace Meshara.Tests.Models;

/// <summary>What may happen to a mesh. Peers, addresses and connections are numbers: which one is meant is seen when it happens.</summary>
internal abstract record MeshCommand
{
    /// <summary>Somebody connects.</summary>
    internal sealed record Call(int Peer, int From) : MeshCommand;

    /// <summary>HELLO comes on a connection that waits for it. Who answers at an address without an id may be anybody.</summary>
    internal sealed record Greet(int Which, int Answers, bool Proven, bool Probe, bool Forged) : MeshCommand;

    /// <summary>READY comes.</summary>
    internal sealed record Ready(int Which) : MeshCommand;

    /// <summary>A connection that is not live fails.</summary>
    internal sealed record Fail(int Which, int Code, bool ByPeer) : MeshCommand;

    /// <summary>A link ends, as it was told to or of itself.</summary>
    internal sealed record End(int Which, int Reason) : MeshCommand;

    /// <summary>Somebody names an address.</summary>
    internal sealed record Learn(int Peer, int From) : MeshCommand;

    internal sealed record Trust(int Peer) : MeshCommand;

    internal sealed record Remove(int Peer) : MeshCommand;

    internal sealed record Forgive(int Peer) : MeshCommand;

    /// <summary>The operator adds an address.</summary>
    internal sealed record Add(int Peer, bool Pinned, bool Keep) : MeshCommand;

    internal sealed record CancelAdd(int Which) : MeshCommand;

    /// <summary>A link sends more than it may.</summary>
    internal sealed record Flood(int Which) : MeshCommand;

    internal sealed record NetworkChanged : MeshCommand;

    internal sealed record Wait(int Milliseconds) : MeshCommand;

    /// <summary>As often as it takes to fill a mesh and to have something to fight for.</summary>
    public static Gen<MeshCommand> Any { get; } = Gen.Frequency(
        (6, Of(from peer in Number from address in Number select new Call(peer, address))),
        (8, Of(from which in Number from answers in Number from odds in Gen.Choose(0, 63) select new Greet(which, answers, odds % 8 > 0, odds is > 8 and < 14, odds == 63))),
        (8, Of(Number.Select(static n => new Ready(n)))),
        (2, Of(from which in Number from code in Number from peer in Gen.Choose(0, 1) select new Fail(which, code, peer == 1))),
        (2, Of(from which in Number from reason in Number select new End(which, reason))),
        (3, Of(from peer in Number from address in Number select new Learn(peer, address))),
        (1, Of(Number.Select(static n => new Trust(n)))),
        (1, Of(Number.Select(static n => new Remove(n)))),
        (1, Of(Number.Select(static n => new Forgive(n)))),
        (1, Of(from peer in Number from odds in Gen.Choose(0, 5) select new Add(peer, odds % 2 == 0, odds % 3 == 0))),
        (1, Of(Number.Select(static n => new CancelAdd(n)))),
        (1, Of(Number.Select(static n => new Flood(n)))),
        (1, Of(Gen.Constant(new NetworkChanged()))),
        (6, Of(Gen.Choose(1, 3000).Select(static n => new Wait(n)))),
        (3, Of(Gen.Choose(3000, 100_000).Select(static n => new Wait(n)))));

    public static IEnumerable<MeshCommand> Simpler(MeshCommand command) => command switch
    {
        Wait { Milliseconds: > 1 } wait => [new Wait(wait.Milliseconds / 2), new Wait(wait.Milliseconds - 1)],
        Call call when call != new Call(0, 0) => [new Call(0, 0), new Call(call.Peer, 0), new Call(call.Peer / 2, call.From)],
        Greet greet when greet != new Greet(0, 0, true, false, false) => [new Greet(0, 0, true, false, false), greet with { Which = greet.Which / 2 }, greet with { Answers = 0 }],
        Ready { Which: > 0 } ready => [new Ready(ready.Which / 2)],
        _ => [],
    };

    private static Gen<int> Number => Gen.Choose(0, 23);

    private static Gen<MeshCommand> Of<T>(Gen<T> commands)
        where T : MeshCommand => commands.Select(static command => (MeshCommand)command);
}
