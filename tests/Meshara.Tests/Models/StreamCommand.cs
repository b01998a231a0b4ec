using FsCheck;
using FsCheck.Fluent;

namespace Meshara.Tests.Models;

/// <summary>What two applications and the connection between them may do. Sides are 0 and 1; which stream is meant is seen when it happens.</summary>
internal abstract record StreamCommand
{
    internal sealed record Open(int Side, bool Handled) : StreamCommand;

    internal sealed record Write(int Side, int Which, int Length) : StreamCommand;

    internal sealed record Read(int Side, int Which, int Length) : StreamCommand;

    internal sealed record Finish(int Side, int Which) : StreamCommand;

    internal sealed record Abort(int Side, int Which) : StreamCommand;

    internal sealed record Close(int Side, int Which) : StreamCommand;

    /// <summary>A message of one of two protocols.</summary>
    internal sealed record Send(int Side, int Protocol, int Length, bool Acknowledged) : StreamCommand;

    internal sealed record Ask(int Side, int Length, int Reply) : StreamCommand;

    internal sealed record Cancel(int Side, int Which) : StreamCommand;

    /// <summary>A handler that runs on this side returns.</summary>
    internal sealed record Return(int Side, int Which, bool Throws) : StreamCommand;

    /// <summary>A write of this side to the connection ends, and the next begins.</summary>
    internal sealed record Pump(int Side) : StreamCommand;

    /// <summary>Frames arrive at this side.</summary>
    internal sealed record Deliver(int Side, int Frames) : StreamCommand;

    // Most of the time things move; else all would wait for credit soon.
    public static Gen<StreamCommand> Any { get; } = Gen.Frequency(
        (3, Of(from side in Sides from handled in Gen.Choose(0, 7) select new Open(side, handled > 0))),
        (6, Of(from side in Sides from which in Nth from length in Lengths select new Write(side, which, length))),
        (6, Of(from side in Sides from which in Nth from length in Lengths select new Read(side, which, length))),
        (1, Of(from side in Sides from which in Nth select new Finish(side, which))),
        (1, Of(from side in Sides from which in Nth select new Abort(side, which))),
        (1, Of(from side in Sides from which in Nth select new Close(side, which))),
        (6, Of(from side in Sides from protocol in Sides from length in Lengths from odds in Gen.Choose(0, 2) select new Send(side, protocol, length, odds == 0))),
        (3, Of(from side in Sides from length in Lengths from reply in Lengths select new Ask(side, length, reply))),
        (1, Of(from side in Sides from which in Nth select new Cancel(side, which))),
        (8, Of(from side in Sides from which in Nth from odds in Gen.Choose(0, 4) select new Return(side, which, odds == 0))),
        (10, Of(Sides.Select(static side => new Pump(side)))),
        (12, Of(from side in Sides from frames in Gen.Choose(1, 30) select new Deliver(side, frames))));

    private static Gen<int> Sides => Gen.Choose(0, 1);

    private static Gen<int> Nth => Gen.Choose(0, 15);

    public static IEnumerable<StreamCommand> Simpler(StreamCommand command) => command switch
    {
        Write { Length: > 1 } write => [write with { Length = write.Length / 2 }, write with { Length = write.Length - 1 }],
        Send { Length: > 0 } send => [send with { Length = send.Length / 2 }, send with { Length = send.Length - 1 }],
        Ask { Length: > 0 } or Ask { Reply: > 0 } when command is Ask ask => [ask with { Length = ask.Length / 2, Reply = ask.Reply / 2 }],
        Deliver { Frames: > 1 } deliver => [deliver with { Frames = deliver.Frames - 1 }],
        _ => [],
    };

    // As often small as large, and at the edges of a window of 4 KiB.
    private static Gen<int> Lengths => Gen.OneOf(Gen.Choose(0, 100), Gen.Choose(2000, 2100), Gen.Choose(4000, 4100), Gen.Choose(0, 12_000));

    private static Gen<StreamCommand> Of<T>(Gen<T> commands)
        where T : StreamCommand => commands.Select(static command => (StreamCommand)command);
}
