namespace Meshara;

/// <summary>What a node measures and traces, under the names that OpenTelemetry and <c>dotnet-counters</c> ask for.</summary>
/// <remarks>
/// <para>Each node has a <see cref="System.Diagnostics.Metrics.Meter"/> of the name <see cref="MeterName"/> with the tags <c>meshara.mesh</c> and
/// <c>meshara.node.id</c>. Names and units follow the OpenTelemetry semantic conventions:</para>
/// <list type="table">
/// <item><term><c>meshara.links</c></term><description>{link}, up-down counter: live links, by <c>meshara.direction</c> (<c>inbound</c>, <c>outbound</c>)</description></item>
/// <item><term><c>meshara.link.duration</c></term><description>s, histogram: how long links lived, by <c>meshara.disconnect.reason</c></description></item>
/// <item><term><c>meshara.link.round_trip</c></term><description>s, histogram: from PING to PONG</description></item>
/// <item><term><c>meshara.handshake.duration</c></term><description>s, histogram: from dial or accept to live or failed, by <c>meshara.direction</c> and, where it failed,
/// <c>error.type</c> (a <see cref="MesharaErrorCode"/>)</description></item>
/// <item><term><c>meshara.accept.refused</c></term><description>{connection}, counter: inbound connections closed before they had a link (<see cref="AcceptLimits"/>), by
/// <c>meshara.accept.level</c>: <c>address</c>, <c>network</c>, <c>wide</c> (too many of it), <c>pool</c> (the waiting pool was full), <c>late</c> (no ClientHello in time), <c>not_tls</c>,
/// <c>stalled</c> (a handshake that stood still while others waited), <c>greetings</c> (too many between TLS and a link)</description></item>
/// <item><term><c>meshara.exchange.ignored</c></term><description>{item}, counter: peer records, addresses in them, and requests for them that did not count, by
/// <c>meshara.exchange.cause</c>: <c>extension</c>, <c>mesh</c>, <c>expired</c>, <c>expiry</c> and <c>sequence</c> (too far in the future), <c>old</c>, <c>address</c> (nobody can be there, or
/// its giver may not name it), <c>early</c> (a request or a change before its time)</description></item>
/// <item><term><c>meshara.network.io</c></term><description>By, counter: bytes of frames, before TLS, by <c>network.io.direction</c> (<c>transmit</c>, <c>receive</c>)</description></item>
/// <item><term><c>meshara.messages</c></term><description>{message}, counter: messages and requests, by <c>network.io.direction</c></description></item>
/// <item><term><c>meshara.client.request.duration</c></term><description>s, histogram: <see cref="Node.RequestAsync"/>, by <c>meshara.protocol</c> and <c>error.type</c></description></item>
/// <item><term><c>meshara.server.request.duration</c></term><description>s, histogram: handlers of requests, by <c>meshara.protocol</c> and <c>error.type</c></description></item>
/// </list>
/// <para>Spans of <see cref="ActivitySourceName"/>: <c>connect</c> and <c>accept</c> (one connection up to live or failed), <c>request PROTOCOL</c> (client),
/// <c>handle PROTOCOL</c> (server: a handler's run). The wire carries no trace context yet, so the two sides are two traces. Nothing of a payload or a secret is in any of them;
/// a protocol's name is a tag only where this program registered or called it, so a peer cannot invent values.</para>
/// </remarks>
public static class MesharaTelemetry
{
    /// <summary>Name of the meters.</summary>
    public const string MeterName = "Meshara";

    /// <summary>Name of the activity source.</summary>
    public const string ActivitySourceName = "Meshara";
}
