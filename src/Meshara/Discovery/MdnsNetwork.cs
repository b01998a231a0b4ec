using Meshara.Core.Policy;
using Meshara.Mdns;
using Microsoft.Extensions.Logging;

namespace Meshara.Discovery;

/// <summary>The local network of this machine.</summary>
internal sealed class MdnsNetwork : ILocalNetwork
{
    private readonly MdnsService _service;
    private readonly Func<IReadOnlyList<LanInterface>> _scan;

    private MdnsNetwork(MdnsService service, Func<IReadOnlyList<LanInterface>> scan) => (_service, _scan) = (service, scan);

    public IReadOnlyList<InterfaceState> Interfaces => _service.Interfaces;

    public IReadOnlyList<(string Family, string Why)> Faults =>
        [.. new[] { ("IPv4", _service.IPv4Fault), ("IPv6", _service.IPv6Fault) }.Where(static f => f.Item2 is not null).Select(static f => (f.Item1, f.Item2!))];

    /// <summary>Opens it.</summary>
    public static Task<ILocalNetwork> OpenAsync(MdnsSettings settings, NodeOptions options, NodeId self) => OpenAsync(static o => o, LanScan.Now, settings, options, self);

    /// <summary>As the other one, over a network in memory.</summary>
    /// <param name="over">Puts its transport into the options: only a simulation and tests may name that.</param>
    /// <param name="scan">The interfaces and what is on-link to them.</param>
    /// <param name="settings">What is announced and looked for.</param>
    /// <param name="options">The node's.</param>
    /// <param name="self">The node.</param>
    public static async Task<ILocalNetwork> OpenAsync(Func<MdnsOptions, MdnsOptions> over, Func<IReadOnlyList<LanInterface>> scan, MdnsSettings settings, NodeOptions options, NodeId self)
    {
        MdnsOptions mdns = new()
        {
            TimeProvider = options.TimeProvider,

            // Two nodes of one seed must not draw the same names.
            Seed = options.Seed is { } seed ? seed ^ self.GetHashCode() : null,
            LoggerFactory = new FaultsOnly(options.LoggerFactory),
            InterfaceFilter = settings.Interfaces.Count == 0 ? null : n => settings.Interfaces.Contains(n.Name, StringComparer.Ordinal),
        };
        return new MdnsNetwork(await MdnsService.StartAsync(over(mdns)).ConfigureAwait(false), scan);
    }

    public IReadOnlyList<LanInterface> Scan() => _scan();

    public async Task<ILocalPublication> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken) =>
        new Publication(await _service.PublishAsync(profile, cancellationToken).ConfigureAwait(false));

    public IAsyncEnumerable<ServiceChange> BrowseAsync(string serviceType, BrowseOptions options, CancellationToken cancellationToken) => _service.Browse(serviceType, options, cancellationToken);

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    private sealed class Publication(ServicePublication publication) : ILocalPublication
    {
        public string InstanceName => publication.InstanceName;

        public ValueTask DisposeAsync() => publication.DisposeAsync();
    }

    // What does not work on an interface the source says, once and in words about peers.
    private sealed class FaultsOnly(ILoggerFactory inner) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => new Faults(inner.CreateLogger(categoryName));

        public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

        public void Dispose()
        {
            // Whose it is disposes it.
        }

        private sealed class Faults(ILogger logger) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => logger.BeginScope(state);

            public bool IsEnabled(LogLevel logLevel) => logLevel is LogLevel.Debug or LogLevel.Trace or >= LogLevel.Error && logger.IsEnabled(logLevel);

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
            {
                if (IsEnabled(logLevel))
                {
                    logger.Log(logLevel, eventId, state, exception, formatter);
                }
            }
        }
    }
}
