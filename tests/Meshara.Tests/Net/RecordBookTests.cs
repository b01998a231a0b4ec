using System.Net;
using Meshara.Net;
using Meshara.Security;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>What is kept of others' records, and who is given which; hostile-inputs.md, section Peer exchange, as far as one record goes.</summary>
public sealed class RecordBookTests
{
    private static readonly IPAddress Public = IPAddress.Parse("198.51.100.9"), Private = IPAddress.Parse("192.168.1.9");

    private readonly ManualTimeProvider _clock = new();
    private readonly RecordBook _book;
    private readonly Records _records;
    private readonly SignedRecords _made;
    private readonly OwnRecord _own;
    private readonly List<string> _ignored = [];

    public RecordBookTests()
    {
        NodeClock clock = new(_clock);
        _made = new SignedRecords(_clock);
        _book = new RecordBook(new byte[32], clock);
        _own = new OwnRecord(_made.CertificateOf(0), "home", new OwnAddresses { Current = [new PeerAddress("203.0.113.1", 4040)] }, clock, 0, _ => { });
        _records = new Records(_own, _book, _made.IdOf(0), "home", clock, (_, why) => _ignored.Add(why));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(5, 5)]
    [InlineData(16, 16)]
    [InlineData(60, 16)]
    [InlineData(100, 23)]
    [InlineData(200, 46)]
    [InlineData(400, 64)]
    public void Choose_SoManyHeld_APartOfThem(int held, int given)
    {
        Fill(held);

        Assert.Equal(given, _book.Choose(RecordBook.MostGiven, _made.IdOf(0), Public).Count);
    }

    [Fact]
    public void Choose_OneNetworkWithinTheHour_AlwaysTheSame_OthersGetOthers()
    {
        Fill(200);
        IReadOnlyList<string> Ask(string from) => [.. _book.Choose(64, _made.IdOf(0), IPAddress.Parse(from)).Select(r => Convert.ToHexString(r.Span))];

        IReadOnlyList<string> first = Ask("198.51.100.9");
        Assert.Equal(first, Ask("198.51.7.7"));
        Assert.NotEqual(first.Order(), Ask("203.0.113.9").Order());
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.NotEqual(first.Order(), Ask("198.51.100.9").Order());
    }

    [Fact]
    public void Choose_Asker_IsNotGivenItsOwn_UnlessItHasLostItsNumber()
    {
        SignedRecord newer = _made.Create(1, offset: 5000, "203.0.113.5:4040");
        _book.Put(newer, Public);
        _book.Put(_made.Create(2, "203.0.113.6:4040"), Public);
        Assert.Single(_book.Choose(64, _made.IdOf(1), Public));

        // It comes back with an older number: nobody would believe it for a day.
        Assert.False(_book.IsNews(_made.IdOf(1), newer.Sequence - 1, fromOwner: true));

        IReadOnlyList<ReadOnlyMemory<byte>> given = _book.Choose(64, _made.IdOf(1), Public);
        Assert.Equal(newer.Bytes.ToArray(), given[0].ToArray());
        Assert.Equal(2, given.Count);
        Assert.Single(_book.Choose(64, _made.IdOf(2), Public));
    }

    // X4, for those who would be told: a record goes out whole or not at all.
    [Fact]
    public void Choose_RecordWithALocalAddress_GoesOnlyToThoseAsNear()
    {
        _book.Put(_made.Create(1, "192.168.1.4:4040", "203.0.113.4:4040"), Private);
        _book.Put(_made.Create(2, "127.0.0.1:4040"), IPAddress.Loopback);
        _book.Put(_made.Create(3, "203.0.113.5:4040"), Public);
        _book.Put(_made.Create(4), Public);

        Assert.Single(_book.Choose(64, _made.IdOf(0), Public));
        Assert.Equal(2, _book.Choose(64, _made.IdOf(0), Private).Count);
        Assert.Equal(3, _book.Choose(64, _made.IdOf(0), IPAddress.Loopback).Count);
    }

    [Fact]
    public void Choose_Expired_IsNotGiven_AndForgottenSoon()
    {
        _book.Put(_made.Create(1, "203.0.113.5:4040"), Public);
        _clock.Advance(TimeSpan.FromHours(24));
        Assert.Empty(_book.Choose(64, _made.IdOf(0), Public));
        Assert.Equal(1, _book.Count);

        _clock.Advance(TimeSpan.FromHours(2));
        _book.Choose(64, _made.IdOf(0), Public);

        Assert.Equal(0, _book.Count);
    }

    [Fact]
    public void Choose_OneExpiresAfterTheOther_EachIsForgottenInItsTime()
    {
        const ulong day = 86_400_000;
        _book.Put(_made.Create(1, 0, day, "home", "203.0.113.5:4040"), Public);
        _book.Put(_made.Create(2, 0, 3 * day, "home", "203.0.113.6:4040"), Public);

        int[] left = [.. Enumerable.Range(0, 4).Select(_ =>
        {
            _clock.Advance(TimeSpan.FromHours(26));
            _book.Choose(64, _made.IdOf(0), Public);
            return _book.Count;
        })];

        Assert.Equal([1, 1, 0, 0], left);
    }

    [Fact]
    public void Put_FullAndEachOfAnotherNetwork_TheOldestGoes()
    {
        for (int i = 0; i < RecordBook.Capacity + 3; i++)
        {
            _book.Put(_made.Invented(i), IPAddress.Parse($"{20 + (i / 256)}.{i % 256}.1.1"));
        }

        Assert.Equal(
            [true, true, true, false],
            Enumerable.Range(0, 4).Select(i => _book.IsNews(_made.Invented(i).Id, _made.Invented(i).Sequence, fromOwner: false)));
    }

    // Where it was before and what became of it leave nothing behind that a full book would stumble over.
    [Fact]
    public void Put_SeenInTwoNetworksAndForgotten_TheFullBookStillLosesTheOldest()
    {
        _book.Put(_made.Create(1, "203.0.113.5:4040"), Public);
        _book.Put(_made.Create(1, offset: 1, "203.0.113.5:4040"), IPAddress.Parse("20.1.1.1"));
        _book.Put(_made.Create(2, "203.0.113.5:4040"), Public);
        _book.Forget(_made.IdOf(2));
        Assert.Equal(1, _book.Count);

        for (int i = 0; i < RecordBook.Capacity + 10; i++)
        {
            _book.Put(_made.Invented(i), Public);
        }

        Assert.Equal(RecordBook.Capacity, _book.Count);
        Assert.False(_book.IsNews(_made.IdOf(1), _made.Create(1).Sequence, fromOwner: false));
    }

    [Fact]
    public void Choose_NewerHearsay_TheOwnersOlderWordIsNotGivenAnyMore()
    {
        _book.Put(_made.Create(1, "203.0.113.5:4040"), Public);
        _book.Heard(_made.Create(1, offset: 1, "203.0.113.6:4040"));
        Assert.Empty(_book.Choose(64, _made.IdOf(0), Public));

        _book.Put(_made.Create(1, offset: 2, "203.0.113.6:4040"), Public);

        Assert.Single(_book.Choose(64, _made.IdOf(0), Public));
    }

    [Fact]
    public void Forget_BadConduct_IsNotGiven()
    {
        _book.Put(_made.Create(1, "203.0.113.5:4040"), Public);

        _book.Forget(_made.IdOf(1));

        Assert.Empty(_book.Choose(64, _made.IdOf(0), Public));
        Assert.False(_book.IsNews(_made.IdOf(1), _made.Create(1).Sequence, fromOwner: false));
    }

    // Many ids of one network push out each other, and nobody else.
    [Fact]
    public void Put_MoreThanItHolds_TheLargestNetworkLosesItsOldest()
    {
        SignedRecord[] honest = [.. Enumerable.Range(1, 20).Select(i => _made.Create(i, "203.0.113.5:4040"))];
        for (int i = 0; i < honest.Length; i++)
        {
            _book.Put(honest[i], IPAddress.Parse($"{20 + i}.1.1.1"));
        }

        for (int i = 0; i < RecordBook.Capacity + 100; i++)
        {
            _book.Put(_made.Invented(i), Public);
        }

        Assert.Equal(RecordBook.Capacity, _book.Count);
        Assert.All(honest, r => Assert.False(_book.IsNews(r.Id, r.Sequence, fromOwner: false)));
        Assert.True(_book.IsNews(_made.Invented(0).Id, _made.Invented(0).Sequence, fromOwner: false));
    }

    [Fact]
    public void X6_TooFarInTheFuture_IgnoredAndCounted()
    {
        ulong day = 86_400_000;
        Assert.Null(_records.CheckOther(_made.Create(1, offset: day + 60_000).Bytes.Span));
        Assert.Null(_records.CheckOwn(_made.Create(1, offset: day + 60_000).Bytes.Span, _made.IdOf(1)));
        Assert.Null(_records.CheckOther(_made.Create(1, offset: 0, life: 9 * day).Bytes.Span));
        Assert.Null(_records.CheckOther(_made.Create(1, offset: 0, mesh: "work").Bytes.Span));

        Assert.Equal(["sequence", "sequence", "expiry", "mesh"], _ignored);
        Assert.NotNull(_records.CheckOther(_made.Create(1, offset: day - 60_000, life: 8 * day).Bytes.Span));
    }

    [Fact]
    public void X7_SignedByAnotherKey_Forgery()
    {
        byte[] forged = _made.Forged(1);

        Assert.True(Assert.Throws<WireException>(() => _records.CheckOther(forged)).IsForgery);
        Assert.True(Assert.Throws<WireException>(() => _records.CheckOwn(forged, _made.IdOf(1))).IsForgery);

        // Rightly signed, but not the sender's own.
        Assert.True(Assert.Throws<WireException>(() => _records.CheckOwn(_made.Create(1).Bytes.Span, _made.IdOf(2))).IsForgery);
        Assert.False(Assert.Throws<WireException>(() => _records.CheckOther(forged.AsSpan(1))).IsForgery);
        Assert.True(_book.IsNews(_made.IdOf(1), 1, fromOwner: false));
    }

    [Fact]
    public void CheckOwn_TheRecordThatIsHeld_IsNotVerifiedAgainAndOneByteElseIs()
    {
        byte[] forged = _made.Forged(1);
        _book.Put(SignedRecord.Parse(forged), from: null);

        Assert.NotNull(_records.CheckOwn(forged, _made.IdOf(1)));
        forged[^1] ^= 1;
        Assert.True(Assert.Throws<WireException>(() => _records.CheckOwn(forged, _made.IdOf(1))).IsForgery);
    }

    [Fact]
    public void X8_OlderOrEqualNumber_IgnoredWithoutASignature()
    {
        Assert.NotNull(_records.CheckOther(_made.Create(1, offset: 10).Bytes.Span));
        Assert.Null(_records.CheckOther(_made.Create(1, offset: 10).Bytes.Span));
        Assert.Null(_records.CheckOther(_made.Create(1, offset: 9).Bytes.Span));
        Assert.Null(_records.CheckOther(_made.Forged(1)));
        Assert.Equal(["old", "old", "old"], _ignored);

        // Its own word may tell more with the same number, but not with a lower one.
        Assert.NotNull(_records.CheckOwn(_made.Create(1, offset: 10).Bytes.Span, _made.IdOf(1)));
        Assert.Null(_records.CheckOwn(_made.Create(1, offset: 9).Bytes.Span, _made.IdOf(1)));
    }

    [Fact]
    public void CheckOther_OfThisNodeItself_TheNextOwnRecordIsAboveIt()
    {
        ulong before = _own.For(Public, null).Sequence;

        Assert.Null(_records.CheckOther(_made.Create(0, offset: 7000).Bytes.Span));

        Assert.Equal(before + 7001, _own.For(Public, null).Sequence);
    }

    [Fact]
    public void X3_AddressesOf_WhatCannotBeDialledIsLeftOutOneByOne()
    {
        SignedRecord record = _made.Create(
            1, "203.0.113.5:0", "0.0.0.0:4040", "224.0.0.1:4040", "255.255.255.255:4040", "169.254.1.1:4040", "203.0.113.5:4040", "[fe80::1]:4040", "[ff02::1]:4040");

        PeerAddress only = Assert.Single(Records.AddressesOf(record));
        Assert.Equal(new PeerAddress("203.0.113.5", 4040, _made.IdOf(1)), only);
    }

    [Theory]
    [InlineData("203.0.113.5")]
    [InlineData("203.0.113.5:04040")]
    [InlineData(" 203.0.113.5:4040")]
    [InlineData("/ip4/203.0.113.5/tcp/4040")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000001@203.0.113.5:4040")]
    [InlineData("[::]:4040")]
    [InlineData("x[x]:1")]
    [InlineData("")]
    public void AddressesOf_OtherForm_IsLeftOut(string text) => Assert.Empty(Records.AddressesOf(_made.Create(1, text)));

    private void Fill(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _book.Put(_made.Invented(i), Public);
        }
    }
}
