using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>How often whom: the choice, and what holds after any sequence of operations.</summary>
public sealed class AddressTablePickTests
{
    private static readonly PeerAddress[] Rivals = FindRivals();
    private readonly AddressBed _bed = new();

    // One attacker's source group has 512 entries, 19 others have one each: a twentieth of the picks and no more.
    [Fact]
    public void Pick_SourceWithManyEntries_HasTheShareOfOneGroup()
    {
        for (int i = 0; i < 5000; i++)
        {
            _bed.Table.Add(new AddressCandidate(AddressBed.Address(100 + (i % 100), i / 100), AddressSource.PeerExchange, new IPAddress([66, 66, 1, 1])), _bed.Now);
        }

        for (int i = 0; i < 19; i++)
        {
            Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(i, 1), $"9.{i}.1.1"));
        }

        int attackers = CountPicks(4000, a => a.Host.StartsWith("20.1", StringComparison.Ordinal) && a.Host.Split('.')[1].Length == 3);

        // 200 expected, 14 the standard deviation.
        Assert.InRange(attackers, 130, 270);
    }

    // Half of the picks are proven ones, and of these each address group has its share.
    [Fact]
    public void Pick_ProvenAndUnproven_HalfEach()
    {
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(i, 1), $"9.{i}.1.1"));
        }

        for (int i = 0; i < 4; i++)
        {
            _bed.Prove(AddressBed.Address(i, 1));
        }

        _bed.Wait(60);
        Assert.InRange(CountPicks(4000, a => _bed.Table.Find(a)!.IsProven), 1850, 2150);
    }

    [Fact]
    public void Pick_GroupInUse_IsHalvedForEachLink()
    {
        _bed.Add(AddressBed.Address(1, 1), "9.1.1.1");
        _bed.Add(AddressBed.Address(2, 1), "9.2.1.1");
        _bed.Use[_bed.Table.Find(AddressBed.Address(1, 1))!.Group] = 3;

        // An eighth against one: a ninth of the picks.
        Assert.InRange(CountPicks(4000, a => a == AddressBed.Address(1, 1)), 344, 544);
    }

    [Fact]
    public void Pick_OnlyOneGroupThere_IsPickedThough()
    {
        _bed.Add(AddressBed.Address(1, 1), "9.1.1.1");
        _bed.Use[_bed.Table.Find(AddressBed.Address(1, 1))!.Group] = 60;

        Assert.NotNull(_bed.Pick());
    }

    [Fact]
    public void Pick_AllUnusable_ParksEachOnceAndEnds()
    {
        for (int i = 0; i < 500; i++)
        {
            PeerAddress address = AddressBed.Address(i, 1);
            _bed.Table.Add(new AddressCandidate(address, AddressSource.PeerExchange, new IPAddress([9, (byte)i, 1, 1])), _bed.Now);
            _bed.Busy.Add(address.Id!.Value);
        }

        Assert.Null(_bed.Pick());
        Assert.Equal(0, _bed.Table.Counts.Ready);
        Assert.Equal(_bed.Now + TimeSpan.FromMinutes(1), _bed.Table.NextDue);
    }

    [Theory]
    [InlineData(0, 0, 1, 0, 1)]
    [InlineData(1, 0, 1, 0, 0.66)]
    [InlineData(0, 1, 1, 0, 0.5)]
    [InlineData(0, 2, 1, 0, 0.25)]
    [InlineData(0, 0, 0.1, 0, 0.1)]
    [InlineData(0, 0, 1, 7, 0.5)]
    [InlineData(99, 99, 0, 9999, 0.05)]
    public void ChanceOf_Table_IsTheProduct(int failures, int refused, double standing, int days, double chance)
    {
        AddressEntry entry = new(AddressBed.Address(1, 1), 1, AddressSource.PeerExchange, default, default)
        {
            Failures = failures,
            RefusedInRow = refused,
            LastSuccess = TimeSpan.Zero,
        };

        Assert.Equal(chance, AddressTable.ChanceOf(entry, standing, TimeSpan.FromDays(days)), 9);
    }

    /// <summary>Whatever happens in whatever order: the lists agree, no source group has more than its share, and no proven entry is lost to an unproven one.</summary>
    [Fact]
    public void Operations_AnySequence_TheListsAgree() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), Gen.Choose(0, (1 << 20) - 1).ArrayOf().Resize(200).ToArbitrary(), (seed, script) =>
        {
            AddressBed bed = new(seed, regulars: 4);
            foreach (int step in script)
            {
                Step(bed, step);
            }
        }).Check(Seeded.Config.WithMaxTest(100));

    private static PeerAddress[] FindRivals()
    {
        AddressSlots slots = new(AddressBed.Secret);
        AddressKey group = AddressGroups.KeysOf(IPAddress.Parse("20.2.0.0")).Wide;
        int[] four = [.. Enumerable.Range(0, 4).Select(i => slots.Proven(AddressBed.Address(2, i, id: i), group))];
        return [.. Enumerable.Range(0, 2000).Select(i => AddressBed.Address(2, i, id: i % 5)).Where(a => four.Contains(slots.Proven(a, group))).Take(30)];
    }

    private static void Step(AddressBed bed, int step)
    {
        int what = step % 17, number = (step / 17) % 61;

        // Few groups, hosts and ids, so that they meet; half of them where proven ones contend for four slots.
        PeerAddress address = step % 2 == 0 ? AddressBed.Address(number % 3, number % 7, id: number % 5) : Rivals[number % Rivals.Length];
        AddressTable table = bed.Table;
        int provenBefore = table.Counts.Proven;
        switch (what)
        {
            case 0 or 1:
                bed.Add(address, $"9.{number % 4}.1.1", (AddressSource)(number % 6));
                break;
            case 2:
                bed.Add(new PeerAddress("seed.example.org", 4040 + (number % 3)), null, AddressSource.Bootstrap);
                break;
            case 3:
                Verdict(bed, NotTooSoon(bed, table.PickForFeeler(bed.View, bed.Now)), number);
                break;
            case 4 or 5 or 6 or 7:
                Verdict(bed, NotTooSoon(bed, bed.Pick()), number);
                break;
            case 8:
                Verdict(bed, table.TryTake(address, bed.Now), number);
                break;
            case 9:
                table.LinkEnded(address, TimeSpan.FromSeconds(number * 20), bed.Now);
                break;
            case 10:
                table.Postpone(AddressBed.Id(number % 5), bed.Now + TimeSpan.FromMinutes(number), bed.Now);
                break;
            case 11:
                _ = bed.Busy.Add(AddressBed.Id(number % 5)) || bed.Busy.Remove(AddressBed.Id(number % 5));
                table.Wake(AddressBed.Id(number % 5), bed.Now);
                break;
            case 12:
                table.Rename(AddressBed.Id(number % 5), AddressBed.Id(number % 6), bed.Now);
                break;
            case 13:
                table.ResetBackoff(bed.Now);
                break;
            case 14:
                table.Regroup(new AddressGroups(AddressGroups.Loopback, number % 2 == 0 ? [] : [IPNetwork.Parse("20.1.0.0/16")]));
                break;
            case 15:
                _ = number % 4 == 0 && table.Remove(address);
                break;
            default:
                bed.Wait(number < 50 ? number : number * 3600);
                break;
        }

        bed.Check();
        Assert.False(what is 0 or 1 or 2 && table.Counts.Proven < provenBefore, "an added one pushed out a proven one");
    }

    // Whoever was dialled at that host and port before.
    private static AddressEntry? NotTooSoon(AddressBed bed, AddressEntry? entry)
    {
        Assert.True(entry is null || (entry.Spot.Until <= bed.Now && entry.NotBefore <= bed.Now), $"{entry?.Address} is dialled too soon");
        return entry;
    }

    private static void Verdict(AddressBed bed, AddressEntry? entry, int number)
    {
        if (entry is null)
        {
            return;
        }

        switch (number % 7)
        {
            case 0 or 1:
                bed.Table.Succeeded(entry.Address, entry.Id ?? AddressBed.Id(number % 5), bed.Now);
                break;
            case 2:
                bed.Table.Failed(entry.Address, number % 2 == 0, bed.Now);
                break;
            case 3:
                bed.Table.Alive(entry.Address, TimeSpan.FromSeconds(number), bed.Now);
                break;
            case 4:
                bed.Table.WrongKey(entry.Address, bed.Now);
                break;
            case 5:
                bed.Table.Full(entry.Address, entry.Id ?? AddressBed.Id(number % 5), TimeSpan.FromSeconds(number), bed.Now);
                break;
            default:
                bed.Table.Dropped(entry.Address, TimeSpan.FromSeconds(number), bed.Now);
                break;
        }
    }

    private int CountPicks(int picks, Func<PeerAddress, bool> isIt)
    {
        int count = 0;
        for (int i = 0; i < picks; i++)
        {
            AddressEntry entry = _bed.Table.Pick(_bed.View, _bed.Now)!;
            count += isIt(entry.Address) ? 1 : 0;
            _bed.Table.Dropped(entry.Address, TimeSpan.Zero, _bed.Now);
        }

        _bed.Check();
        return count;
    }
}
