using Meshara.Net;
using Meshara.Security;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>Two nodes that keep to the rules, over real TLS.</summary>
public sealed class HandshakeTests
{
    private static readonly byte[] Key = [.. Enumerable.Repeat((byte)7, 32)];
    private static readonly byte[] OtherKey = [.. Enumerable.Repeat((byte)8, 32)];

    [Fact]
    public async Task Exchange_NoSecret_EachLearnsWhatTheOtherSays_AndBothReady()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true, c => c with { Addresses = [.. Enumerable.Range(1, 10).Select(i => $"host{i}:4040")] });
        Handshake acceptor = bed.Shake(false);

        (HelloFacts ofAcceptor, HelloFacts ofDialer) = await ExchangeAsync(bed, dialer, acceptor);

        Assert.False(ofAcceptor.SecretProven || ofDialer.SecretProven);
        Assert.Equal(bed.DialerId, ofDialer.Remote.Id);
        Assert.Equal(bed.AcceptorId, ofDialer.Remote.ExpectedId);
        Assert.Null(ofAcceptor.Remote.ExpectedId);
        Assert.Equal(((Bits128)1, (Bits128)2), (ofDialer.Remote.Instance, ofAcceptor.Remote.Instance));
        Assert.Equal(("dialer/1", "acceptor/1"), (ofDialer.Remote.Agent, ofAcceptor.Remote.Agent));
        Assert.Equal(8, ofDialer.Remote.Addresses.Count);
        Assert.Equal((1 << 20, 16 << 10, 1024), (ofDialer.Remote.MaxMessage, ofDialer.Remote.InitialWindow, ofDialer.Remote.MaxStreams));
        Assert.NotEqual(ofDialer.Remote.Nonce, ofAcceptor.Remote.Nonce);
        await BothReadyAsync(dialer, acceptor);
    }

    [Fact]
    public async Task Exchange_RightSecret_BothProven()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true, WithKey(Key));
        Handshake acceptor = bed.Shake(false, WithKey(Key));

        (HelloFacts ofAcceptor, HelloFacts ofDialer) = await ExchangeAsync(bed, dialer, acceptor);

        Assert.True(ofAcceptor.SecretProven);
        Assert.True(ofDialer.SecretProven);
        await BothReadyAsync(dialer, acceptor);
    }

    [Fact]
    public async Task Exchange_RightSecretFromOptions_BothProven()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        NodeOptions options = new() { Mesh = "chat", Admission = Admission.Secret("correct horse battery staple"), Limits = new LinkLimits { MaxStreams = 16 } };
        Handshake dialer = bed.Shake(true, _ => HandshakeConfig.Create(options, bed.DialerId, 1));
        Handshake acceptor = bed.Shake(false, _ => HandshakeConfig.Create(options, bed.AcceptorId, 2) with { Addresses = ["a:1"] });

        (HelloFacts ofAcceptor, HelloFacts ofDialer) = await ExchangeAsync(bed, dialer, acceptor);

        Assert.True(ofAcceptor.SecretProven && ofDialer.SecretProven);
        Assert.Equal(["a:1"], ofAcceptor.Remote.Addresses);
        Assert.Equal(16, ofAcceptor.Remote.MaxStreams);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Exchange_OneSideOnlyHasASecret_NothingIsProvenAndNothingWaits(bool dialerHasIt)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true, WithKey(dialerHasIt ? Key : null));
        Handshake acceptor = bed.Shake(false, WithKey(dialerHasIt ? null : Key));

        (HelloFacts ofAcceptor, HelloFacts ofDialer) = await ExchangeAsync(bed, dialer, acceptor);

        Assert.False(ofAcceptor.SecretProven || ofDialer.SecretProven);
        await BothReadyAsync(dialer, acceptor);
    }

    [Fact]
    public async Task Exchange_WrongSecret_AcceptorProvesNothing_AndItsRefusalReachesTheDialer()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true, WithKey(OtherKey));
        Handshake acceptor = bed.Shake(false, WithKey(Key));
        Task<HelloFacts> dialing = dialer.ExchangeAsync(bed.AcceptorId, false, CancellationToken.None);

        HelloFacts ofDialer = await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);
        Assert.False(ofDialer.SecretProven);
        Task refusing = acceptor.SendRefuseAsync(new Refuse { Code = RefuseCode.NotAdmitted }, CancellationToken.None);

        Assert.False((await dialing.WaitAsync(HandshakeBed.Guard)).SecretProven);
        HandshakeAnswer answer = await dialer.ReadAnswerAsync(CancellationToken.None);
        Assert.Equal(MesharaErrorCode.NotAdmitted, answer.Failure?.Code);
        Assert.Equal(RefuseCode.NotAdmitted, answer.Refused);
        await bed.Dialer.DisposeAsync();
        await refusing.WaitAsync(HandshakeBed.Guard);
    }

    [Fact]
    public async Task Exchange_WrongSecretButKnownByKey_SmallerDialer_ComesToReady()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync(greaterDials: false);
        Handshake dialer = bed.Shake(true, WithKey(OtherKey));
        Handshake acceptor = bed.Shake(false, WithKey(Key));

        // The acceptor is G: it says no READY before the dialer's, and the dialer waits for its PROOF. Zeros keep them from waiting for each other.
        (HelloFacts ofAcceptor, HelloFacts ofDialer) = await ExchangeAsync(bed, dialer, acceptor);
        Assert.False(ofAcceptor.SecretProven || ofDialer.SecretProven);
        await dialer.SendReadyAsync(default, CancellationToken.None);
        Assert.True((await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);
        await acceptor.SendReadyAsync(default, CancellationToken.None);
        Assert.True((await dialer.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);
    }

    [Fact]
    public async Task Exchange_NoProofBeforeTheDeadline_SaysWhichSecretToCheck()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync(greaterDials: false);
        Handshake dialer = bed.Shake(true, WithKey(OtherKey));
        ScriptedPeer acceptor = bed.Play(dialer: false);
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(5), bed.Clock);
        Task<HelloFacts> dialing = dialer.ExchangeAsync(null, false, deadline.Token);
        await acceptor.SendAsync(FrameType.Hello, acceptor.Hello(features: 1));
        Assert.Equal(FrameType.Hello, (await acceptor.ReadAsync())?.Type);
        Assert.Equal(FrameType.Proof, (await acceptor.ReadAsync())?.Type);

        bed.Clock.Advance(TimeSpan.FromSeconds(5));

        Exception e = await HandshakeBed.ThrowsAsync(() => dialing.WaitAsync(HandshakeBed.Guard));
        MesharaException explained = dialer.Explain(e, TimeSpan.FromSeconds(5));
        Assert.Equal(MesharaErrorCode.HelloTimeout, explained.Code);
        Assert.True(explained.IsTransient);
        Assert.Contains("secret", explained.Message, StringComparison.Ordinal);
        await dialer.EndAsync(e, CancellationToken.None).WaitAsync(HandshakeBed.Guard);
    }

    [Fact]
    public async Task Exchange_Probe_IsToldAndAnswered()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true);
        Handshake acceptor = bed.Shake(false);
        Task<HelloFacts> dialing = dialer.ExchangeAsync(null, probe: true, CancellationToken.None);

        HelloFacts ofDialer = await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Assert.Equal(HelloPurpose.Probe, ofDialer.Remote.Purpose);
        Assert.Equal(HelloPurpose.Peer, (await dialing.WaitAsync(HandshakeBed.Guard)).Remote.Purpose);
        await BothReadyAsync(dialer, acceptor);
    }

    [Fact]
    public async Task Exchange_WrongMesh_BothSaySoAndNeitherWaits()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true, c => c with { Mesh = "chat" });
        Handshake acceptor = bed.Shake(false, c => c with { Mesh = "Chat" });

        // The clock stands still: nobody may need the second that a REFUSE lingers.
        Task<Exception> dialing = HandshakeBed.ThrowsAsync(() => dialer.ExchangeAsync(null, false, CancellationToken.None));
        Task<Exception> accepting = HandshakeBed.ThrowsAsync(() => acceptor.ExchangeAsync(null, false, CancellationToken.None));
        foreach (Task<Exception> side in (Task<Exception>[])[dialing, accepting])
        {
            MesharaException e = Assert.IsType<MesharaException>(await side.WaitAsync(HandshakeBed.Guard));
            Assert.Equal(MesharaErrorCode.WrongMesh, e.Code);
            Assert.False(e.IsTransient);
            Assert.Contains("'chat'", e.Message, StringComparison.Ordinal);
            Assert.Contains("'Chat'", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ReadAnswer_WhatFollowsReadyInTheSameWrite_IsLeftForTheLink()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(false, out FrameReader reader);
        await peer.SendAsync([
            .. ScriptedPeer.Frame(FrameType.Hello, peer.Hello()), .. ScriptedPeer.Frame(FrameType.Ready, [0]), .. ScriptedPeer.Frame(FrameType.Ping, [1, 2, 3, 4, 5, 6, 7, 8]),
        ]);

        await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);
        Assert.True((await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);

        Assert.True(reader.TryTake(FrameCodec.MaxPayload, out FrameHeader header, out _));
        Assert.Equal(FrameType.Ping, header.Type);
    }

    [Fact]
    public async Task Refuse_ReachesTheOtherSide_AndBothCloseAtOnce()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true);
        Handshake acceptor = bed.Shake(false);
        await ExchangeAsync(bed, dialer, acceptor);
        await dialer.SendReadyAsync(default, CancellationToken.None);

        Task refusing = acceptor.SendRefuseAsync(
            new Refuse { Code = RefuseCode.Full, RetryAfter = TimeSpan.FromHours(1), Limit = "max_peers", Value = 128, Message = "so sorry" }, CancellationToken.None);
        MesharaException? e = (await dialer.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).Failure;
        await dialer.EndAsync(e!, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Assert.Equal(MesharaErrorCode.Full, e!.Code);
        Assert.True(e.IsTransient);
        Assert.Equal(TimeSpan.FromSeconds(60), e.RetryAfter);
        Assert.Contains("acceptor:1", e.Message, StringComparison.Ordinal);
        Assert.Contains("max_peers: 128", e.Message, StringComparison.Ordinal);
        Assert.Contains("\"so sorry\"", e.Message, StringComparison.Ordinal);
        await refusing.WaitAsync(HandshakeBed.Guard);
    }

    [Fact]
    public async Task Refuse_TheOtherSideDoesNotClose_ClosesAfterOneSecond()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(false);
        await peer.SendAsync(FrameType.Hello, peer.Hello());
        await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Task refusing = acceptor.SendRefuseAsync(new Refuse { Code = RefuseCode.Banned }, CancellationToken.None);
        Assert.Equal(FrameType.Hello, (await peer.ReadAsync())?.Type);
        Assert.Equal(FrameType.Refuse, (await peer.ReadAsync())?.Type);

        // Discarded, whatever it is.
        await peer.SendAsync(new byte[300_000]);
        bed.Clock.Advance(TimeSpan.FromMilliseconds(999));
        Assert.False(refusing.IsCompleted);
        bed.Clock.Advance(TimeSpan.FromMilliseconds(1));

        await refusing.WaitAsync(HandshakeBed.Guard);
        Assert.Null(await peer.ReadAsync());
    }

    [Fact]
    public async Task ReadAnswer_GoodbyeInsteadOfReady_SaysWhy()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true);
        Handshake acceptor = bed.Shake(false);
        await ExchangeAsync(bed, dialer, acceptor);

        Task leaving = acceptor.SendGoodbyeAsync(GoodbyeCode.Shutdown, "", CancellationToken.None);
        HandshakeAnswer answer = await dialer.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard);
        await bed.Dialer.DisposeAsync();

        Assert.Equal(MesharaErrorCode.GoingAway, answer.Failure?.Code);
        Assert.Equal(GoodbyeCode.Shutdown, answer.Goodbye);
        await leaving.WaitAsync(HandshakeBed.Guard);
    }

    [Fact]
    public async Task ReadAnswer_Cancelled_TheLastWordStillArrives()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(false);
        await peer.SendAsync(FrameType.Hello, peer.Hello());
        await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);
        await acceptor.SendReadyAsync(default, CancellationToken.None);
        using CancellationTokenSource stop = new();
        Task<HandshakeAnswer> waiting = acceptor.ReadAnswerAsync(stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting.WaitAsync(HandshakeBed.Guard));

        Task leaving = acceptor.SendGoodbyeAsync(GoodbyeCode.Shutdown, "", CancellationToken.None);

        foreach (FrameType expected in (FrameType[])[FrameType.Hello, FrameType.Ready, FrameType.Goodbye])
        {
            Assert.Equal(expected, (await peer.ReadAsync())?.Type);
        }

        peer.Close();
        await leaving.WaitAsync(HandshakeBed.Guard);
    }

    [Fact]
    public async Task Exchange_AcceptorClosesRightAfterTls_DialerHearsThatItsKeyMayBeUnwanted()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        Handshake dialer = bed.Shake(true);
        await bed.Acceptor.DisposeAsync();

        Exception e = await HandshakeBed.ThrowsAsync(() => dialer.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard));

        Assert.Equal(MesharaErrorCode.TlsFailed, Assert.IsType<MesharaException>(e).Code);
    }

    [Fact]
    public async Task Nonces_AreTakenFromTheConfig_AndBoundIntoTheProof()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        byte[] mine = [.. Enumerable.Range(0, 32).Select(i => (byte)i)], its = [.. Enumerable.Range(100, 32).Select(i => (byte)i)];
        Handshake acceptor = bed.Shake(false, c => c with { SecretKey = Key, NewNonce = () => its });
        await peer.SendAsync(FrameType.Hello, peer.Hello(features: 1, nonce: mine));
        await peer.SendAsync(FrameType.Proof, SecretProof.Compute(Key, "test", bed.DialerId, bed.AcceptorId, mine, its));

        HelloFacts facts = await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Assert.True(facts.SecretProven);
        Assert.Equal(FrameType.Hello, (await peer.ReadAsync())?.Type);
        (FrameType Type, byte[] Payload)? proof = await peer.ReadAsync();
        Assert.Equal(FrameType.Proof, proof?.Type);
        Assert.Equal(SecretProof.Compute(Key, "test", bed.AcceptorId, bed.DialerId, its, mine), proof?.Payload);
    }

    private static Func<HandshakeConfig, HandshakeConfig> WithKey(byte[]? key) => c => c with { SecretKey = key };

    private static async Task<(HelloFacts OfAcceptor, HelloFacts OfDialer)> ExchangeAsync(
        HandshakeBed bed, Handshake dialer, Handshake acceptor)
    {
        Task<HelloFacts> dialing = dialer.ExchangeAsync(bed.AcceptorId, false, CancellationToken.None);
        Task<HelloFacts> accepting = acceptor.ExchangeAsync(null, false, CancellationToken.None);
        return (await dialing.WaitAsync(HandshakeBed.Guard), await accepting.WaitAsync(HandshakeBed.Guard));
    }

    private static async Task BothReadyAsync(Handshake dialer, Handshake acceptor)
    {
        await dialer.SendReadyAsync(default, CancellationToken.None);
        await acceptor.SendReadyAsync(default, CancellationToken.None);
        Assert.True((await dialer.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);
        Assert.True((await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);
    }
}
