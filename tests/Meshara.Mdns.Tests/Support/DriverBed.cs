using Meshara.Mdns.Engine;
using Meshara.Mdns.Net;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Meshara.Mdns.Tests.Support;

/// <summary>Whole services on a network in memory and a clock that only <see cref="RunAsync"/> moves.</summary>
internal sealed class DriverBed : IAsyncDisposable
{
    public static readonly ServiceProfile Printer = new("Printer", "_ipp._tcp", 631);

    /// <summary>The links of <c>eth0</c>.</summary>
    public static readonly LinkKey IPv4 = new(2, IPv6: false), IPv6 = new(2, IPv6: true);

    private readonly List<(MemoryHost Host, MdnsService Service)> _all = [];

    public ManualTimeProvider Clock { get; } = new();

    public MemoryLan Lan { get; } = new();

    /// <summary>A host with one interface <c>eth0</c> of number 2 and the addresses 10.0.0.N and fe80::N.</summary>
    public MemoryHost Host(int number) => new MemoryHost().Attach(Lan, 2, "eth0", $"10.0.0.{number}/24", $"fe80::{number}/64");

    public async Task<MdnsService> StartAsync(MemoryHost host, ILoggerFactory? log = null, IMulticastTransport? through = null)
    {
        MdnsService service = await MdnsService.StartAsync(new MdnsOptions { TimeProvider = Clock, Seed = _all.Count + 1, Transport = through ?? host, LoggerFactory = log ?? Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance });
        _all.Add((host, service));
        return service;
    }

    /// <summary>Publishes, and moves the clock until it is, within two seconds.</summary>
    public async Task<ServicePublication> PublishAsync(MdnsService service, ServiceProfile profile)
    {
        Task<ServicePublication> publishing = service.PublishAsync(profile).AsTask();
        Assert.True(await RunUntilAsync(() => publishing.IsCompleted, TimeSpan.FromSeconds(2)));
        return await publishing;
    }

    /// <summary>Moves the clock in small steps, and lets everything that follows from each happen before the next.</summary>
    public async Task RunAsync(TimeSpan time, double step = 5)
    {
        await SettleAsync();
        for (TimeSpan end = Clock.Now + time; Clock.Now < end;)
        {
            Clock.Advance(TimeSpan.FromMilliseconds(step));
            await SettleAsync();
        }
    }

    /// <summary>Moves the clock until something holds; false: it did not.</summary>
    public async Task<bool> RunUntilAsync(Func<bool> holds, TimeSpan atMost)
    {
        for (TimeSpan end = Clock.Now + atMost; Clock.Now < end && !holds();)
            await RunAsync(TimeSpan.FromMilliseconds(5));

        // What the driver has told its caller, the pool may be slow to carry there; the clock stands still meanwhile.
        return await Eventually.WithinAsync(TimeSpan.FromSeconds(10), holds);
    }

    /// <summary>Ends when nobody has anything to do at this time of the clock.</summary>
    public async Task SettleAsync()
    {
        long carried;
        do
        {
            carried = Lan.Carried;

            // Twice: the first ends in the middle of a turn of the loop.
            for (int i = 0; i < 2; i++)
            {
                foreach ((_, MdnsService service) in _all)
                    await service.Driver.DrainAsync();
            }

            await Task.Yield();
        }
        while (carried != Lan.Carried || !IsQuiet() || !IsQuiet());
    }

    public async ValueTask DisposeAsync()
    {
        foreach ((_, MdnsService service) in _all)
            await service.DisposeAsync();
    }

    private bool IsQuiet() => _all.TrueForAll(static a => a.Host.Unread == 0 && a.Service.Driver.IsIdle);
}
