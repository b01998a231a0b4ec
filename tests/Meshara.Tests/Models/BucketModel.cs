using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>Who asks at a door with a token bucket for each.</summary>
internal abstract record BucketCommand
{
    /// <summary>Somebody asks, and spends if he may.</summary>
    internal sealed record Ask(int Key) : BucketCommand;

    /// <summary>A token is taken, allowed or not.</summary>
    internal sealed record Spend(int Key) : BucketCommand;

    internal sealed record Wait(int Milliseconds) : BucketCommand;

    public static Gen<BucketCommand> Any { get; } = Gen.Frequency(
        (6, Of(Gen.Choose(0, 15).Select(static key => new Ask(key)))),
        (3, Of(Gen.Choose(0, 15).Select(static key => new Spend(key)))),
        (3, Of(Gen.OneOf(Gen.Choose(0, 300), Gen.Choose(0, 5000)).Select(static time => new Wait(time)))));

    public static IEnumerable<BucketCommand> Simpler(BucketCommand command) => command switch
    {
        Wait { Milliseconds: > 0 } wait => [new Wait(wait.Milliseconds / 2), new Wait(wait.Milliseconds - 1)],
        Ask { Key: > 0 } ask => [new Ask(0), new Ask(ask.Key - 1)],
        Spend { Key: > 0 } spend => [new Spend(0), new Spend(spend.Key - 1)],
        _ => [],
    };

    private static Gen<BucketCommand> Of<T>(Gen<T> commands)
        where T : BucketCommand => commands.Select(static command => (BucketCommand)command);
}

/// <summary>Few buckets beside one for each key: nobody gets more from the few, and while there are enough for all everybody gets the same.</summary>
/// <param name="capacity">Buckets of their own.</param>
/// <param name="losesTokens">The planted fault: every second token is not taken.</param>
internal sealed class BucketModel(int capacity, bool losesTokens = false) : IModelled<BucketCommand>
{
    // Four at once, and one each 250 ms.
    private const long Each = 250 * TimeSpan.TicksPerMillisecond, Burst = 4;

    private readonly BucketTable _table = new(new Pace(4, (int)Burst), capacity, seed: 7);
    private readonly SortedDictionary<int, long> _owed = [];
    private TimeSpan _now;
    private int _spent;
    private bool _wasFull;

    public ValueTask<bool> TryDoAsync(BucketCommand command)
    {
        switch (command)
        {
            case BucketCommand.Ask ask:
                bool allowed = _table.Allows(KeyOf(ask.Key), _now);
                bool ought = _owed.GetValueOrDefault(ask.Key) <= (Burst - 1) * Each;
                Assert.True(ought || !allowed, $"{ask.Key} gets a token that it has not");
                Assert.True(allowed || !ought || _wasFull, $"{ask.Key} gets none, and there are buckets for all");
                if (allowed)
                {
                    Spend(ask.Key);
                }

                break;
            case BucketCommand.Spend spend:
                Spend(spend.Key);
                break;
            case BucketCommand.Wait wait:
                Pass(wait.Milliseconds * TimeSpan.TicksPerMillisecond);
                break;
        }

        Assert.InRange(_table.Count, 0, capacity);
        return ValueTask.FromResult(true);
    }

    private static AddressKey KeyOf(int number) => AddressGroups.KeysOf(new System.Net.IPAddress([20, 1, 1, (byte)number])).Address;

    private void Pass(long ticks)
    {
        _now += new TimeSpan(ticks);
        foreach (int key in _owed.Keys.ToArray())
        {
            _owed[key] = Math.Max(0, _owed[key] - ticks);
        }
    }

    private void Spend(int key)
    {
        _owed[key] = _owed.GetValueOrDefault(key) + Each;
        if (!losesTokens || ++_spent % 2 == 0)
        {
            _table.Spend(KeyOf(key), _now);
        }

        // From then on strangers share, and what they owe together stays for a while.
        _wasFull |= _owed.Values.Count(static owed => owed > 0) > capacity;
    }
}
