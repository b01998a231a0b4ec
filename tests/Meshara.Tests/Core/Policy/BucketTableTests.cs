using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>Who is remembered, and for how long. One token a second, two at once.</summary>
public sealed class BucketTableTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private TimeSpan _now = TimeSpan.FromSeconds(100);

    // For each that comes, two that are full again are forgotten: the table shrinks after a flood.
    [Theory]
    [InlineData(0, 99)]
    [InlineData(-1, 101)]
    public void Spend_OthersAreFullAgain_TwoAreForgotten(int ticks, int count)
    {
        BucketTable table = Filled(capacity: 1000, keys: 100);
        _now += Second + TimeSpan.FromTicks(ticks);
        table.Spend(Key(500), _now);
        Assert.Equal(count, table.Count);
        table.Spend(Key(501), _now);
        Assert.Equal(ticks < 0 ? 102 : 98, table.Count);
    }

    // Whoever came first has come again: he is remembered until that is over.
    [Fact]
    public void Spend_UsedSince_IsRememberedUntilItIsFull()
    {
        BucketTable table = Filled(capacity: 1000, keys: 5);
        table.Spend(Key(0), _now);
        _now += Second;
        table.Spend(Key(500), _now);
        Assert.Equal(4, table.Count);
        Assert.True(table.Allows(Key(0), _now));
        table.Spend(Key(0), _now);
        Assert.False(table.Allows(Key(0), _now));
        _now += Second;
        table.Spend(Key(501), _now);
        Assert.Equal(3, table.Count);
        Assert.True(table.Allows(Key(0), _now));
        table.Spend(Key(0), _now);
        Assert.False(table.Allows(Key(0), _now));
    }

    // No room: the one that comes shares a bucket with others, and has one of its own when there is room again.
    [Fact]
    public void Spend_NoRoom_SharesABucket_AndItsOwnBeginsWithWhatIsLeftOfThat()
    {
        BucketTable table = Filled(capacity: 4, keys: 4);
        Assert.Equal(4, table.Count);
        table.Spend(Key(500), _now);
        table.Spend(Key(500), _now);
        Assert.Equal(4, table.Count);
        Assert.False(table.Allows(Key(500), _now));
        Assert.True(table.Allows(Key(1), _now));
        _now += Second;
        table.Spend(Key(500), _now);
        Assert.Equal(3, table.Count);
        Assert.False(table.Allows(Key(500), _now));
    }

    [Fact]
    public void Spend_TheLastPlace_IsTaken()
    {
        BucketTable table = Filled(capacity: 4, keys: 3);
        table.Spend(Key(500), _now);
        Assert.Equal(4, table.Count);
    }

    [Fact]
    public void Turns_MoreKeysThanItHolds_TheOldestIsForgotten()
    {
        Turns turns = new(2);
        turns.Take(Key(1));
        turns.Take(Key(2));
        Assert.Equal(2, turns.Count);
        turns.Take(Key(3));
        Assert.Equal(2, turns.Count);
        Assert.Equal(0, turns.LastOf(Key(1)));
        Assert.True(turns.LastOf(Key(2)) < turns.LastOf(Key(3)));
    }

    // One that comes again and again: what its former turns took is bounded too, at twice as many; then the other one goes.
    [Fact]
    public void Turns_OneKeyAgainAndAgain_IsBounded()
    {
        Turns turns = new(2);
        turns.Take(Key(1));
        turns.Take(Key(2));
        turns.Take(Key(1));
        turns.Take(Key(1));
        turns.Take(Key(1));
        Assert.Equal(2, turns.Count);
        Assert.True(turns.LastOf(Key(1)) > turns.LastOf(Key(2)));
        Assert.NotEqual(0, turns.LastOf(Key(2)));
        turns.Take(Key(1));
        Assert.Equal(0, turns.LastOf(Key(2)));
        Assert.NotEqual(0, turns.LastOf(Key(1)));
    }

    private BucketTable Filled(int capacity, int keys)
    {
        BucketTable table = new(new Pace(1, 2), capacity, 7);
        for (int i = 0; i < keys; i++)
        {
            table.Spend(Key(i), _now);
        }

        Assert.Equal(keys, table.Count);
        return table;
    }

    private static AddressKey Key(int number) => AddressGroups.KeysOf(System.Net.IPAddress.Parse($"198.51.{number / 250}.{number % 250}")).Address;
}
