using Microsoft.Extensions.Logging;

namespace Meshara;

/// <summary>Everything the library logs. Event ids: 1000 node, 2000 net, 3000 peers, 4000 keys, 4900 the keeping of peers; 5000 is the peer store of Meshara.Sqlite. No payload, and peer text only without control characters.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Information, "Node {Id} of mesh '{Mesh}' is running; addresses: {Addresses}")]
    public static partial void Running(this ILogger logger, NodeId id, string mesh, string addresses);

    [LoggerMessage(1001, LogLevel.Information, "Node {Id} has stopped")]
    public static partial void Stopped(this ILogger logger, NodeId id);

    [LoggerMessage(1002, LogLevel.Warning, "The shared secret is shorter than 16 bytes and can be guessed by a peer that this node dials; take the output of 'openssl rand -hex 16'")]
    public static partial void WeakSecret(this ILogger logger);

    [LoggerMessage(1003, LogLevel.Warning, "{Count} handlers are still running after the node told them to stop; they are left alone")]
    public static partial void HandlersLeft(this ILogger logger, int count);

    [LoggerMessage(1004, LogLevel.Warning, "A watcher of events reads too slowly; its oldest events are dropped")]
    public static partial void WatcherIsSlow(this ILogger logger);

    [LoggerMessage(1005, LogLevel.Information, "Peer {Peer} answered at {Address} and is trusted from now on: another key there will be an error")]
    public static partial void TrustedOnFirstUse(this ILogger logger, NodeId peer, string address);

    [LoggerMessage(1006, LogLevel.Error, "Peer {Peer} at {Address} is trusted until the node stops, but could not be stored: {Error}")]
    public static partial void PinNotStored(this ILogger logger, NodeId peer, string address, string error);

    [LoggerMessage(1010, LogLevel.Warning, "The remembered port in {Path} cannot be used and is ignored: {Why}")]
    public static partial void PortIgnored(this ILogger logger, string path, string why);

    [LoggerMessage(1011, LogLevel.Warning, "The port {Port} could not be remembered in {Path}, so that the next start may get another: {Why}")]
    public static partial void PortNotRemembered(this ILogger logger, int port, string path, string why);

    [LoggerMessage(1012, LogLevel.Warning, "Port {Wanted} is taken by another program; this node listens on {Port} until its next start")]
    public static partial void PortTaken(this ILogger logger, int wanted, int port);

    [LoggerMessage(2000, LogLevel.Error, "Accepting connections on {Address} has ended: the transport threw")]
    public static partial void AcceptFailed(this ILogger logger, string address, Exception exception);

    // At most once a minute for each cause.
    [LoggerMessage(2001, LogLevel.Warning, "Closed {Count} {Connections}, the latest from {Address}: {Why}. If they are yours, name their range in AcceptLimits.TrustedRanges (of the command: --trusted-range)")]
    public static partial void AcceptRefused(this ILogger logger, long count, string connections, string address, string why);

    [LoggerMessage(2002, LogLevel.Error, "The handler of '{Protocol}' threw")]
    public static partial void HandlerFailed(this ILogger logger, string protocol, Exception exception);

    [LoggerMessage(2003, LogLevel.Critical, "A task of the node ended with a fault that nobody expected")]
    public static partial void TaskFailed(this ILogger logger, Exception exception);

    [LoggerMessage(2004, LogLevel.Information, "The network has changed (woken from sleep: {Woke}); addresses: {Addresses}")]
    public static partial void NetworkChanged(this ILogger logger, bool woke, string addresses);

    [LoggerMessage(3000, LogLevel.Information, "Peer {Peer} connected: {Address}, inbound: {Inbound}")]
    public static partial void Connected(this ILogger logger, NodeId peer, string address, bool inbound);

    [LoggerMessage(3001, LogLevel.Information, "Peer {Peer} disconnected: {Address}, {Reason}. {Detail}")]
    public static partial void Disconnected(this ILogger logger, NodeId peer, string address, DisconnectReason reason, string detail);

    [LoggerMessage(3006, LogLevel.Warning, "Peer {Peer} at {Address} sent {What}")]
    public static partial void OverLimit(this ILogger logger, NodeId peer, string address, string what);

    // Whoever likes can make these; the events have them all.
    [LoggerMessage(3002, LogLevel.Debug, "No link with {Address}: {Code}. {Detail}")]
    public static partial void Refused(this ILogger logger, string address, MesharaErrorCode code, string detail);

    [LoggerMessage(3003, LogLevel.Warning, "Two live nodes have the identity {Peer}: {Address} and {OtherAddress}. Was a data directory copied?")]
    public static partial void IdentityShared(this ILogger logger, NodeId peer, string address, string otherAddress);

    // Once for each configured address, until it has succeeded.
    [LoggerMessage(3004, LogLevel.Warning, "No link with {Address}: {Detail}")]
    public static partial void OtherKeyAnswers(this ILogger logger, string address, string detail);

    [LoggerMessage(3007, LogLevel.Information, "Peer {Peer} is banned until {Until:u} for {Cause}; bans so far: {Count}")]
    public static partial void Banned(this ILogger logger, NodeId peer, ReputationCause cause, DateTimeOffset until, int count);

    // Once.
    [LoggerMessage(3005, LogLevel.Warning, "{Count} peers on the local network were refused at the one address {Address}: {Limit} is {Value}. If that is a machine with many nodes, or a proxy that hides where callers come from, name its range in AcceptLimits.TrustedRanges (of the command: --trusted-range) or switch AcceptLimits.OnLinkLane off")]
    public static partial void ManyAtOneAddress(this ILogger logger, int count, string address, string limit, long value);

    [LoggerMessage(3010, LogLevel.Debug, "A record of peer {Peer} is ignored: {Why}")]
    public static partial void RecordIgnored(this ILogger logger, NodeId peer, string why);

    [LoggerMessage(3011, LogLevel.Warning, "Peer {Peer} at {Address} broke the rules of peer records: {What}")]
    public static partial void RecordForged(this ILogger logger, NodeId peer, string address, string what);

    [LoggerMessage(3012, LogLevel.Information, "Peer {Peer} has moved from {Old} to {Proven}, where it has proven its key")]
    public static partial void PeerMoved(this ILogger logger, NodeId peer, string old, string proven);

    [LoggerMessage(3013, LogLevel.Error, "Peer {Peer} has moved to {Proven}, but that could not be stored: {Error}")]
    public static partial void MoveNotStored(this ILogger logger, NodeId peer, string proven, string error);

    [LoggerMessage(3014, LogLevel.Debug, "Peer {Peer} gave {Given} records of others, of which {New} were new")]
    public static partial void Exchanged(this ILogger logger, NodeId peer, int given, int @new);

    [LoggerMessage(1013, LogLevel.Warning, "The number of this node's own record could not be kept in {Path}, or is wrong there: {Why}. The clock serves instead")]
    public static partial void SequenceIgnored(this ILogger logger, string path, string why);

    [LoggerMessage(4900, LogLevel.Warning, "The peer store cannot be used: {Error}. What is learned of peers is kept in memory only; it is tried again each minute")]
    public static partial void StoreFailed(this ILogger logger, string error);

    [LoggerMessage(4901, LogLevel.Warning, "The peer store gave nothing within {Seconds} s; the node goes on without it until its next start")]
    public static partial void StoreIsSlow(this ILogger logger, double seconds);

    [LoggerMessage(4902, LogLevel.Warning, "The peer store did not take the last changes within {Seconds} s; they are lost")]
    public static partial void StoreNotFlushed(this ILogger logger, double seconds);

    [LoggerMessage(4903, LogLevel.Information, "The peer store held {Peers} peers; {Skipped} wrong entries were left out")]
    public static partial void StoreLoaded(this ILogger logger, int peers, int skipped);

    [LoggerMessage(4000, LogLevel.Warning, "Peer {Old} has the new key {New}, signed by the old one, which is accepted until {Until:u} still; the new one is pinned from now on")]
    public static partial void KeySucceeded(this ILogger logger, NodeId old, NodeId @new, DateTimeOffset until);

    [LoggerMessage(4001, LogLevel.Warning, "The key {New} at {Address} says, rightly signed, that it succeeds {Old}, and is not followed: {Reason}")]
    public static partial void SuccessorNotFollowed(this ILogger logger, NodeId @new, string address, NodeId old, string reason);

    [LoggerMessage(4002, LogLevel.Warning, "The key {New} at {Address} says that it succeeds {Old}, but the signatures are wrong: somebody tries to pass for that peer")]
    public static partial void ForgedChain(this ILogger logger, NodeId @new, string address, NodeId old);

    [LoggerMessage(4003, LogLevel.Warning, "The configured peer {Address} has the key {New} now: replace the id in the configuration")]
    public static partial void ConfiguredIdIsOld(this ILogger logger, PeerAddress address, NodeId @new);

    [LoggerMessage(4004, LogLevel.Error, "The new key {New} of peer {Old} is pinned until the node stops, but could not be stored: {Error}")]
    public static partial void SuccessionNotStored(this ILogger logger, NodeId old, NodeId @new, string error);

    [LoggerMessage(4005, LogLevel.Information, "This node's identity file has the new key {New} in the place of {Old}; it takes effect at the next start")]
    public static partial void IdentityRotated(this ILogger logger, NodeId old, NodeId @new);
}
