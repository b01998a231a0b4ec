using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>To whom this node was linked before comes before strangers: each draw of a stranger is a chance for an attacker.</summary>
public sealed class AddressTableRegularsTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);
    private readonly AddressBed _bed = new(regulars: 3);

    private void Link(PeerAddress address, TimeSpan lived)
    {
        _bed.Add(address, $"9.{address.Host.Split('.')[1]}.1.1");
        _bed.Prove(address);
        _bed.Now += lived;
        _bed.Table.LinkEnded(address, lived, _bed.Now);
        _bed.Check();
    }

    private void Strangers(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Assert.Equal(AddOutcome.Added, _bed.Add(AddressBed.Address(100 + i, 1), $"9.{100 + i}.1.1"));
            if (i % 2 == 0)
            {
                _bed.Prove(AddressBed.Address(100 + i, 1));
            }
        }

        _bed.Wait(60);
    }

    [Fact]
    public void Pick_RegularIsBack_BeforeAnyStranger()
    {
        PeerAddress regular = AddressBed.Address(1, 1);
        Link(regular, Long);
        Strangers(100);

        Assert.True(_bed.Table.Find(regular)!.IsRegular);
        Assert.Equal(regular, _bed.Pick()!.Address);
        Assert.NotEqual(regular, _bed.Pick()!.Address);
    }

    [Fact]
    public void Pick_LinkWasShort_IsNoRegular()
    {
        PeerAddress address = AddressBed.Address(1, 1);
        Link(address, Long - TimeSpan.FromSeconds(1));

        Assert.False(_bed.Table.Find(address)!.IsRegular);
    }

    [Fact]
    public void Pick_RegularsAreAway_StrangersComeSoon()
    {
        PeerAddress[] regulars = [AddressBed.Address(1, 1), AddressBed.Address(2, 1), AddressBed.Address(3, 1)];
        foreach (PeerAddress regular in regulars)
        {
            Link(regular, Long);
        }

        Strangers(20);
        for (int i = 0; i < 3; i++)
        {
            AddressEntry entry = _bed.Pick()!;
            Assert.Contains(entry.Address, regulars);
            _bed.Table.Failed(entry.Address, online: true, _bed.Now);
            _bed.Wait(0.001);
        }

        // Most of a full jitter of a second is still to come.
        Assert.True(Enumerable.Range(0, 20).Count(_ => _bed.Pick() is { } e && !regulars.Contains(e.Address)) >= 17);
    }

    [Fact]
    public void Pick_RegularMisbehaved_IsRarelyChosen()
    {
        PeerAddress regular = AddressBed.Address(1, 1);
        Link(regular, Long);
        Strangers(20);
        _bed.Standing = e => e.Address == regular ? 0 : 1;
        int chosen = 0;
        for (int i = 0; i < 1000; i++)
        {
            AddressEntry entry = _bed.Pick()!;
            chosen += entry.Address == regular ? 1 : 0;
            _bed.Table.Dropped(entry.Address, TimeSpan.Zero, _bed.Now);
        }

        // Sixteen draws at a twentieth each.
        Assert.InRange(chosen, 400, 700);
    }

    [Fact]
    public void LinkEnded_MoreThanItKeeps_OnlyTheLostMakeRoom()
    {
        for (int i = 0; i < 4; i++)
        {
            Link(AddressBed.Address(i, 1), Long);
        }

        Assert.False(_bed.Table.Find(AddressBed.Address(3, 1))!.IsRegular);
        for (int i = 0; i < 8; i++)
        {
            _bed.Wait(300);
            _bed.Fail(AddressBed.Address(1, 1));
        }

        Link(AddressBed.Address(4, 1), Long);
        Assert.Equal([true, false, true, false, true], Enumerable.Range(0, 5).Select(i => _bed.Table.Find(AddressBed.Address(i, 1))!.IsRegular));
    }

    [Fact]
    public void Rename_Regular_StaysOne()
    {
        PeerAddress regular = AddressBed.Address(1, 1, id: 1);
        Link(regular, Long);
        _bed.Table.Rename(AddressBed.Id(1), AddressBed.Id(2), _bed.Now);
        _bed.Check();

        Assert.True(_bed.Table.Find(regular with { Id = AddressBed.Id(2) })!.IsRegular);
    }

    // A flood of yesterday's addresses takes no place from those known for long.
    [Fact]
    public void Restore_Table_KnownLongestInDifferentGroupsAreRegulars()
    {
        AddressRecord Record(int group, int host, double daysKnown) => new(AddressBed.Address(group, host), AddressSource.PeerExchange, default)
        {
            FirstSeen = _bed.Now - TimeSpan.FromDays(daysKnown),
            LastSeen = _bed.Now,
            LastTried = _bed.Now - TimeSpan.FromHours(1),
            LastSuccess = _bed.Now - TimeSpan.FromHours(1),
        };
        List<AddressRecord> records = [Record(1, 1, 30), Record(1, 2, 29), Record(2, 1, 20), Record(3, 1, 10)];
        records.AddRange(Enumerable.Range(10, 200).Select(i => Record(i, 1, 1)));

        _bed.Table.Restore(records, _bed.Now);
        _bed.Check();

        Assert.Equal(
            [AddressBed.Address(1, 1), AddressBed.Address(2, 1), AddressBed.Address(3, 1)],
            records.Select(r => r.Address).Where(a => _bed.Table.Find(a) is { IsRegular: true }));
    }
}
