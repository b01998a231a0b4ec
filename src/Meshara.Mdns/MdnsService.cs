using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Net;
using Meshara.Net;

namespace Meshara.Mdns;

/// <summary>Multicast DNS and DNS-SD in the local network: publish services and find them. One for a program is enough.</summary>
/// <remarks>RFC 6762 and RFC 6763. It starts whatever the network is like, follows it as it changes, and says in <see cref="Interfaces"/> what does not work.</remarks>
public sealed class MdnsService : IAsyncDisposable
{
    private readonly MdnsDriver _driver;

    private MdnsService(MdnsDriver driver) => _driver = driver;

    /// <summary>Why IPv4 cannot be used at all now (switched off, no such protocol, port 5353 held by another program for itself); null: it can. What failed is tried again every five seconds.</summary>
    public string? IPv4Fault => _driver.Fault(ipv6: false);

    /// <summary>As for IPv4.</summary>
    public string? IPv6Fault => _driver.Fault(ipv6: true);

    /// <summary>How it fares on each interface in use, now.</summary>
    public IReadOnlyList<InterfaceState> Interfaces => _driver.Interfaces;

    internal MdnsDriver Driver => _driver;

    /// <summary>Starts it: when this ends, the interfaces that are there are joined. Where nothing works it starts too, and says so in <see cref="IPv4Fault"/>, <see cref="IPv6Fault"/> and <see cref="Interfaces"/>.</summary>
    /// <param name="options">How; null: the defaults.</param>
    public static async ValueTask<MdnsService> StartAsync(MdnsOptions? options = null)
    {
        options ??= new MdnsOptions();

        // The program's log may throw; no loop of ours ends by that.
        SteadyLogger log = new(options.LoggerFactory.CreateLogger("Meshara.Mdns"));
        IMulticastTransport transport = options.Transport ?? new SocketTransport(options.UseIPv4, options.UseIPv6, options.InterfaceFilter, log);
        MdnsDriver? driver = null;
        try
        {
            driver = new MdnsDriver(transport, options, log, options.Seed ?? RandomNumberGenerator.GetInt32(int.MaxValue));
            await driver.StartAsync().ConfigureAwait(false);
            return new MdnsService(driver);
        }
        catch
        {
            if (driver is not null)
                await driver.DisposeAsync().ConfigureAwait(false);
            else
                await transport.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Publishes a service. Ends when its names are proven to be free on one interface and announced there, after about a second; without a network it waits for one.</summary>
    /// <param name="profile">The service.</param>
    /// <param name="cancellationToken">Gives up and withdraws it.</param>
    /// <exception cref="ObjectDisposedException">This was disposed of.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask<ServicePublication> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ServicePublication publication = new(_driver, profile);
        await publication.StartAsync(cancellationToken).ConfigureAwait(false);
        return publication;
    }

    /// <summary>Looks for services of a type, from the first step of the enumeration to its end. What is known already comes first. It ends when this is disposed of.</summary>
    /// <param name="serviceType">What they speak, as <c>_ipp._tcp</c>; or <c>_services._dns-sd._udp</c>: which types there are (RFC 6763 section 9). Of a type only the name is told, as <see cref="ServiceInstance.InstanceName"/>.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <remarks>One who is slow to take changes sees the latest of each service only.</remarks>
    /// <exception cref="ArgumentException">That is no service type.</exception>
    /// <exception cref="ObjectDisposedException">This was disposed of.</exception>
    /// <exception cref="OperationCanceledException">It was ended by the token.</exception>
    public IAsyncEnumerable<ServiceChange> Browse(string serviceType, BrowseOptions? options = null, CancellationToken cancellationToken = default) =>
        ServiceTypes.TryNormalizeBrowsed(serviceType, out string? type)
            ? BrowseAsync(type, options ?? new BrowseOptions(), cancellationToken)
            : throw new ArgumentException($"\"{serviceType}\" is no service type: write it as _name._tcp or _name._udp.", nameof(serviceType));

    /// <summary>Says goodbye for all that is published, and ends.</summary>
    public ValueTask DisposeAsync() => _driver.DisposeAsync();

    private async IAsyncEnumerable<ServiceChange> BrowseAsync(string type, BrowseOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ChangeQueue changes = new();
        BrowseId id = await _driver.BrowseAsync(changes, type, options).ConfigureAwait(false);
        try
        {
            while (await changes.WaitAsync(cancellationToken).ConfigureAwait(false))
            {
                while (changes.TryTake(out ServiceChange? change))
                    yield return change;
            }
        }
        finally
        {
            await _driver.StopBrowseAsync(id).ConfigureAwait(false);
        }
    }
}
