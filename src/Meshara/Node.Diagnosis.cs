using Meshara.Net;
using Meshara.Net.Diagnosis;
using Meshara.Security;
using Meshara.Storage;

namespace Meshara;

// Why another node cannot be reached.
public sealed partial class Node
{
    /// <summary>How far this machine's clock is off, by the records that linked peers gave of themselves: positive where it is ahead of theirs, negative where it is behind. Zero: nothing speaks
    /// against it; they show differences from five minutes behind and from an hour ahead on. The median of all who tell, so that one wrong clock among several says nothing; null: nobody tells.</summary>
    /// <remarks>Peers ignore the records of a node whose clock is a day off, and it theirs (wire protocol section 11.3).</remarks>
    public TimeSpan? ClockOffset => _state == NodeState.Running ? _driver.ClockOffset : null;

    /// <summary>Dials an address step by step and says how far it came, and why it came no further. Nobody is displaced, pinned, blamed or remembered by it: HELLO says that it is a probe
    /// (wire protocol section 6), and the node's own dials go on as they would.</summary>
    /// <param name="address">Where; without an id the one that is pinned at this very address must answer, if there is one.</param>
    /// <param name="limit">For all steps together; null: what <see cref="NodeTimeouts"/> gives to each.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public Task<DialDiagnosis> DiagnoseAsync(PeerAddress address, TimeSpan? limit = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (_state != NodeState.Running)
        {
            throw new MesharaException(MesharaErrorCode.NodeStopped, "The node has been stopped.");
        }

        return ProbeAsync(Over(_driver.ProbeContext(), _options), WithPin(address), limit, cancellationToken);
    }

    /// <summary>The same without a running node: dials as one with these options would. What only a running node knows (bans, failed dials, limits) is not seen.</summary>
    /// <param name="options">Of these the identity (null: that of the data directory if it holds one, else one that is made for this dial and thrown away), the mesh (empty: the one that the other side names; the shared secret is then not proven, for its key is never derived for a name that a stranger chose), the admission, the pins of the
    /// data directory, the transport, the deadlines and the clock count. No file is written, and the directory is not locked.</param>
    /// <param name="address">Where.</param>
    /// <param name="limit">For all steps together; null: what <see cref="NodeTimeouts"/> gives to each.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.IdentityFile"/>, <see cref="MesharaErrorCode.Passphrase"/>, <see cref="MesharaErrorCode.DataDirectory"/>: a file of the data directory cannot be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The limit is not positive.</exception>
    public static async Task<DialDiagnosis> DiagnoseAsync(NodeOptions options, PeerAddress address, TimeSpan? limit = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(address);
        string? path = options.DataDirectory is { } directory ? DataDirectory.IdentityPathOf(directory) : null;
        NodeIdentity? made = options.Identity is not null ? null
            : path is not null && File.Exists(path) ? NodeIdentity.Load(path, options.IdentityPassphrase)
            : NodeIdentity.Create();
        KnownPeersFile known = KnownPeersFile.Load(options.DataDirectory is { } pins ? DataDirectory.KnownPeersPathOf(pins) : null);
        using (made)
        {
            using NodeCertificate certificate = new(options.Identity ?? made!);
            NodeClock clock = new(options.TimeProvider);
            HandshakeConfig handshake = HandshakeConfig.Create(options, certificate.PublicKey.Id, Nonces.NewInstance());
            DialProbeContext context = new()
            {
                Transport = options.Transport ?? new TcpTransport(options.TimeProvider),
                Certificate = certificate,
                Handshake = handshake,
                HandshakeOf = options.Mesh.Length == 0 ? mesh => handshake with { Mesh = mesh } : null,
                Tls = new SecureChannelOptions(options.MinimumTls, options.Timeouts.Tls, options.TimeProvider),
                Timeouts = options.Timeouts,
                Clock = clock,
                Admission = options.Admission.Mode,
                IsPinned = id => known.Find(id) is not null,
            };
            PeerAddress meant = address.Id is null && known.FindByAddress(address) is { } pinned ? address with { Id = pinned.Id } : address;
            return await ProbeAsync(Over(context, options), meant, limit, cancellationToken).ConfigureAwait(false);
        }
    }

    private static DialProbeContext Over(DialProbeContext context, NodeOptions options) =>
        options.Transport is null ? context with { LookUp = TcpNames.SystemLookUp }
        : options.Transport is TcpTransport tcp ? context with { LookUp = tcp.LookUp, Connect = tcp.Connector }
        : context;

    private static Task<DialDiagnosis> ProbeAsync(DialProbeContext context, PeerAddress address, TimeSpan? limit, CancellationToken cancellationToken)
    {
        // The name, TCP, TLS, HELLO, and a little.
        TimeSpan all = limit ?? (2 * context.Timeouts.Connect) + context.Timeouts.Tls + context.Timeouts.Hello + TimeSpan.FromSeconds(1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(all, TimeSpan.Zero, nameof(limit));
        return new DialProbe(context, address, all).RunAsync(cancellationToken);
    }
}
