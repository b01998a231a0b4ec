namespace Meshara;

/// <summary>What went wrong, for programs; <see cref="Exception.Message"/> says it for people.</summary>
/// <remarks>Tell errors apart by this value, never by their text.</remarks>
public enum MesharaErrorCode
{
    /// <summary>An option is missing or out of its range; the message names it, its value and the range.</summary>
    InvalidOption,

    /// <summary>Text that should be an address, an id or a key is not.</summary>
    InvalidFormat,

    /// <summary>The identity file cannot be used; it was left as it is.</summary>
    IdentityFile,

    /// <summary>The identity file is encrypted and the passphrase is missing or wrong.</summary>
    Passphrase,

    /// <summary>Another process holds the data directory.</summary>
    DataDirectoryInUse,

    /// <summary>The data directory, or a file in it, cannot be used.</summary>
    DataDirectory,

    /// <summary>A listen address is taken or not ours.</summary>
    ListenFailed,

    /// <summary>The host name has no address.</summary>
    NameNotResolved,

    /// <summary>The transport could not connect: refused, unreachable.</summary>
    ConnectFailed,

    /// <summary>The transport did not connect before its deadline.</summary>
    ConnectTimeout,

    /// <summary>The TLS handshake failed; the message says how far it came.</summary>
    TlsFailed,

    /// <summary>The TLS handshake did not end before its deadline.</summary>
    TlsTimeout,

    /// <summary>The other side speaks TLS, but not Meshara: ALPN <c>meshara/1</c> was not agreed.</summary>
    WrongProtocol,

    /// <summary>The other side presented no certificate.</summary>
    NoCertificate,

    /// <summary>The other side's certificate breaks a rule of the specification, section 3.</summary>
    BadCertificate,

    /// <summary>The key at this address is not the pinned one; the message shows both fingerprints.</summary>
    PinMismatch,

    /// <summary>The address leads back to this node.</summary>
    Self,

    /// <summary>HELLO and READY were not exchanged before their deadline.</summary>
    HelloTimeout,

    /// <summary>The other side broke the protocol.</summary>
    ProtocolError,

    /// <summary>The other side refused for a reason this version does not know.</summary>
    Refused,

    /// <summary>Refused: another link between the two nodes lives.</summary>
    Duplicate,

    /// <summary>Refused: the other side has no place; the message names the limit and its value.</summary>
    Full,

    /// <summary>Refused: banned.</summary>
    Banned,

    /// <summary>Refused: the key is proven, but nobody said that it may join.</summary>
    NotAdmitted,

    /// <summary>The two nodes belong to meshes of different names.</summary>
    WrongMesh,

    /// <summary>Refused: the other side is shutting down.</summary>
    GoingAway,

    /// <summary>Another live node has the same identity key.</summary>
    IdentityInUse,

    /// <summary>No protocol version in common.</summary>
    VersionMismatch,

    /// <summary>Refused: too many attempts.</summary>
    RateLimited,

    /// <summary>There is no link to the peer now.</summary>
    NotConnected,

    /// <summary>The link ended while the operation was under way.</summary>
    LinkClosed,

    /// <summary>The other side handles no such protocol.</summary>
    UnknownProtocol,

    /// <summary>The other side's handler threw.</summary>
    HandlerFailed,

    /// <summary>No reply before the deadline.</summary>
    RequestTimeout,

    /// <summary>The other side ended the stream with a code of its own.</summary>
    StreamReset,

    /// <summary>A message or request larger than the peer takes, or a reply larger than this node takes; the message says whose limit it is, and its value.</summary>
    MessageTooLarge,

    /// <summary>The other side has no memory to spare for this now.</summary>
    RemoteBusy,

    /// <summary>The node has been stopped.</summary>
    NodeStopped,

    /// <summary>The peer was removed by the operator of this or the other node.</summary>
    Removed,

    /// <summary>The peer store cannot be used by this version; it was left as it is.</summary>
    PeerStore,

    /// <summary>The file of static peers (<see cref="DiscoveryOptions.StaticPeersFile"/>) cannot be used; the message names the file, the line and the column. It was left as it is.</summary>
    StaticPeersFile,
}
