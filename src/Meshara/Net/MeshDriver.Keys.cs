using Meshara.Core;
using Meshara.Security;

namespace Meshara.Net;

// Keys that take the place of others.
internal sealed partial class MeshDriver
{
    private int _chainsVerified;
    private int _aliasesVersion;

    /// <summary>Chains of successors of which a signature was checked. For tests.</summary>
    public int ChainsVerified => Volatile.Read(ref _chainsVerified);

    /// <summary>A succession that is stored.</summary>
    public Task SucceededAsync(NodeId old, NodeId key, DateTimeOffset until) => AskAsync(() => _mesh.HandleSuccession(Older(old, until), key));

    /// <summary>Which older keys of a chain are known here; the signatures are checked by the connection's own task, and only then.</summary>
    public Task<IReadOnlyList<int>> FindKnownAsync(SuccessorChain chain, NodeId key) => AskAsync(() => _mesh.FindKnown(chain.OldIds, key));

    public void OnChainVerified() => Interlocked.Increment(ref _chainsVerified);

    /// <summary>An older key, with the end of its time on the mesh's clock.</summary>
    public Predecessor Older(NodeId id, DateTimeOffset until) => new(id, until, Now + (until - _node.Clock.UtcNow));

    private void TellOfKey(MeshAction action, DateTimeOffset time)
    {
        switch (action)
        {
            case MeshAction.Succeeded a:
                Refresh();
                _node.Logger.KeySucceeded(a.Old, a.New, a.Until);
                _node.Events.Publish(new PeerKeySucceeded(time, a.Old, a.New));
                _node.OnSucceeded(a.Old, _connections[a.Connection].RemoteKey, a.Until);
                break;
            case MeshAction.NotFollowed a:
                _node.Logger.SuccessorNotFollowed(a.New, a.Address, a.Old, a.Reason);
                break;
        }
    }

    private void Refresh()
    {
        if (_aliasesVersion != _mesh.AliasesVersion)
        {
            _aliasesVersion = _mesh.AliasesVersion;
            _live.Aliases = _mesh.Aliases();
        }

        foreach ((NodeId id, LiveLink link) in _live.All())
        {
            link.Pinned = _mesh.IsKnown(id);
            link.IsStatic = _mesh.IsStatic(id);
        }
    }
}
