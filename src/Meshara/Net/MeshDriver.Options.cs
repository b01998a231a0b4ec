namespace Meshara.Net;

// Options that change while the node runs.
internal sealed partial class MeshDriver
{
    /// <summary>Other options from now on, checked already. Links that live keep the limits that they began with.</summary>
    public Task ReconfigureAsync(NodeOptions options) => AskAsync(() =>
    {
        NodeOptions before = _node.Options;
        _node.Options = options;
        _node.Handshake = _node.Handshake.With(options);
        if (options.Limits != before.Limits)
        {
            // Places that are taken go back to where they came from.
            _node.Places = NodePlaces.From(options.Limits);
        }

        foreach (PeerConnection connection in _connections.Values)
        {
            if (connection.Link is { } link)
            {
                link.Timeouts = options.Timeouts;
            }
        }

        if (options.Accept != before.Accept || options.Timeouts != before.Timeouts)
        {
            _door.LimitsChanged(before.Accept);
        }

        Change(() =>
        {
            if (options.Accept != before.Accept)
            {
                _mesh.HandleGroups(_door.Groups);
            }

            _mesh.HandleOptions(options, Now);
        });

        // The addresses in it may be others.
        SpreadRecord();
    });

    /// <summary>The options name this address no longer.</summary>
    /// <param name="address">As it was wanted.</param>
    /// <param name="isPinned">Its peer is in <c>known_peers</c> all the same.</param>
    public Task UnwantAsync(PeerAddress address, bool isPinned) => AskAsync(() => Change(() => _mesh.HandleUnwanted(address, isPinned, Now)));
}
