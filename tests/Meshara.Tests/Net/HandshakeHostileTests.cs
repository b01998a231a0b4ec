using System.Text;
using Meshara.Net;
using Meshara.Tests.Support;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>A peer with a good key and bad manners, over real TLS: the lines of hostile-inputs.md that reach the handshake.</summary>
public sealed class HandshakeHostileTests
{
    private static readonly byte[] Key = [.. Enumerable.Repeat((byte)7, 32)];

    [Theory]
    [InlineData(4097u)]
    [InlineData(0x7FFFFFFFu)]
    [InlineData(0x80000000u)]
    [InlineData(0xFFFFFFFFu)]
    public async Task F4_MoreThan4KiBBeforeHello_IsAViolationBeforeItArrives(uint length)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        byte[] header = [(byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length, (byte)FrameType.Hello, 0];

        Violates(await bed.AcceptorFacesAsync(header));
    }

    [Fact]
    public async Task F4_AfterHello_TheCapIs16KiB()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        await peer.SendAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello()), .. ScriptedPeer.Frame((FrameType)0xEE, new byte[16384]), 0, 0, 0x40, 1, 0xEE, 0]);
        await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Violates(await HandshakeBed.ThrowsAsync(() => acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)));
    }

    [Fact]
    public async Task F5_OneByteEachTcpSegment_IsParsed()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync(wrap: static s => new DribbleStream(s));
        Handshake dialer = bed.Shake(true, c => c with { SecretKey = Key });
        Handshake acceptor = bed.Shake(false, c => c with { SecretKey = Key });

        Task<HelloFacts> dialing = dialer.ExchangeAsync(null, false, CancellationToken.None);
        Assert.True((await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard)).SecretProven);
        Assert.True((await dialing.WaitAsync(HandshakeBed.Guard)).SecretProven);
    }

    [Fact]
    public async Task F5_OneByteEachTlsRecord_IsParsed()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        Task<HelloFacts> accepting = acceptor.ExchangeAsync(null, false, CancellationToken.None);
        foreach (byte b in (byte[])[.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello(agent: "slow/1"u8.ToArray())), .. ScriptedPeer.Frame(FrameType.Ready, [0])])
        {
            await peer.SendAsync([b]);
        }

        Assert.Equal("slow/1", (await accepting.WaitAsync(HandshakeBed.Guard)).Remote.Agent);
        Assert.True((await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(100)]
    public async Task F6_TruncatedFrameThenFin_EndsWithoutBlame(int length)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        await peer.SendAsync(ScriptedPeer.Frame(FrameType.Hello, peer.Hello())[..length]);
        await bed.Dialer.Stream.ShutdownAsync();
        bed.FinishDialer();
        Handshake acceptor = bed.Shake(dialer: false);

        Exception e = await HandshakeBed.ThrowsAsync(() => acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard));

        Assert.Equal(MesharaErrorCode.LinkClosed, Assert.IsType<MesharaException>(e).Code);
        Assert.Contains("middle of a frame", e.Message, StringComparison.Ordinal);
        await EndsAsync(acceptor, e, peer, speaks: false);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(50)]
    public async Task F7_HalfAFrameThenSilence_EndsAtTheHelloDeadline(int length)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        await peer.SendAsync(ScriptedPeer.Frame(FrameType.Hello, peer.Hello())[..length]);
        Handshake acceptor = bed.Shake(dialer: false);
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(5), bed.Clock);
        Task<HelloFacts> accepting = acceptor.ExchangeAsync(null, false, deadline.Token);
        bed.Clock.Advance(TimeSpan.FromSeconds(4.999));
        Assert.False(accepting.IsCompleted);

        bed.Clock.Advance(TimeSpan.FromMilliseconds(1));

        Exception e = await HandshakeBed.ThrowsAsync(() => accepting.WaitAsync(HandshakeBed.Guard));
        MesharaException explained = acceptor.Explain(e, TimeSpan.FromSeconds(5));
        Assert.Equal(MesharaErrorCode.HelloTimeout, explained.Code);
        Assert.Contains("no HELLO", explained.Message, StringComparison.Ordinal);
        await EndsAsync(acceptor, e, peer, speaks: false);
    }

    [Theory]
    [InlineData(FrameType.Hello, 0x01)]
    [InlineData(FrameType.Hello, 0x80)]
    internal async Task F9_ReservedFlagInHello_IsAViolation(FrameType type, byte flags)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);

        Violates(await bed.AcceptorFacesAsync(ScriptedPeer.Frame(type, peer.Hello(), flags)));
    }

    [Theory]
    [InlineData(FrameType.Proof)]
    [InlineData(FrameType.Ready)]
    [InlineData(FrameType.Refuse)]
    [InlineData(FrameType.Goodbye)]
    [InlineData(FrameType.Notice)]
    internal async Task F9_ReservedFlagAfterHello_IsAViolation(FrameType type) => await ViolatesAfterHelloAsync(ScriptedPeer.Frame(type, [0], 0x02));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task F10_AListThatClaimsAMillionItems_IsAViolation(bool extensions)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        byte[] million = [0x80, 0x0F, 0x42, 0x40];

        Violates(await bed.AcceptorFacesAsync(ScriptedPeer.Frame(FrameType.Hello, extensions ? peer.Hello(extensions: million) : peer.Hello(addresses: million))));
    }

    [Fact]
    public async Task F10_RefuseWithAMillionRecords_IsAViolation() =>
        await ViolatesAfterHelloAsync(ScriptedPeer.Frame(FrameType.Refuse, [2, 0, 0, 0, 0, 0x80, 0x0F, 0x42, 0x40]));

    [Fact]
    public async Task F11_TrailingByteInHello_IsAViolation()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);

        Violates(await bed.AcceptorFacesAsync(ScriptedPeer.Frame(FrameType.Hello, [.. peer.Hello(), 0])));
    }

    [Theory]
    [InlineData(FrameType.Ready, new byte[] { 0, 0 })]
    [InlineData(FrameType.Refuse, new byte[] { 2, 0, 0, 0, 0, 0, 0 })]
    [InlineData(FrameType.Goodbye, new byte[] { 0, 0, 0, 0 })]
    internal async Task F11_TrailingByteAfterHello_IsAViolation(FrameType type, byte[] payload) => await ViolatesAfterHelloAsync(ScriptedPeer.Frame(type, payload));

    [Fact]
    public async Task F11_ProofOfAnotherLength_IsAViolation()
    {
        foreach (int length in (int[])[0, 31, 33])
        {
            await using HandshakeBed bed = await HandshakeBed.CreateAsync();
            ScriptedPeer peer = bed.Play(dialer: true);
            byte[] bytes = [.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello(features: 1)), .. ScriptedPeer.Frame(FrameType.Proof, new byte[length])];

            Violates(await bed.AcceptorFacesAsync(bytes, c => c with { SecretKey = Key }));
        }
    }

    [Theory]
    [InlineData("FF")]
    [InlineData("C0AF")]
    [InlineData("EDA080")]
    [InlineData("1B5B33316D")]
    [InlineData("610A62")]
    [InlineData("C29B33316D")]
    public async Task F12_BadTextInHello_IsAViolation(string hex)
    {
        byte[] text = Convert.FromHexString(hex);
        foreach (bool asAgent in (bool[])[true, false])
        {
            await using HandshakeBed bed = await HandshakeBed.CreateAsync();
            ScriptedPeer peer = bed.Play(dialer: true);
            byte[] hello = asAgent ? peer.Hello(agent: text) : peer.Hello(addresses: [1, (byte)text.Length, .. text]);

            Violates(await bed.AcceptorFacesAsync(ScriptedPeer.Frame(FrameType.Hello, hello)));
        }
    }

    [Fact]
    public async Task F12_AnsiEscapeInAReason_IsAViolation()
    {
        await ViolatesAfterHelloAsync(ScriptedPeer.Frame(FrameType.Refuse, [2, 0, 0, 0, 4, 0x1B, (byte)'[', (byte)'2', (byte)'J', 0]));
        await ViolatesAfterHelloAsync(ScriptedPeer.Frame(FrameType.Goodbye, [0, 0, 4, 0x1B, (byte)'[', (byte)'2', (byte)'J']));
    }

    [Fact]
    public async Task F12_BidirectionalOverrideAndMarkup_DoNotReachTheMessageAsTheyAre()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: false);
        Handshake dialer = bed.Shake(dialer: true);
        byte[] said = Encoding.UTF8.GetBytes("[red]\u202Eevil\u2066\u200B\u2028end");
        await peer.SendAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello()), .. ScriptedPeer.Frame(FrameType.Refuse, [9, 0, (byte)said.Length, .. said, 5, (byte)said.Length, .. said, 0])]);
        await dialer.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        MesharaException? e = (await dialer.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).Failure;

        // Markup of one terminal library is text everywhere else: whoever renders escapes it.
        Assert.Equal(MesharaErrorCode.RateLimited, e?.Code);
        Assert.Equal(2, e!.Message.Split("[red]\uFFFDevil\uFFFD\uFFFD\uFFFDend").Length - 1);
    }

    [Fact]
    public async Task H14_HelloIdDiffersFromTls_IsAViolation_AndThePeerIsToldGoodbye()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        await peer.SendAsync(FrameType.Hello, peer.Hello(hasId: bed.AcceptorId));

        Exception e = await HandshakeBed.ThrowsAsync(() => acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard));

        Violates(e);
        Assert.Equal(MesharaErrorCode.ProtocolError, acceptor.Explain(e, TimeSpan.FromSeconds(5)).Code);
        await EndsAsync(acceptor, e, peer, speaks: true);
    }

    [Fact]
    public async Task H14_HelloNamesAnotherExpectedId_ClosesWithoutBlame()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        await peer.SendAsync(FrameType.Hello, peer.Hello(expected: bed.DialerId.ToByteArray()));

        Exception e = await HandshakeBed.ThrowsAsync(() => acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard));

        Assert.False(Assert.IsType<WireException>(e).IsViolation);
        await EndsAsync(acceptor, e, peer, speaks: false);
    }

    [Fact]
    public async Task H14_ExpectedIdOfAnotherLength_IsAViolation()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);

        Violates(await bed.AcceptorFacesAsync(ScriptedPeer.Frame(FrameType.Hello, peer.Hello(expected: new byte[31]))));
    }

    [Fact]
    public async Task H15_SecondHello_IsAViolation()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        byte[] hello = ScriptedPeer.Frame(FrameType.Hello, peer.Hello());

        Violates(await bed.AcceptorFacesAsync([.. hello, .. hello]));
    }

    [Theory]
    [InlineData(FrameType.Proof)]
    [InlineData(FrameType.Ready)]
    [InlineData(FrameType.Refuse)]
    [InlineData(FrameType.Goodbye)]
    [InlineData(FrameType.Ping)]
    [InlineData(FrameType.Data)]
    [InlineData(FrameType.Notice)]
    [InlineData((FrameType)0xEE)]
    [InlineData((FrameType)0x7E)]
    internal async Task H15_AnyFrameBeforeHello_IsAViolation(FrameType type)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();

        Violates(await bed.AcceptorFacesAsync(ScriptedPeer.Frame(type, [0])));
    }

    [Theory]
    [InlineData(FrameType.Ping)]
    [InlineData(FrameType.Pong)]
    [InlineData(FrameType.Done)]
    [InlineData(FrameType.Open)]
    [InlineData(FrameType.Data)]
    [InlineData(FrameType.Window)]
    [InlineData(FrameType.Notice)]
    internal async Task H15_LinkFrameBeforeReady_IsAViolation(FrameType type) => await ViolatesAfterHelloAsync(ScriptedPeer.Frame(type, new byte[8]));

    [Fact]
    public async Task F8_UnknownOptionalAfterHello_IsIgnored_UnknownCriticalIsAViolation()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        await peer.SendAsync([
            .. ScriptedPeer.Frame(FrameType.Hello, peer.Hello()), .. ScriptedPeer.Frame((FrameType)0xEE, [1, 2, 3], 0xFF), .. ScriptedPeer.Frame((FrameType)0x85, []), .. ScriptedPeer.Frame(FrameType.Ready, [0]),
        ]);
        await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);
        Assert.True((await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard)).IsReady);

        await ViolatesAfterHelloAsync(ScriptedPeer.Frame((FrameType)0x7E, []));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 0)]
    [InlineData(2, 1)]
    public async Task H16_VersionRangeEmptyOrInverted_ClosesWithoutBlame(ushort min, ushort max)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);

        Exception e = await bed.AcceptorFacesAsync(ScriptedPeer.Frame(FrameType.Hello, peer.Hello(minVersion: min, maxVersion: max)));

        Assert.False(Assert.IsType<WireException>(e).IsViolation);
    }

    [Theory]
    [InlineData("version", RefuseCode.Version, MesharaErrorCode.VersionMismatch)]
    [InlineData("mesh", RefuseCode.WrongMesh, MesharaErrorCode.WrongMesh)]
    [InlineData("extension", RefuseCode.Unsupported, MesharaErrorCode.VersionMismatch)]
    [InlineData("purpose", RefuseCode.Other, MesharaErrorCode.Refused)]
    internal async Task Exchange_AHelloThatCannotBeServed_IsRefusedWithTheReason(string what, RefuseCode code, MesharaErrorCode thrown)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        await peer.SendAsync(FrameType.Hello, what switch
        {
            "version" => peer.Hello(minVersion: 2, maxVersion: 9),
            "mesh" => peer.Hello(mesh: "tes"),
            "extension" => peer.Hello(extensions: [1, 7, 0]),
            _ => peer.Hello(purpose: 2),
        });
        Task<Exception> accepting = HandshakeBed.ThrowsAsync(() => acceptor.ExchangeAsync(null, false, CancellationToken.None));

        Assert.Equal(FrameType.Hello, (await peer.ReadAsync())?.Type);
        (FrameType Type, byte[] Payload)? refuse = await peer.ReadAsync();
        Assert.Equal((FrameType.Refuse, (byte)code), (refuse?.Type, refuse?.Payload[0]));
        await bed.Dialer.DisposeAsync();
        Assert.Equal(thrown, Assert.IsType<MesharaException>(await accepting.WaitAsync(HandshakeBed.Guard)).Code);
    }

    [Fact]
    public async Task Exchange_AnAcceptorThatProbes_IsRefused()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: false);
        Handshake dialer = bed.Shake(dialer: true);
        await peer.SendAsync(FrameType.Hello, peer.Hello(purpose: 1));
        Task<Exception> dialing = HandshakeBed.ThrowsAsync(() => dialer.ExchangeAsync(null, false, CancellationToken.None));

        Assert.Equal(FrameType.Hello, (await peer.ReadAsync())?.Type);
        (FrameType Type, byte[] Payload)? refuse = await peer.ReadAsync();
        Assert.Equal((FrameType.Refuse, (byte)RefuseCode.Other), (refuse?.Type, refuse?.Payload[0]));
        await bed.Acceptor.DisposeAsync();
        Assert.Equal(MesharaErrorCode.Refused, Assert.IsType<MesharaException>(await dialing.WaitAsync(HandshakeBed.Guard)).Code);
    }

    [Fact]
    public async Task Exchange_UnknownEvenExtensionAndHigherVersionsToo_AreAccepted()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(dialer: false);
        await peer.SendAsync(FrameType.Hello, peer.Hello(maxVersion: 9, features: 0xFFFFFFFFFFFFFFFE, extensions: [1, 8, 3, 1, 2, 3]));

        HelloFacts facts = await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Assert.Equal((ushort)9, facts.Remote.MaxVersion);
    }

    [Fact]
    public async Task Ready_UnknownCriticalExtension_ClosesWithoutBlame()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);

        Exception e = await bed.AcceptorFacesAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello()), .. ScriptedPeer.Frame(FrameType.Ready, [1, 7, 0])]);

        Assert.False(Assert.IsType<WireException>(e).IsViolation);
    }

    [Theory]
    [InlineData(0ul, true)]
    [InlineData(1ul, false)]
    public async Task Proof_WhereNoneIsDue_IsAViolation(ulong features, bool weHaveASecret)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        byte[] bytes = [.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello(features: features)), .. ScriptedPeer.Frame(FrameType.Proof, new byte[32])];

        Violates(await bed.AcceptorFacesAsync(bytes, c => c with { SecretKey = weHaveASecret ? Key : null }));
    }

    [Fact]
    public async Task Proof_Twice_IsAViolation()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        byte[] proof = ScriptedPeer.Frame(FrameType.Proof, new byte[32]);

        Violates(await bed.AcceptorFacesAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello(features: 1)), .. proof, .. proof], c => c with { SecretKey = Key }));
    }

    [Fact]
    public async Task Proof_Wrong_NothingIsProvenToTheGuesser()
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(false, c => c with { SecretKey = Key });
        await peer.SendAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello(features: 1)), .. ScriptedPeer.Frame(FrameType.Proof, new byte[32])]);

        Assert.False((await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard)).SecretProven);
        await acceptor.SendReadyAsync(default, CancellationToken.None);

        // HELLO, then a PROOF of nothing, then READY.
        Assert.Equal(FrameType.Hello, (await peer.ReadAsync())?.Type);
        (FrameType Type, byte[] Payload)? proof = await peer.ReadAsync();
        Assert.Equal(FrameType.Proof, proof?.Type);
        Assert.Equal(new byte[32], proof?.Payload);
        Assert.Equal(FrameType.Ready, (await peer.ReadAsync())?.Type);
    }

    [Theory]
    [InlineData(FrameType.Ready, new byte[] { 0 })]
    [InlineData(FrameType.Refuse, new byte[] { 4, 0, 0, 0, 0, 0 })]
    internal async Task Proof_OwedButNotSent_HasProvenNothing(FrameType instead, byte[] payload)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);
        Handshake acceptor = bed.Shake(false, c => c with { SecretKey = Key });
        await peer.SendAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello(features: 1)), .. ScriptedPeer.Frame(instead, payload)]);

        Assert.False((await acceptor.ExchangeAsync(null, false, CancellationToken.None).WaitAsync(HandshakeBed.Guard)).SecretProven);
        HandshakeAnswer answer = await acceptor.ReadAnswerAsync(CancellationToken.None).WaitAsync(HandshakeBed.Guard);

        Assert.Equal(instead == FrameType.Ready, answer.IsReady);
    }

    private static void Violates(Exception e) => Assert.True(Assert.IsType<WireException>(e).IsViolation, e.Message);

    private static async Task ViolatesAfterHelloAsync(byte[] frame)
    {
        await using HandshakeBed bed = await HandshakeBed.CreateAsync();
        ScriptedPeer peer = bed.Play(dialer: true);

        Violates(await bed.AcceptorFacesAsync([.. ScriptedPeer.Frame(FrameType.Hello, peer.Hello()), .. frame]));
    }

    // Section 2: after a protocol error GOODBYE(4) before the end, after a close nothing.
    private static async Task EndsAsync(Handshake handshake, Exception cause, ScriptedPeer peer, bool speaks)
    {
        Task ending = handshake.EndAsync(cause, CancellationToken.None);
        Assert.Equal(FrameType.Hello, (await peer.ReadAsync())?.Type);
        (FrameType Type, byte[] Payload)? last = await peer.ReadAsync();
        if (speaks)
        {
            Assert.Equal((FrameType.Goodbye, (byte)GoodbyeCode.ProtocolError), (last?.Type, last?.Payload[0]));
            peer.Close();
        }
        else
        {
            Assert.Null(last);
        }

        await ending.WaitAsync(HandshakeBed.Guard);
    }
}
