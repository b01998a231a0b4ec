using System.Net;
using System.Net.Sockets;
using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class OwnRecordTests : IDisposable
{
    private static readonly ulong Day = (ulong)TimeSpan.FromDays(1).TotalMilliseconds;

    private readonly NodeIdentity _identity = NodeIdentity.Create();
    private readonly NodeCertificate _certificate;
    private readonly ManualTimeProvider _clock = new();
    private readonly List<ulong> _remembered = [];
    private readonly OwnAddresses _addresses = new()
    {
        Current = [new PeerAddress("203.0.113.5", 4040), new PeerAddress("192.168.1.5", 4040), new PeerAddress("169.254.1.1", 4040), new PeerAddress("fd00::5", 4040)],
        Everywhere = [(4040, AddressFamily.InterNetwork)],
    };

    public OwnRecordTests() => _certificate = new NodeCertificate(_identity);

    private ulong Time => RecordRules.Milliseconds(_clock.GetUtcNow());

    public void Dispose()
    {
        _certificate.Dispose();
        _identity.Dispose();
    }

    [Fact]
    public void For_First_SignedForADayAndNumberedByTheClock()
    {
        SignedRecord record = Create().For(IPAddress.Loopback, null);

        Assert.True(record.Verify());
        Assert.Equal((_identity.Id, "home", Time, Time + Day), (record.Id, record.Mesh, record.Sequence, record.Expires));
        Assert.Equal([Time], _remembered);
    }

    // What strangers pass on shows nothing of this machine's local networks.
    [Theory]
    [InlineData("198.51.100.9", null, "203.0.113.5:4040")]
    [InlineData("2001:db8::9", null, "203.0.113.5:4040")]
    [InlineData("192.168.1.9", null, "203.0.113.5:4040 192.168.1.5:4040 [fd00::5]:4040")]
    [InlineData("192.168.1.9", "192.168.1.5", "192.168.1.5:4040 203.0.113.5:4040 [fd00::5]:4040")]
    [InlineData("127.0.0.1", "127.0.0.1", "127.0.0.1:4040 203.0.113.5:4040 192.168.1.5:4040 [fd00::5]:4040")]
    [InlineData("198.51.100.9", "127.0.0.1", "203.0.113.5:4040")]
    public void For_PeerSomewhere_IsToldWhatReachesIt(string remote, string? local, string expected) =>
        Assert.Equal(expected.Split(' '), Create().For(IPAddress.Parse(remote), local is null ? null : IPAddress.Parse(local)).Addresses);

    [Fact]
    public void For_ManyPeers_OneIssueHasOneNumber()
    {
        OwnRecord own = Create();
        SignedRecord near = own.For(IPAddress.Parse("192.168.1.9"), null), far = own.For(IPAddress.Parse("198.51.100.9"), null);

        Assert.Equal(near.Sequence, far.Sequence);
        Assert.NotSame(near, far);
        Assert.Same(near, own.For(IPAddress.Parse("192.168.1.7"), null));
        Assert.Single(_remembered);
    }

    [Fact]
    public void For_HalfOfItsLife_IssuedAnew()
    {
        OwnRecord own = Create();
        SignedRecord first = own.For(IPAddress.Loopback, null);
        _clock.Advance(TimeSpan.FromHours(12) - TimeSpan.FromMilliseconds(1));
        Assert.Same(first, own.For(IPAddress.Loopback, null));

        _clock.Advance(TimeSpan.FromMilliseconds(1));

        SignedRecord second = own.For(IPAddress.Loopback, null);
        Assert.Equal((Time, Time + Day), (second.Sequence, second.Expires));
    }

    [Fact]
    public void For_AddressesChange_IssuedAnewAtOnceWithAGreaterNumber()
    {
        OwnRecord own = Create();
        ulong first = own.For(IPAddress.Loopback, null).Sequence;

        _addresses.Current = [new PeerAddress("203.0.113.6", 4040)];

        SignedRecord second = own.For(IPAddress.Parse("198.51.100.9"), null);
        Assert.Equal(["203.0.113.6:4040"], second.Addresses);
        Assert.Equal(first + 1, second.Sequence);
        Assert.Equal([first, first + 1], _remembered);
    }

    // Sequence rollback: the clock went back, or was set only after the start.
    [Fact]
    public void For_ClockBehindTheLastRun_GoesOnFromTheLastNumber() =>
        Assert.Equal(Time + 1000 + 1, Create(last: Time + 1000).For(IPAddress.Loopback, null).Sequence);

    // Else a clock that was wrong for once would shut the node out for as long as it was wrong.
    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(1_000_000_000_000, false)]
    public void For_LastNumberAheadOfTheClock_ForgottenWhereNobodyTookIt(ulong beyond, bool kept)
    {
        ulong last = Time + Day + beyond;

        Assert.Equal(kept ? last + 1 : Time, Create(last).For(IPAddress.Loopback, null).Sequence);
    }

    [Fact]
    public void For_GreatestLastNumber_DoesNotOverflow() => Assert.Equal(Time, Create(ulong.MaxValue).For(IPAddress.Loopback, null).Sequence);

    [Fact]
    public void Heard_GreaterNumberOfItsOwn_GoesAboveIt()
    {
        OwnRecord own = Create();
        ulong first = own.For(IPAddress.Loopback, null).Sequence;

        own.Heard(first - 1);
        own.Heard(first);
        Assert.Equal(first, own.For(IPAddress.Loopback, null).Sequence);
        own.Heard(first + 50);

        Assert.Equal(first + 51, own.For(IPAddress.Loopback, null).Sequence);
    }

    private OwnRecord Create(ulong last = 0) => new(_certificate, "home", _addresses, new NodeClock(_clock), last, _remembered.Add);
}
