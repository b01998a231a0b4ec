using System.Collections.Concurrent;
using System.Net;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Meshara.Core.Policy;
using Meshara.Discovery;
using Meshara.Mdns;

namespace Meshara.Tests.Support;

/// <summary>A local network in memory: 10.0.0.0/16, interface 2 of every host, and no packet is lost.</summary>
internal sealed class FakeLan
{
    private readonly Lock _sync = new();
    private readonly Dictionary<string, ServiceInstance> _services = new(StringComparer.Ordinal);
    private readonly List<Channel<ServiceChange>> _browsers = [];

    /// <summary>What was opened, in order, with its settings.</summary>
    public ConcurrentQueue<MdnsSettings> Opened { get; } = new();

    /// <summary>What was announced by hosts, in order.</summary>
    public ConcurrentQueue<ServiceProfile> Profiles { get; } = new();

    /// <summary>What opening throws; null: nothing.</summary>
    public Exception? Fault { get; set; }

    /// <summary>Families that no host can use now.</summary>
    public IReadOnlyList<(string Family, string Why)> Faults { get; set; } = [];

    /// <summary>What a host with this address opens.</summary>
    public OpenLocalNetwork Host(string address) => (settings, _, _) =>
    {
        Opened.Enqueue(settings);
        return Fault is { } fault ? throw fault : Task.FromResult<ILocalNetwork>(new Machine(this, IPAddress.Parse(address)));
    };

    /// <summary>The names that are announced.</summary>
    public IReadOnlyList<string> Announced
    {
        get
        {
            lock (_sync)
            {
                return [.. _services.Keys.Order(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Somebody announces something.</summary>
    public void Say(ServiceInstance instance)
    {
        lock (_sync)
        {
            ServiceChangeKind kind = _services.ContainsKey(instance.InstanceName) ? ServiceChangeKind.Updated : ServiceChangeKind.Added;
            _services[instance.InstanceName] = instance;
            Tell(new ServiceChange(kind, instance));
        }
    }

    /// <summary>A goodbye, by whomever.</summary>
    public void SayGoodbye(string name)
    {
        lock (_sync)
        {
            if (_services.Remove(name, out ServiceInstance? last))
            {
                Tell(new ServiceChange(ServiceChangeKind.Removed, last));
            }
        }
    }

    /// <summary>An announcement as a node of this address would make it.</summary>
    public static ServiceInstance Instance(PublicKey key, string address, int port = 4040, string mesh = "test", TxtRecord? txt = null, string? name = null)
    {
        ServiceProfile profile = MdnsRecord.ProfileOf(key, mesh, port);
        return new ServiceInstance
        {
            InstanceName = name ?? profile.InstanceName,
            ServiceType = profile.ServiceType,
            HostName = "host.local",
            Port = port,
            Txt = txt ?? profile.Txt,
            Addresses = [new ServiceAddress(new IPEndPoint(IPAddress.Parse(address), port), 2, IPAddress.Parse(address))],
        };
    }

    private void Tell(ServiceChange change) => _browsers.ForEach(b => b.Writer.TryWrite(change));

    private sealed class Machine(FakeLan lan, IPAddress address) : ILocalNetwork
    {
        public IReadOnlyList<InterfaceState> Interfaces => [new InterfaceState { Name = "eth0", Index = 2, Addresses = [address], IPv4 = new FamilyState { Joined = true } }];

        public IReadOnlyList<LanInterface> Scan() => [new LanInterface(2, "eth0", [address], [IPNetwork.Parse("10.0.0.0/16")])];

        public IReadOnlyList<(string Family, string Why)> Faults => lan.Faults;

        public Task<ILocalPublication> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken)
        {
            lan.Profiles.Enqueue(profile);
            lan.Say(new ServiceInstance
            {
                InstanceName = profile.InstanceName,
                ServiceType = profile.ServiceType,
                HostName = "host.local",
                Port = profile.Port,
                Txt = profile.Txt,
                Addresses = [new ServiceAddress(new IPEndPoint(address, profile.Port), 2, address)],
            });
            return Task.FromResult<ILocalPublication>(new Publication(lan, profile.InstanceName));
        }

        public async IAsyncEnumerable<ServiceChange> BrowseAsync(string serviceType, BrowseOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            Channel<ServiceChange> changes = Channel.CreateUnbounded<ServiceChange>();
            lock (lan._sync)
            {
                lan._browsers.Add(changes);
                foreach (ServiceInstance there in lan._services.Values)
                {
                    changes.Writer.TryWrite(new ServiceChange(ServiceChangeKind.Added, there));
                }
            }

            try
            {
                await foreach (ServiceChange change in changes.Reader.ReadAllAsync(cancellationToken))
                {
                    yield return change;
                }
            }
            finally
            {
                lock (lan._sync)
                {
                    lan._browsers.Remove(changes);
                }
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Publication(FakeLan lan, string name) : ILocalPublication
    {
        public string InstanceName => name;

        public ValueTask DisposeAsync()
        {
            lan.SayGoodbye(name);
            return ValueTask.CompletedTask;
        }
    }
}
