using FsCheck;
using FsCheck.Fluent;
using Meshara.Core.Policy;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class ReputationBookTests
{
    private static readonly AddressKey Home = AddressGroups.KeysOf(System.Net.IPAddress.Parse("203.0.113.9")).Address;
    private readonly HashSet<NodeId> _kept = [];
    private readonly HashSet<NodeId> _static = [];
    private readonly ReputationBook _book;
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public ReputationBookTests() => _book = new ReputationBook(new ReputationOptions(), _kept.Contains, _static.Contains);

    private double Value => _book.ValueOf(Ids.Low, _now);

    private Conduct Add(ReputationCause cause, NodeId? id = null) => _book.Add(id ?? Ids.Low, cause, Home, _now);

    [Theory]
    [InlineData(ReputationCause.UsefulExchange, 0.1, Conduct.Fine)]
    [InlineData(ReputationCause.Timeout, -2, Conduct.Fine)]
    [InlineData(ReputationCause.Rate, -10, Conduct.Fine)]
    [InlineData(ReputationCause.ProtocolViolation, -30, Conduct.Fine)]
    [InlineData(ReputationCause.ForgedSignature, -100, Conduct.Ban)]
    public void Add_Once_CountsByItsCause(ReputationCause cause, double value, object conduct)
    {
        Assert.Equal((Conduct)conduct, Add(cause));
        Assert.Equal(value, Value, 9);
    }

    [Fact]
    public void Add_ThreeViolations_DisconnectThenBan()
    {
        Assert.Equal(Conduct.Fine, Add(ReputationCause.ProtocolViolation));
        Assert.False(_book.IsMarked(Home, _now));
        Assert.Equal(Conduct.Disconnect, Add(ReputationCause.ProtocolViolation));
        Assert.True(_book.IsMarked(Home, _now));
        Assert.Null(_book.BanUntil(Ids.Low, _now));
        Assert.Equal(Conduct.Ban, Add(ReputationCause.ProtocolViolation));
        Assert.Equal(_now + TimeSpan.FromHours(1), _book.BanUntil(Ids.Low, _now));
        _now += TimeSpan.FromHours(1);
        Assert.Null(_book.BanUntil(Ids.Low, _now));
        Assert.False(_book.IsMarked(Home, _now));
    }

    // What was held against it before has faded a little by the next: the documentation's words hold all the same.
    [Theory]
    [InlineData(1.7)]
    [InlineData(30)]
    [InlineData(120)]
    public void Add_ThreeViolationsWithTimeBetween_DisconnectThenBan(double seconds)
    {
        Assert.Equal(Conduct.Fine, Add(ReputationCause.ProtocolViolation));
        _now += TimeSpan.FromSeconds(seconds);
        Assert.Equal(Conduct.Disconnect, Add(ReputationCause.ProtocolViolation));
        _now += TimeSpan.FromSeconds(seconds);
        Assert.Equal(Conduct.Ban, Add(ReputationCause.ProtocolViolation));
    }

    [Fact]
    public void Add_SecondViolationAfterFiveMinutes_Disconnects()
    {
        Assert.Equal(Conduct.Fine, Add(ReputationCause.ProtocolViolation));
        _now += TimeSpan.FromMinutes(5);
        Assert.Equal(Conduct.Disconnect, Add(ReputationCause.ProtocolViolation));
    }

    [Fact]
    public void Add_BanAfterBan_IsTwiceAsLongUpToADayAndForgottenAfterAWeek()
    {
        double[] hours = new double[7];
        for (int i = 0; i < hours.Length; i++)
        {
            Assert.Equal(Conduct.Ban, Add(ReputationCause.ForgedSignature));
            hours[i] = (_book.BanUntil(Ids.Low, _now)!.Value - _now).TotalHours;
            _now = _book.BanUntil(Ids.Low, _now)!.Value;
        }

        Assert.Equal([1, 2, 4, 8, 16, 24, 24], hours);
        _now += TimeSpan.FromDays(7) + TimeSpan.FromSeconds(1);
        Add(ReputationCause.ForgedSignature);
        Assert.Equal(TimeSpan.FromHours(1), _book.BanUntil(Ids.Low, _now)!.Value - _now);
    }

    [Fact]
    public void Add_WhileBanned_TheBanGetsNoLonger()
    {
        Add(ReputationCause.ForgedSignature);
        _now += TimeSpan.FromSeconds(1);
        Assert.Equal(Conduct.Ban, Add(ReputationCause.ForgedSignature));
        Assert.Equal(TimeSpan.FromSeconds(3599), _book.BanUntil(Ids.Low, _now)!.Value - _now);
    }

    [Fact]
    public void Add_StaticPeer_IsScoredAndNeverBanned()
    {
        _static.Add(Ids.Low);
        Assert.Equal(Conduct.Fine, Add(ReputationCause.ForgedSignature));
        Assert.Equal(-100, Value);
        Assert.Null(_book.BanUntil(Ids.Low, _now));
        Assert.False(_book.IsMarked(Home, _now));
    }

    [Fact]
    public void BanUntil_BannedOneIsStaticNow_IsNotBanned()
    {
        Add(ReputationCause.ForgedSignature);
        _static.Add(Ids.Low);
        Assert.Null(_book.BanUntil(Ids.Low, _now));
    }

    [Fact]
    public void Add_UsefulWithoutEnd_IsAtMostOneAMinuteAndTenInAll()
    {
        for (int i = 0; i < 100; i++)
        {
            Add(ReputationCause.UsefulExchange);
        }

        Assert.Equal(1, Value, 9);
        for (int minute = 0; minute < 600; minute++)
        {
            _now += TimeSpan.FromMinutes(1);
            for (int i = 0; i < 20; i++)
            {
                Add(ReputationCause.UsefulExchange);
            }
        }

        Assert.InRange(Value, 9, 10);
        ReputationLine line = Assert.Single(_book.HistoryOf(Ids.Low));
        Assert.Equal(601 * 10, line.Count);
    }

    [Fact]
    public void Add_CreditThenViolations_BansAsSoonAsWithoutCredit()
    {
        for (int minute = 0; minute < 100; minute++)
        {
            _now += TimeSpan.FromSeconds(6);
            Add(ReputationCause.UsefulExchange);
        }

        Assert.True(Value > 4);
        Assert.Equal(Conduct.Fine, Add(ReputationCause.ProtocolViolation));
        Assert.Equal(-30, Value);
        Assert.Equal(Conduct.Disconnect, Add(ReputationCause.ProtocolViolation));
        Assert.Equal(Conduct.Ban, Add(ReputationCause.ProtocolViolation));
    }

    // However bad the line: -30, at any rate.
    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(60)]
    public void Add_TimeoutsWithoutEnd_NeitherDisconnectNorBan(int everySeconds)
    {
        for (int i = 0; i < 1000; i++)
        {
            _now += TimeSpan.FromSeconds(everySeconds);
            Assert.Equal(Conduct.Fine, Add(ReputationCause.Timeout));
        }

        Assert.InRange(Value, -30, -28);
        Assert.True(_book.IsDiscouraged(Ids.Low, _now));
    }

    // An honest program that sends much to a node with low limits: its link is closed each time, and it is never banned.
    [Theory]
    [InlineData(10)]
    [InlineData(60)]
    public void Add_RateWithoutEnd_DisconnectsAndNeverBans(int everySeconds)
    {
        int closed = 0;
        for (int i = 0; i < 1000; i++)
        {
            _now += TimeSpan.FromSeconds(everySeconds);
            Conduct conduct = Add(ReputationCause.Rate);
            Assert.NotEqual(Conduct.Ban, conduct);
            closed += conduct == Conduct.Disconnect ? 1 : 0;
        }

        Assert.InRange(closed, 990, 1000);
        Assert.InRange(Value, -60, -50);
    }

    [Fact]
    public void Add_TimeoutBelowItsFloor_LowersNothingAndRaisesNothing()
    {
        Add(ReputationCause.ProtocolViolation);
        Add(ReputationCause.ProtocolViolation);
        double before = Value;
        Add(ReputationCause.Timeout);
        Assert.Equal(before, Value);
    }

    [Fact]
    public void ValueOf_TimePasses_HalvesInTenMinutesAndIsForgottenBelowOne()
    {
        Add(ReputationCause.ProtocolViolation);
        _now += TimeSpan.FromMinutes(10);
        Assert.Equal(-15, Value, 9);
        _now += TimeSpan.FromMinutes(40);
        Assert.Equal(0, Value);
    }

    [Fact]
    public void GiveBackTimeouts_OwnFault_OnlyThoseOfTheLastMinute()
    {
        Add(ReputationCause.Timeout);
        _now += TimeSpan.FromMinutes(2);
        double before = Value;
        Add(ReputationCause.Timeout);
        _now += TimeSpan.FromSeconds(30);
        Add(ReputationCause.Timeout);

        _book.GiveBackTimeouts(_now);

        Assert.Equal(before * Math.Pow(0.5, 0.05), Value, 9);
        Assert.Equal(ReputationCause.GivenBack, _book.HistoryOf(Ids.Low)[^1].Cause);
    }

    [Fact]
    public void HistoryOf_ManyEvents_KeepsSixteen()
    {
        for (int i = 0; i < 40; i++)
        {
            _now += TimeSpan.FromMinutes(30);
            Add(i % 2 == 0 ? ReputationCause.Rate : ReputationCause.Timeout);
        }

        IReadOnlyList<ReputationLine> lines = _book.HistoryOf(Ids.Low);
        Assert.Equal(16, lines.Count);
        Assert.Equal(_now, lines[^1].At);
        Assert.All(lines, line => Assert.True(line.Delta < 0 && line.Count == 1));
    }

    [Fact]
    public void Standing_Table_HalvesBelowZeroAndIsATenthWhereMarked()
    {
        Assert.Equal(1, _book.Standing(null, default, _now));
        Add(ReputationCause.UsefulExchange);
        Assert.Equal(1, _book.Standing(Ids.Low, default, _now));
        Add(ReputationCause.Rate, Ids.High);
        Assert.Equal(0.5, _book.Standing(Ids.High, default, _now), 9);
        Add(ReputationCause.ForgedSignature, Ids.Middle);
        Assert.Equal(0.1, _book.Standing(null, Home, _now), 9);
    }

    [Fact]
    public void Add_FloodOfIds_IsBoundedAndSparesTheKept()
    {
        _kept.Add(Ids.Low);
        Add(ReputationCause.Timeout);
        for (int i = 0; i < 20_000; i++)
        {
            _book.Add(AddressBed.Id(i), i % 3 == 0 ? ReputationCause.ForgedSignature : ReputationCause.ProtocolViolation, AddressBed.Address(i % 200, i % 9000) is var a ? AddressGroups.KeysOf(System.Net.IPAddress.Parse(a.Host)).Address : default, _now);
        }

        Assert.Equal(-2, Value);
        Assert.InRange(_book.Ids.Count(), 1, 1 + ReputationBook.MaxStrangers + ReputationBook.MaxBans);
        Assert.Equal(ReputationBook.MaxBans, Enumerable.Range(0, 20_000).Count(i => _book.BanUntil(AddressBed.Id(i), _now) is not null));
        Assert.NotNull(_book.BanUntil(AddressBed.Id(19_998), _now));
    }

    [Fact]
    public void Rename_Id_ScoreBanAndHistoryGoOn()
    {
        Add(ReputationCause.ForgedSignature);
        TimeSpan? until = _book.BanUntil(Ids.Low, _now);

        _book.Rename(Ids.Low, Ids.High, _now);

        Assert.Equal((0d, -100d), (Value, _book.ValueOf(Ids.High, _now)));
        Assert.Equal(until, _book.BanUntil(Ids.High, _now));
        Assert.Single(_book.HistoryOf(Ids.High));
        _book.Forget(Ids.High);
        Assert.Empty(_book.Ids);
    }

    // S5
    [Theory]
    [InlineData(double.NaN, 0)]
    [InlineData(double.NegativeInfinity, -100)]
    [InlineData(double.PositiveInfinity, 10)]
    [InlineData(-1e300, -100)]
    [InlineData(7, 7)]
    public void Restore_AnyValue_IsInRange(double stored, double value)
    {
        _book.Restore(new ReputationRecord(Ids.Low) { Value = stored, ValueAt = TimeSpan.MaxValue, BanUntil = TimeSpan.MaxValue, BanCount = int.MaxValue }, _now);

        Assert.Equal(value, Value);
        Assert.Equal(_now + TimeSpan.FromHours(24), _book.BanUntil(Ids.Low, _now));
        _now += TimeSpan.FromHours(25);
        Add(ReputationCause.ForgedSignature);
        Assert.Equal(_now + TimeSpan.FromHours(24), _book.BanUntil(Ids.Low, _now));
    }

    [Fact]
    public void Restore_FromLongAgo_HasFaded()
    {
        _book.Restore(new ReputationRecord(Ids.Low) { Value = -80, ValueAt = _now - TimeSpan.FromMinutes(20) }, _now);
        Assert.Equal(-20, Value, 9);
    }

    [Fact]
    public void Add_AnySequence_StaysInRangeAndCreditDelaysNothing() =>
        Prop.ForAll(Gen.Choose(0, 5 * 4000).ArrayOf().Resize(100).ToArbitrary(), script =>
        {
            ReputationBook book = new(new ReputationOptions(), _ => true, _ => false), strict = new(new ReputationOptions(), _ => true, _ => false);
            TimeSpan now = TimeSpan.FromHours(1);
            foreach (int step in script)
            {
                ReputationCause cause = (ReputationCause)(step % 5);
                now += TimeSpan.FromSeconds(step / 5);
                book.Add(Ids.Low, cause, null, now);
                if (cause != ReputationCause.UsefulExchange)
                {
                    strict.Add(Ids.Low, cause, null, now);
                }

                double value = book.ValueOf(Ids.Low, now);
                Assert.True(double.IsFinite(value) && value is >= -100 and <= 10);
                Assert.True(book.Standing(Ids.Low, default, now) is >= 0 and <= 1);
                Assert.All(book.HistoryOf(Ids.Low), l => Assert.True(double.IsFinite(l.Delta + l.Value) && l.Count >= 1));

                // Useful work changes nothing about a debt.
                Assert.Equal(strict.ValueOf(Ids.Low, now), Math.Min(0, value), 9);
                Assert.Equal(strict.BanUntil(Ids.Low, now), book.BanUntil(Ids.Low, now));
            }
        }).Check(Seeded.Config);

    [Fact]
    public void BoundedTimes_MoreThanItHolds_TheEarliestGoes()
    {
        BoundedTimes<int> times = new(2);
        Assert.Null(times.Set(1, TimeSpan.FromSeconds(5)));
        Assert.Null(times.Set(2, TimeSpan.FromSeconds(3)));
        Assert.Equal(2, times.Set(3, TimeSpan.FromSeconds(4)));
        Assert.Null(times.Set(1, TimeSpan.FromSeconds(1)));
        Assert.Equal((1, TimeSpan.FromSeconds(1)), times.First);
        Assert.Equal(1, times.Set(4, TimeSpan.FromSeconds(9)));
        Assert.Equal(2, times.Count);
    }
}
