using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

public sealed class LanTableTests
{
    private static readonly LanView Open = new(static _ => LanRank.Stranger, static _ => true, static _ => false, Wanted: true, Tells: false);

    private readonly LanTable _table = new(new Random(1));
    private TimeSpan _now = TimeSpan.FromSeconds(100);

    public LanTableTests() => _table.SetInterfaces([LanBed.Eth, LanBed.Wlan], LanBed.OwnPorts);

    [Fact]
    public void Add_AddressesThatMayNotBeDialled_AreLeftOut()
    {
        Add(LanBed.Found(LanBed.Id(1), "a", LanBed.At("10.0.0.5"), LanBed.At("8.8.8.8"), LanBed.At("10.0.0.6", 0), LanBed.At("fe80::7")));

        Assert.Equal(["10.0.0.5:4040", "[fe80::7%eth0]:4040"], _table.Of(LanBed.Id(1)).Select(a => a.HostAndPort).Order());
    }

    [Fact]
    public void Add_ManyAddressesOfOneSender_TwoAreKept_TheOneThatSpokeFirst()
    {
        Add(LanBed.Found(LanBed.Id(1), "a", [.. Enumerable.Range(20, 10).Select(i => LanBed.At($"10.0.0.{i}", from: "10.0.0.25"))]));

        Assert.Equal(2, _table.Of(LanBed.Id(1)).Count);
        Assert.Equal("10.0.0.25:4040", Take()!.Address.HostAndPort);
    }

    [Fact]
    public void Add_ManySendersOfOneId_EightAreKept_AndTheOneThatSpeaksForItselfIsAmongThem()
    {
        for (int i = 0; i < 20; i++)
        {
            Add(LanBed.Found(LanBed.Id(1), $"10.0.1.{i + 1}", from: $"10.0.2.{i + 1}"));
        }

        Assert.Equal(8, _table.Of(LanBed.Id(1)).Count);
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.9"));
        Assert.Equal(8, _table.Of(LanBed.Id(1)).Count);
        Assert.Equal("10.0.0.9:4040", Take()!.Address.HostAndPort);
    }

    [Fact]
    public void Take_AddressesOfOneId_TheNextAfterAQuarterOfASecond()
    {
        Add(LanBed.Found(LanBed.Id(1), "a", LanBed.At("10.0.0.5"), LanBed.At("fe80::5")));

        Assert.NotNull(Take());
        Assert.Null(Take());
        Assert.Equal(_now + LanTable.Stagger, _table.NextDue);
        _now += LanTable.Stagger;
        Assert.NotNull(Take());
    }

    [Fact]
    public void Take_NamedByOthers_OneASecondTogether_AndLast()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", from: "10.0.0.66"));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.6", from: "10.0.0.67"));
        Add(LanBed.Found(LanBed.Id(3), "10.0.0.7"));

        Assert.Equal(2, TakeAll().Count);
        Assert.Equal(_now + TimeSpan.FromSeconds(1), _table.NextDue);
        _now += TimeSpan.FromSeconds(1);
        Assert.NotNull(Take());
    }

    // The printer: everybody names its port 9100, or all its ports.
    [Fact]
    public void Take_OneMachineManyPorts_TwoAtOnceAndFourInTenMinutes()
    {
        for (int port = 1; port <= 200; port++)
        {
            Add(LanBed.Found(LanBed.Id(port), "10.0.0.5", port, from: "10.0.0.5", service: $"s{port}"));
        }

        List<LanEntry> first = TakeAll();
        Assert.Equal(2, first.Count);
        first.ForEach(e => _table.Failed(e, _now));
        List<int> ports = [.. RunFailing(TimeSpan.FromMinutes(9)).Select(d => d.Port).Concat(first.Select(e => e.Key.Port)).Distinct()];
        Assert.InRange(ports.Count, 2, LanTable.MaxPorts);
    }

    [Fact]
    public void Take_OneMachineNamedByOthers_OneAtOnceAndTwoPorts_SoThatItsOwnWordStillCounts()
    {
        for (int port = 1; port <= 50; port++)
        {
            Add(LanBed.Found(LanBed.Id(port), "10.0.0.5", port, from: $"10.0.9.{port}", service: $"s{port}"));
        }

        LanEntry first = Assert.Single(TakeAll());
        _table.Failed(first, _now);
        Assert.InRange(RunFailing(TimeSpan.FromMinutes(5)).Select(d => d.Port).Distinct().Count(), 1, LanTable.MaxNamedPorts);
        Add(LanBed.Found(LanBed.Id(1000), "10.0.0.5", 4040));
        Assert.Equal(4040, Take()!.Key.Port);
    }

    [Fact]
    public void Failed_Machine_WaitsLongerEachTime()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", 1));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.5", 2));
        Add(LanBed.Found(LanBed.Id(3), "10.0.0.5", 3));
        _table.Failed(Take()!, _now);
        Assert.Null(Take());
        _now += TimeSpan.FromSeconds(1);
        _table.Failed(Take()!, _now);
        _now += TimeSpan.FromSeconds(1.9);
        Assert.Null(Take());
        _now += TimeSpan.FromSeconds(0.1);
        Assert.NotNull(Take());
    }

    [Fact]
    public void Proven_Machine_ItsOtherNodesAreNotHeldUp()
    {
        for (int i = 1; i <= 10; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), "10.0.0.5", 5000 + i));
        }

        int dialled = 0;
        for (List<LanEntry> some = TakeAll(); some.Count > 0; some = TakeAll())
        {
            dialled += some.Count;
            some.ForEach(_table.Succeeded);
        }

        Assert.Equal(10, dialled);
    }

    [Fact]
    public void Take_ThisMachine_BearsAll()
    {
        for (int port = 5001; port <= 5010; port++)
        {
            Add(LanBed.Found(LanBed.Id(port), "10.0.0.1", port));
        }

        Assert.Equal(10, TakeAll().Count);
    }

    // Else whoever is in the network had this machine's own ports dialled, as many as he likes.
    [Fact]
    public void Take_ThisMachineByTheWordOfAnother_BearsNoMoreThanAnyOther()
    {
        for (int port = 5001; port <= 5050; port++)
        {
            Add(LanBed.Found(LanBed.Id(port), "10.0.0.1", port, from: "10.0.0.66", service: $"s{port}"));
        }

        LanEntry first = Assert.Single(TakeAll());
        _table.Failed(first, _now);
        Assert.InRange(RunFailing(TimeSpan.FromMinutes(9)).Select(d => d.Port).Append(first.Key.Port).Distinct().Count(), 1, LanTable.MaxNamedPorts);
    }

    [Fact]
    public void Failed_Endpoint_TheIdIsDialledElsewhere()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.66"));
        _table.Failed(Take()!, _now);
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "other"));

        _now += LanTable.Stagger;
        Assert.Equal("10.0.0.5:4040", Take()!.Address.HostAndPort);
    }

    [Fact]
    public void Refused_Id_WaitsWhereverItIs_AndLongerEachTime()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5"));
        TimeSpan first = _table.Refused(Take()!, TimeSpan.FromSeconds(60), longest: null, _now);
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.6", service: "other"));

        Assert.InRange(first, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(90));
        Assert.Null(Take());
        _now += first;
        Assert.InRange(_table.Refused(Take()!, TimeSpan.FromSeconds(60), longest: null, _now), TimeSpan.FromSeconds(120), TimeSpan.FromSeconds(180));
    }

    // As in the address table: an hour, whatever it asks for, and up to half of that more.
    [Fact]
    public void Refused_AskedToWaitForDays_WaitsAnHourAndUpToHalfOfIt()
    {
        for (int i = 0; i < 20; i++)
        {
            Add(LanBed.Found(LanBed.Id(1), "10.0.0.5"));
            TimeSpan wait = _table.Refused(Take()!, TimeSpan.FromDays(20), longest: null, _now);
            Assert.InRange(wait, AddressTable.MaxRetryAfter, AddressTable.MaxRetryAfter * 1.5);
            _now += wait;
        }
    }

    // Whom the operator named: his links that end as soon as they begin are made at the pace of his other dials.
    [Fact]
    public void Lost_NamedPeersShortLinks_WaitNoLongerThanWanted()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5"));
        TimeSpan longest = TimeSpan.FromSeconds(60);
        for (int i = 0; i < 40; i++)
        {
            LanEntry? entry = Take();
            Assert.NotNull(entry);
            _table.Succeeded(entry);
            _table.Lost(LanBed.Id(1), TimeSpan.Zero, TimeSpan.Zero, longest, _now);
            _now += longest;
        }
    }

    // As in the address table: an hour, whatever it asks for.
    [Fact]
    public void Lost_AskedToWaitForDays_WaitsAnHour()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5"));
        _table.Succeeded(Take()!);
        _table.Lost(LanBed.Id(1), TimeSpan.FromDays(20), TimeSpan.FromMinutes(1), longest: null, _now);

        _now += AddressTable.MaxRetryAfter - TimeSpan.FromSeconds(1);
        Assert.Null(Take());
        _now += TimeSpan.FromSeconds(1);
        Assert.NotNull(Take());
    }

    [Fact]
    public void Withdraw_Service_ForgottenAfterAMinute_UnlessItIsAnnouncedAgain()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "a"));
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.6", service: "b"));
        _table.Withdraw("a", _now + LanTable.Grace);
        _table.Withdraw("b", _now + LanTable.Grace);
        Add(LanBed.Found(LanBed.Id(2), "10.0.0.6", service: "b"));

        _now += LanTable.Grace - TimeSpan.FromMilliseconds(1);
        LanView none = Open with { Wanted = false };
        Assert.Null(_table.Take(none, _now));
        Assert.Equal(2, _table.Count);
        _now += TimeSpan.FromMilliseconds(1);
        Assert.Null(_table.Take(none, _now));
        Assert.Equal(1, _table.Count);
        Assert.Empty(_table.Of(LanBed.Id(1)));
    }

    // Somebody takes over a name: what it stood for before is kept for a minute.
    [Fact]
    public void Add_OtherAddressUnderTheSameName_TheFormerOneGoesLater()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5", service: "a"));
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.66", service: "a"));

        Assert.Equal(2, _table.Count);
        _now += LanTable.Grace;
        Take();
        Assert.Equal(["10.0.0.66:4040"], _table.Of(LanBed.Id(1)).Select(a => a.HostAndPort));
    }

    [Fact]
    public void SetInterfaces_OneHasGone_ItsAddressesGoToo()
    {
        Add(LanBed.Found(LanBed.Id(1), "10.0.0.5"));
        Add(LanBed.Found(LanBed.Id(2), "192.168.7.5", @interface: 3));
        _table.SetInterfaces([LanBed.Wlan], LanBed.OwnPorts);

        Assert.Equal("192.168.7.5:4040", Assert.Single(TakeAll()).Address.HostAndPort);
        Assert.Equal(1, _table.Count);
    }

    [Fact]
    public void Take_Known_GoesFirst_AndDoesNotSpendTheStrangersPace()
    {
        for (int i = 1; i <= 40; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.0.{i + 1}"));
        }

        NodeId known = LanBed.Id(40);
        LanView view = Open with { RankOf = id => id == known ? LanRank.Known : LanRank.Stranger };
        List<LanEntry> dials = [];
        while (_table.Take(view, _now) is { } step)
        {
            dials.Add(step.Entry);
        }

        Assert.Equal(known, dials[0].Key.Id);
        Assert.Equal(LanTable.Burst + 1, dials.Count);
    }

    [Fact]
    public void Take_KnownPeersOnly_StrangersAreToldOnceEach_AtTheSamePace()
    {
        for (int i = 1; i <= 40; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.0.{i + 1}"));
        }

        LanView view = Open with { Wanted = false, Tells = true };
        HashSet<NodeId> told = [];
        for (int second = 0; second < 60; second++, _now += TimeSpan.FromSeconds(1))
        {
            int now = 0;
            while (_table.Take(view, _now) is { } step)
            {
                Assert.True(step.Tell);
                Assert.True(told.Add(step.Entry.Key.Id));
                now++;
            }

            Assert.InRange(now, 0, second == 0 ? LanTable.Burst : LanTable.Rate);
        }

        Assert.Equal(40, told.Count);
    }

    // Hostile input M6. What is dialled never answers, or is refused at once.
    [Theory]
    [InlineData(1, true, true)]
    [InlineData(1, false, false)]
    [InlineData(200, true, false)]
    [InlineData(200, false, true)]
    public void Add_TenThousandForgedServicesASecond_BoundedAndFiveDialsASecond_AnHonestOneWithinFiveSeconds(int senders, bool vouched, bool refusedAtOnce)
    {
        List<TimeSpan> dials = [];
        Queue<(LanEntry Entry, TimeSpan Ends)> underWay = new();
        NodeId honest = LanBed.Id(-1);
        TimeSpan start = _now, arrives = _now + TimeSpan.FromSeconds(3);
        TimeSpan? found = null;
        int forged = 0;
        for (; _now < start + TimeSpan.FromSeconds(10); _now += TimeSpan.FromMilliseconds(10))
        {
            for (int i = 0; i < 100; i++, forged++)
            {
                string from = $"10.0.100.{(forged % senders) + 1}";
                string at = vouched ? from : $"10.0.{forged / 250 % 90}.{(forged % 250) + 2}";
                Add(LanBed.Found(LanBed.Id(forged), at, (forged % 60000) + 1, from, service: $"f{forged}"));
            }

            if (_now == arrives)
            {
                Add(LanBed.Found(honest, "10.0.200.1"));
            }

            while (underWay.TryPeek(out (LanEntry Entry, TimeSpan Ends) oldest) && oldest.Ends <= _now)
            {
                _table.Failed(underWay.Dequeue().Entry, _now);
            }

            while (Take() is { } entry)
            {
                dials.Add(_now);
                found ??= entry.Key.Id == honest ? _now : null;
                underWay.Enqueue((entry, refusedAtOnce ? _now : _now + TimeSpan.FromSeconds(10)));
            }

            Assert.InRange(_table.Count, 0, LanTable.MaxEntries);
        }

        Assert.InRange(found!.Value - arrives, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.InRange(dials.Count, 2, LanTable.Burst + (LanTable.Rate * 10));
        Assert.All(dials.Skip(LanTable.Burst), at => Assert.InRange(dials.Count(d => d > at - TimeSpan.FromSeconds(1) && d <= at && d > start), 0, LanTable.Rate + 1));
    }

    [Fact]
    public void Add_AFullTable_ANewSenderFindsRoom()
    {
        for (int i = 0; i < 2000; i++)
        {
            Add(LanBed.Found(LanBed.Id(i), $"10.0.{i / 250}.{(i % 250) + 2}", from: "10.0.66.6", service: $"f{i}"));
        }

        Assert.Equal(LanTable.MaxEntries, _table.Count);
        Add(LanBed.Found(LanBed.Id(-1), "10.0.200.1"));
        Assert.Single(_table.Of(LanBed.Id(-1)));
        Assert.Equal(LanTable.MaxEntries, _table.Count);
    }

    [Fact]
    public void Add_AFloodOfIPv6Senders_CountsAsOneBeyondSixtyFour()
    {
        for (int i = 0; i < 2000; i++)
        {
            string from = $"fe80::6:{i + 1:x}";
            Add(LanBed.Found(LanBed.Id(i), from, service: $"f{i}"));
        }

        Add(LanBed.Found(LanBed.Id(-1), "10.0.200.1"));
        List<NodeId> first = [.. TakeAll().Select(e => e.Key.Id)];
        Assert.Contains(LanBed.Id(-1), first);
    }

    private bool Add(LanFound found) => _table.Add(found, static _ => false, _now);

    private LanEntry? Take() => _table.Take(Open, _now)?.Entry;

    private List<LanEntry> TakeAll()
    {
        List<LanEntry> all = [];
        while (Take() is { } entry)
        {
            all.Add(entry);
        }

        return all;
    }

    // Every dial fails after a second.
    private List<PeerAddress> RunFailing(TimeSpan duration)
    {
        List<PeerAddress> dialled = [];
        for (TimeSpan end = _now + duration; _now < end; _now += TimeSpan.FromSeconds(1))
        {
            foreach (LanEntry entry in TakeAll())
            {
                dialled.Add(entry.Address);
                _table.Failed(entry, _now);
            }
        }

        return dialled;
    }
}
