using System.Net.NetworkInformation;

namespace Meshara.Mdns.Net;

/// <summary>What the system tells of changes of the network: a hint, since it forgets to.</summary>
internal sealed class SystemNews : IDisposable
{
    private readonly Action _told;

    /// <summary>Listens.</summary>
    /// <param name="told">Called when something changed.</param>
    /// <exception cref="NetworkInformationException">The system takes no more listeners; the framework throws others elsewhere.</exception>
    public SystemNews(Action told)
    {
        _told = told;

        // The first does not tell of IPv6 on every system, the second does not tell of addresses: both are heard.
        NetworkChange.NetworkAddressChanged += OnAddressChanged;
        try
        {
            NetworkChange.NetworkAvailabilityChanged += OnAvailabilityChanged;
        }
        catch
        {
            NetworkChange.NetworkAddressChanged -= OnAddressChanged;
            throw;
        }
    }

    public void Dispose()
    {
        NetworkChange.NetworkAddressChanged -= OnAddressChanged;
        NetworkChange.NetworkAvailabilityChanged -= OnAvailabilityChanged;
    }

    private void OnAddressChanged(object? sender, EventArgs e) => _told();

    private void OnAvailabilityChanged(object? sender, NetworkAvailabilityEventArgs e) => _told();
}
