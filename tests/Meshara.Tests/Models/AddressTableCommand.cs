using FsCheck;
using FsCheck.Fluent;

namespace Meshara.Tests.Models;

/// <summary>What may happen to an address table: 24 addresses of 6 hosts, 2 ports and 6 ids.</summary>
internal abstract record AddressTableCommand
{
    internal sealed record Add(int Address, AddressSource Source) : AddressTableCommand;

    internal sealed record Pick(bool Feeler) : AddressTableCommand;

    /// <summary>A certain one is dialled, whatever its backoff.</summary>
    internal sealed record TakeOne(int Address) : AddressTableCommand;

    /// <summary>What came of one of the dials under way.</summary>
    internal sealed record Verdict(int Which, AddressVerdict What, int Seconds) : AddressTableCommand;

    internal sealed record LinkEnded(int Address, int Seconds) : AddressTableCommand;

    internal sealed record Postpone(int Id, int Minutes) : AddressTableCommand;

    /// <summary>An id cannot be dialled, or can again.</summary>
    internal sealed record Busy(int Id) : AddressTableCommand;

    internal sealed record Remove(int Address) : AddressTableCommand;

    internal sealed record RemoveId(int Id) : AddressTableCommand;

    /// <summary>An id goes on as its neighbour.</summary>
    internal sealed record Rename(int Id) : AddressTableCommand;

    internal sealed record ResetBackoff : AddressTableCommand;

    internal sealed record Wait(int Seconds) : AddressTableCommand;

    /// <summary>The program ends and begins again with what it stored.</summary>
    internal sealed record Restart : AddressTableCommand;

    /// <summary>After three hours each that can be dialled is given out once.</summary>
    internal sealed record PickAll : AddressTableCommand;

    public static Gen<AddressTableCommand> Any { get; } = Gen.Frequency(
        (8, Of(from address in Addresses from source in Gen.Elements(Enum.GetValues<AddressSource>()) select new Add(address, source))),
        (6, Of(Gen.Choose(0, 3).Select(static odds => new Pick(odds == 0)))),
        (2, Of(Addresses.Select(static address => new TakeOne(address)))),
        (10, Of(from which in Addresses from what in Gen.Elements(Enum.GetValues<AddressVerdict>()) from seconds in Times select new Verdict(which, what, seconds))),
        (2, Of(from address in Addresses from seconds in Times select new LinkEnded(address, seconds))),
        (1, Of(from id in Ids from minutes in Gen.Choose(0, 90) select new Postpone(id, minutes))),
        (1, Of(Ids.Select(static id => new Busy(id)))),
        (1, Of(Addresses.Select(static address => new Remove(address)))),
        (1, Of(Ids.Select(static id => new RemoveId(id)))),
        (1, Of(Ids.Select(static id => new Rename(id)))),
        (1, Of(Gen.Constant(new ResetBackoff()))),
        (6, Of(Times.Select(static seconds => new Wait(seconds)))),
        (1, Of(Gen.Constant(new Restart()))),
        (1, Of(Gen.Constant(new PickAll()))));

    private static Gen<int> Addresses => Gen.Choose(0, 23);

    private static Gen<int> Ids => Gen.Choose(0, 5);

    private static Gen<int> Times => Gen.OneOf(Gen.Choose(0, 10), Gen.Choose(0, 400), Gen.Choose(0, 10_000));

    public static IEnumerable<AddressTableCommand> Simpler(AddressTableCommand command) => command switch
    {
        Wait { Seconds: > 0 } wait => [new Wait(wait.Seconds / 2), new Wait(wait.Seconds - 1)],
        Add { Address: > 0 } add => [add with { Address = 0 }],
        Verdict { Seconds: > 0 } verdict => [verdict with { Seconds = 0 }],
        Postpone { Minutes: > 1 } postpone => [postpone with { Minutes = postpone.Minutes / 2 }],
        _ => [],
    };

    private static Gen<AddressTableCommand> Of<T>(Gen<T> commands)
        where T : AddressTableCommand => commands.Select(static command => (AddressTableCommand)command);
}

/// <summary>How a dial ends.</summary>
internal enum AddressVerdict
{
    Succeeded,
    FailedOnline,
    FailedOffline,
    Alive,
    Full,
    WrongKey,
    Dropped,
}
