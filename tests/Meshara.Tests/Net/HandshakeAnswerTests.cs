using Meshara.Net;
using Meshara.Wire;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class HandshakeAnswerTests
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(RefuseCode.Other, MesharaErrorCode.Refused, true)]
    [InlineData(RefuseCode.Duplicate, MesharaErrorCode.Duplicate, true)]
    [InlineData(RefuseCode.Full, MesharaErrorCode.Full, true)]
    [InlineData(RefuseCode.Banned, MesharaErrorCode.Banned, false)]
    [InlineData(RefuseCode.NotAdmitted, MesharaErrorCode.NotAdmitted, false)]
    [InlineData(RefuseCode.WrongMesh, MesharaErrorCode.WrongMesh, false)]
    [InlineData(RefuseCode.GoingAway, MesharaErrorCode.GoingAway, true)]
    [InlineData(RefuseCode.IdentityInUse, MesharaErrorCode.IdentityInUse, false)]
    [InlineData(RefuseCode.Version, MesharaErrorCode.VersionMismatch, false)]
    [InlineData(RefuseCode.Rate, MesharaErrorCode.RateLimited, true)]
    [InlineData(RefuseCode.Unsupported, MesharaErrorCode.VersionMismatch, false)]
    internal void From_Refuse_HasItsCode(RefuseCode code, MesharaErrorCode expected, bool transient)
    {
        HandshakeAnswer answer = HandshakeAnswer.From(new Refuse { Code = code }, "The node at a:1", Minute);

        Assert.False(answer.IsReady);
        Assert.Equal((expected, transient, (RefuseCode?)code, null), (answer.Failure!.Code, answer.Failure.IsTransient, answer.Refused, answer.Goodbye));
        Assert.StartsWith("The node at a:1 ", answer.Failure.Message, StringComparison.Ordinal);
        Assert.Null(answer.Failure.RetryAfter);
    }

    [Theory]
    [InlineData(GoodbyeCode.Shutdown, MesharaErrorCode.GoingAway, true)]
    [InlineData(GoodbyeCode.Removed, MesharaErrorCode.Removed, false)]
    [InlineData(GoodbyeCode.Replaced, MesharaErrorCode.Duplicate, true)]
    [InlineData(GoodbyeCode.Timeout, MesharaErrorCode.HelloTimeout, true)]
    [InlineData(GoodbyeCode.ProtocolError, MesharaErrorCode.ProtocolError, false)]
    [InlineData(GoodbyeCode.Evicted, MesharaErrorCode.Full, true)]
    [InlineData(GoodbyeCode.ProbeDone, MesharaErrorCode.Refused, true)]
    [InlineData(GoodbyeCode.IdentityInUse, MesharaErrorCode.IdentityInUse, false)]
    [InlineData(GoodbyeCode.InternalError, MesharaErrorCode.Refused, true)]
    internal void From_Goodbye_HasItsCode(GoodbyeCode code, MesharaErrorCode expected, bool transient)
    {
        HandshakeAnswer answer = HandshakeAnswer.From(new Goodbye { Code = code, Message = "bye" }, "The caller from a:1", Minute);

        Assert.Equal((expected, transient, null, (GoodbyeCode?)code), (answer.Failure!.Code, answer.Failure.IsTransient, answer.Refused, answer.Goodbye));
        Assert.EndsWith("It says: \"bye\".", answer.Failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void From_ABanThatEnds_IsTransient() =>
        Assert.True(HandshakeAnswer.From(new Refuse { Code = RefuseCode.Banned, RetryAfter = Minute }, "X", Minute).Failure!.IsTransient);

    [Theory]
    [InlineData(30, 30)]
    [InlineData(60, 60)]
    [InlineData(86_400, 60)]
    public void From_RetryAfter_IsCutToOurOwnLongestBackoff(int said, int taken) =>
        Assert.Equal(
            TimeSpan.FromSeconds(taken),
            HandshakeAnswer.From(new Refuse { Code = RefuseCode.Full, RetryAfter = TimeSpan.FromSeconds(said) }, "X", Minute).Failure!.RetryAfter);

    [Theory]
    [InlineData("plain [red] text", "plain [red] text")]
    [InlineData("", "")]
    [InlineData("a\u202Eb", "a\uFFFDb")]
    [InlineData("a\u2066b\u2069", "a\uFFFDb\uFFFD")]
    [InlineData("a\u200Fb\u200Bc\uFEFF", "a\uFFFDb\uFFFDc\uFFFD")]
    [InlineData("a\u2028b\u2029c", "a\uFFFDb\uFFFDc")]
    [InlineData("a\u001B[31m\r\n\u009B", "a\uFFFD[31m\uFFFD\uFFFD\uFFFD")]
    [InlineData("grüße, 世界, \U0001F600", "grüße, 世界, \U0001F600")]
    [InlineData("\U000E0041", "\uFFFD")]
    public void Clean_WhatCouldDeceive_BecomesTheReplacementCharacter(string text, string expected) => Assert.Equal(expected, PeerText.Clean(text));
}
