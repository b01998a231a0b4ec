namespace Meshara.Net;

// What the sources of peers say.
internal sealed partial class MeshDriver
{
    /// <summary>All peers of the static peers file, in the place of those before; each with its id.</summary>
    public Task NameAsync(IReadOnlyList<PeerAddress> addresses) => AskAsync(() => Change(() => _mesh.HandleNamed(addresses, Now)));

    /// <summary>Addresses to begin with, of a list. Those named before stay.</summary>
    public Task BootstrapAsync(IReadOnlyList<PeerAddress> addresses) => AskAsync(() =>
    {
        foreach (PeerAddress address in addresses)
        {
            _mesh.HandleLearned(address, AddressSource.Bootstrap, from: null, Now);
        }
    });
}
