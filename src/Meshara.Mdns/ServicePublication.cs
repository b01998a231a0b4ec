using Meshara.Mdns.Engine;
using Meshara.Mdns.Net;

namespace Meshara.Mdns;

/// <summary>A service that is published until this is disposed of, or the <see cref="MdnsService"/> is.</summary>
public sealed class ServicePublication : IAsyncDisposable
{
    private readonly MdnsDriver _driver;
    private readonly PublicationState _state = new();
    private volatile ServiceProfile _profile;
    private PublicationId _id;

    internal ServicePublication(MdnsDriver driver, ServiceProfile profile)
    {
        _driver = driver;
        _profile = profile;
    }

    /// <summary>Somebody else on the network has the name, and the service took another. Called on the library's own loop: return soon, and wait there for nothing that this library does. Null (the default): nobody is told.</summary>
    public Action<ServiceRenamed>? Renamed
    {
        get => _state.Renamed;
        set => _state.Renamed = value;
    }

    /// <summary>What was asked to be published, last.</summary>
    public ServiceProfile Profile => _profile;

    /// <summary>The instance name it has now: that of the profile, or with a number because others have it.</summary>
    public string InstanceName => _state.Names?.InstanceName ?? _profile.InstanceName;

    /// <summary>The full name of its host, as <c>mdns-3f2a.local</c>; empty while that is not known.</summary>
    public string HostName => _state.Names?.HostName ?? "";

    /// <summary>Publishes something else in its place: another text, port, priority, weight or subtype is announced at once; with another instance name, type, host name or other networks it says goodbye and begins anew.</summary>
    /// <remarks>Ends when it is taken, and waits for no proof of a new name: <see cref="InstanceName"/> says what that has become, and <see cref="Renamed"/> is called where another has it.
    /// More than ten updates a minute are announced late (RFC 6762 section 8.4). Several at once are taken one after the other, in no order that is promised.</remarks>
    /// <param name="profile">What it is from now on; begin from <see cref="Profile"/> and <c>with</c>.</param>
    /// <exception cref="ArgumentNullException"><paramref name="profile"/> is null.</exception>
    /// <exception cref="ObjectDisposedException">This was disposed of, or the <see cref="MdnsService"/> was; <see cref="Profile"/> is as before.</exception>
    public async ValueTask UpdateAsync(ServiceProfile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        await _driver.UpdateAsync(_id, profile).ConfigureAwait(false);
        _profile = profile;
    }

    /// <summary>Says goodbye, so that others forget the service within a second.</summary>
    public ValueTask DisposeAsync() => _driver.UnpublishAsync(_id);

    internal async ValueTask StartAsync(CancellationToken cancellationToken)
    {
        _id = await _driver.PublishAsync(_state, _profile).ConfigureAwait(false);
        try
        {
            await _state.HasNames.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
