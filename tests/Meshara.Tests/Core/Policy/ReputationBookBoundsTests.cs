using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>Both sides of each bound of the book.</summary>
public sealed class ReputationBookBoundsTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1), Hour = TimeSpan.FromHours(1), Memory = TimeSpan.FromDays(7);

    private readonly HashSet<NodeId> _kept = [];
    private readonly HashSet<NodeId> _static = [];
    private readonly ReputationBook _book;
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public ReputationBookBoundsTests() => _book = new ReputationBook(new ReputationOptions(), _kept.Contains, _static.Contains);

    [Fact]
    public void Add_RateAtItsFloor_NothingIsTakenAndTheLinkIsClosedAgain()
    {
        for (int i = 0; i < 6; i++)
        {
            Add(ReputationCause.Rate);
        }

        Assert.Equal(-60, Value());
        Assert.Equal(Conduct.Disconnect, Add(ReputationCause.Rate));
        Assert.Equal(-60, Value());
        Assert.Equal(6, _book.HistoryOf(Ids.Low).Count);
    }

    [Fact]
    public void Add_AtTheFloorOfTimeouts_OrUsefulWork_NothingFollows()
    {
        Add(ReputationCause.ProtocolViolation);
        Add(ReputationCause.ProtocolViolation);
        Assert.Equal(-60, Value());
        Assert.Equal(Conduct.Fine, Add(ReputationCause.Timeout));
        Assert.Equal(Conduct.Fine, Add(ReputationCause.UsefulExchange));
        Assert.Equal(-60, Value());
    }

    [Fact]
    public void Add_RateOfAStaticPeerAtItsFloor_NothingFollows()
    {
        _static.Add(Ids.Low);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(Conduct.Fine, Add(ReputationCause.Rate));
        }
    }

    // A bad line is no misbehaviour, however much the operator takes for it.
    [Fact]
    public void Add_TimeoutsThatCostMuch_NeverDisconnect()
    {
        _book.Options = new ReputationOptions { Timeout = 90, TimeoutFloor = -100 };
        Assert.Equal(Conduct.Fine, Add(ReputationCause.Timeout));
        Assert.Equal(-90, Value());
    }

    [Theory]
    [InlineData(1, Conduct.Fine)]
    [InlineData(2, Conduct.Disconnect)]
    [InlineData(3, Conduct.Ban)]
    public void Add_ExactlyAtAThreshold_ItFollows(int violations, object conduct)
    {
        _book.Options = new ReputationOptions { ProtocolViolation = 25 };
        for (int i = 1; i < violations; i++)
        {
            Add(ReputationCause.ProtocolViolation);
        }

        Assert.Equal((Conduct)conduct, Add(ReputationCause.ProtocolViolation));
    }

    [Fact]
    public void IsDiscouraged_ExactlyAtItsThreshold_True()
    {
        Assert.False(_book.IsDiscouraged(Ids.Low, _now));
        Add(ReputationCause.Rate);
        Assert.True(_book.IsDiscouraged(Ids.Low, _now));
        _now += TimeSpan.FromSeconds(1);
        Assert.False(_book.IsDiscouraged(Ids.Low, _now));
    }

    [Fact]
    public void ValueOf_ExactlyMinusOne_IsNotForgotten()
    {
        _book.Options = new ReputationOptions { Rate = 1 };
        Add(ReputationCause.Rate);
        Assert.Equal(-1, Value());
        _now += TimeSpan.FromSeconds(1);
        Assert.Equal(0, Value());
    }

    [Fact]
    public void ValueOf_ALittleCredit_IsNotForgotten()
    {
        Add(ReputationCause.UsefulExchange);
        Assert.Equal(0.1, Value(), 9);
    }

    // The line says what was lost, credit too: a loss is counted from 0 down.
    [Fact]
    public void HistoryOf_LossAfterCredit_SaysAllThatWasLost()
    {
        Add(ReputationCause.UsefulExchange);
        Add(ReputationCause.Rate);
        ReputationLine line = _book.HistoryOf(Ids.Low)[^1];
        Assert.Equal((-10.1, -10d), (Math.Round(line.Delta, 9), line.Value));
    }

    [Fact]
    public void HistoryOf_TimeoutsInARow_AreOneLine()
    {
        Add(ReputationCause.Timeout);
        Add(ReputationCause.Timeout);
        Assert.Equal(new ReputationLine(_now, ReputationCause.Timeout, -4, -4, 2), Assert.Single(_book.HistoryOf(Ids.Low)));
        Add(ReputationCause.Rate);
        Add(ReputationCause.Rate);
        Assert.Equal(3, _book.HistoryOf(Ids.Low).Count);
    }

    [Fact]
    public void HistoryOf_MoreThanSixteen_TheOldestGoes()
    {
        TimeSpan second = _now + Hour;
        for (int i = 0; i < 17; i++, _now += Hour)
        {
            Add(ReputationCause.Rate);
        }

        Assert.Equal(second, _book.HistoryOf(Ids.Low)[0].At);
        Assert.Empty(_book.HistoryOf(Ids.High));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    public void Add_BannedAgainWhereTheLastWasOverForSevenDays_CountsAsTheSecond(int ticksMore, int hours)
    {
        Add(ReputationCause.ForgedSignature);
        _now += Hour + Memory + TimeSpan.FromTicks(ticksMore);
        Add(ReputationCause.ForgedSignature);
        Assert.Equal(_now + (Hour * hours), _book.BanUntil(Ids.Low, _now));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    public void Add_AnotherIsBanned_WhatIsOverForMoreThanSevenDaysIsForgotten(int ticksMore, int left)
    {
        Add(ReputationCause.ForgedSignature);
        _now += Hour + Memory + TimeSpan.FromTicks(ticksMore);
        Add(ReputationCause.ForgedSignature, Ids.High);
        Assert.Equal(left, _book.BanCount);
    }

    [Fact]
    public void Add_MoreBansThanThereIsRoomFor_TheOneThatEndsFirstGoes_AndAForgottenOneMakesRoom()
    {
        for (int i = 0; i < ReputationBook.MaxBans; i++)
        {
            Add(ReputationCause.ForgedSignature, AddressBed.Id(i));
            _now += TimeSpan.FromMilliseconds(1);
        }

        _book.Forget(AddressBed.Id(7));
        Add(ReputationCause.ForgedSignature, AddressBed.Id(5000));
        Assert.NotNull(_book.BanUntil(AddressBed.Id(0), _now));
        Assert.Equal(ReputationBook.MaxBans, _book.BanCount);
        _now += TimeSpan.FromMilliseconds(1);
        Add(ReputationCause.ForgedSignature, AddressBed.Id(5001));
        Assert.Null(_book.BanUntil(AddressBed.Id(0), _now));
        Assert.NotNull(_book.BanUntil(AddressBed.Id(1), _now));
        Assert.Equal(ReputationBook.MaxBans, _book.BanCount);
    }

    [Fact]
    public void Add_MoreMarkedAddressesThanThereIsRoomFor_TheOldestGoes()
    {
        for (int i = 0; i <= ReputationBook.MaxMarks; i++)
        {
            _book.Add(AddressBed.Id(i), ReputationCause.ForgedSignature, Key(i), _now);
            _now += TimeSpan.FromMilliseconds(1);
        }

        Assert.False(_book.IsMarked(Key(0), _now));
        Assert.True(_book.IsMarked(Key(1), _now));
    }

    // The 1025th stranger: a quarter goes, of those whose conduct says least; histories are left of the 256 that were touched last.
    [Fact]
    public void Add_MoreStrangersThanThereIsRoomFor_AQuarterGoes_ThoseWhoseConductSaysLeast()
    {
        _kept.Add(AddressBed.Id(3));
        for (int i = 0; i < ReputationBook.MaxStrangers; i++)
        {
            Add(i is >= 100 and < 400 ? ReputationCause.Timeout : ReputationCause.Rate, AddressBed.Id(i));
            _now += TimeSpan.FromTicks(1);
        }

        Assert.Equal(ReputationBook.MaxStrangers, _book.Count);
        Add(ReputationCause.Timeout, AddressBed.Id(2000));

        // One of those that stay is kept and counts beside them.
        Assert.Equal((ReputationBook.MaxStrangers * 3 / 4) + 2, _book.Count);
        Assert.Equal(45, Enumerable.Range(100, 300).Count(i => Value(AddressBed.Id(i)) != 0));
        Assert.All(Enumerable.Range(0, 100).Concat(Enumerable.Range(400, 624)).Append(2000), i => Assert.NotEqual(0, Value(AddressBed.Id(i))));
        Assert.Empty(_book.HistoryOf(AddressBed.Id(767)));
        Assert.Single(_book.HistoryOf(AddressBed.Id(768)));
        Assert.Single(_book.HistoryOf(AddressBed.Id(3)));

        // The next quarter goes when there are 256 more.
        int room = _book.Count + (ReputationBook.MaxStrangers / 4);
        for (int i = 3000; _book.Count < room - 1; i++)
        {
            Add(ReputationCause.Rate, AddressBed.Id(i));
        }

        Add(ReputationCause.Rate, AddressBed.Id(9000));
        Assert.Equal((ReputationBook.MaxStrangers * 3 / 4) + 2, _book.Count);
    }

    // Less than one is not worth a place: all of that goes.
    [Theory]
    [InlineData(0.5, 425)]
    [InlineData(1, 769)]
    public void Add_MoreStrangersThanThereIsRoomFor_AllThatSayNothingGo(double credit, int left)
    {
        _book.Options = new ReputationOptions { UsefulExchange = credit };
        for (int i = 0; i < ReputationBook.MaxStrangers; i++)
        {
            Add(i < 600 ? ReputationCause.UsefulExchange : ReputationCause.Rate, AddressBed.Id(i));
        }

        Add(ReputationCause.Rate, AddressBed.Id(2000));
        Assert.Equal(left, _book.Count);
    }

    [Fact]
    public void GiveBackTimeouts_AMinuteOld_IsGivenBack_AlsoAfterAnother()
    {
        Add(ReputationCause.Timeout);
        _now += Minute;
        Add(ReputationCause.Timeout, Ids.High);
        _book.GiveBackTimeouts(_now);
        Assert.Equal((0d, 0d), (Math.Round(Value(), 9), Math.Round(Value(Ids.High), 9)));
    }

    [Fact]
    public void GiveBackTimeouts_MoreThanAreRemembered_TheFirstIsNotGivenBack()
    {
        for (int i = 0; i <= ReputationBook.MaxStrangers; i++)
        {
            _kept.Add(AddressBed.Id(i));
            Add(ReputationCause.Timeout, AddressBed.Id(i));
        }

        _book.GiveBackTimeouts(_now);
        Assert.Equal(-2, Value(AddressBed.Id(0)));
        Assert.Equal(0, Value(AddressBed.Id(1)));
    }

    [Fact]
    public void GiveBackTimeouts_OfOneWhoHasNothingLeft_StaysInRange()
    {
        _book.Options = new ReputationOptions { Timeout = 0.5 };
        Add(ReputationCause.Timeout);
        Add(ReputationCause.ForgedSignature);
        _book.GiveBackTimeouts(_now);
        Assert.Equal(-99.5, Value());
    }

    [Fact]
    public void Restore_AnIdThatIsKnown_TakesItsPlace()
    {
        Add(ReputationCause.ForgedSignature);
        _book.Restore(new ReputationRecord(Ids.Low) { Value = -5, ValueAt = _now }, _now);
        Assert.Null(_book.BanUntil(Ids.Low, _now));
        Assert.Equal(-5, Value());
        Assert.Empty(_book.HistoryOf(Ids.Low));
        _book.Restore(new ReputationRecord(Ids.Low), _now);
        Assert.Empty(_book.Ids);
    }

    // A ban that was never counted is none.
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Restore_ABanWithItsCount_Holds(int count, bool banned)
    {
        _book.Restore(new ReputationRecord(Ids.Low) { BanUntil = _now + Hour, BanCount = count }, _now);
        Assert.Equal(banned, _book.BanUntil(Ids.Low, _now) is not null);
        Assert.Equal(0, _book.Count);
    }

    [Fact]
    public void Restore_AHistory_TheLastSixteenLines_EachOnceAtLeast_AlsoWhereTheValueIsZero()
    {
        ReputationLine[] lines = [.. Enumerable.Range(0, 20).Select(i => new ReputationLine(_now + TimeSpan.FromSeconds(i - 19), ReputationCause.Rate, -1, 0, i == 19 ? 0 : 1))];
        _book.Restore(new ReputationRecord(Ids.Low) { Value = 0, ValueAt = _now, History = lines }, _now);
        IReadOnlyList<ReputationLine> kept = _book.HistoryOf(Ids.Low);
        Assert.Equal(lines[4..19], kept.SkipLast(1));
        Assert.Equal((16, 1), (kept.Count, kept[^1].Count));
        Assert.Equal(1, _book.Count);
    }

    [Fact]
    public void Restore_ALittleCredit_IsKept()
    {
        _book.Restore(new ReputationRecord(Ids.Low) { Value = 1, ValueAt = _now }, _now);
        Assert.Equal(1, Value());
    }

    private static AddressKey Key(int number) => AddressGroups.KeysOf(System.Net.IPAddress.Parse(AddressBed.Address(number / 200, 1 + (number % 200)).Host)).Address;

    private double Value(NodeId? id = null) => _book.ValueOf(id ?? Ids.Low, _now);

    private Conduct Add(ReputationCause cause, NodeId? id = null) => _book.Add(id ?? Ids.Low, cause, null, _now);
}
