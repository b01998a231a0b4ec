using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Net;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Meshara.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Meshara.Mdns.Tests.Support.DriverBed;

namespace Meshara.Mdns.Tests.Net;

/// <summary>What the system, the program or a fault of ours does to the driver: nothing of it ends a loop, and the end is the end whatever fails.</summary>
public sealed class MdnsDriverFaultTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(20);

    // The program's filter takes part in the scan.
    [Fact]
    public async Task Start_ScanThrows_StartsAndFindsTheInterfacesWithTheNext()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        HookedTransport system = new(host) { Scanning = static () => throw new InvalidOperationException("of the program") };
        MdnsService service = await bed.StartAsync(host, through: system);
        Assert.Empty(service.Interfaces);

        system.Scanning = null;
        Assert.True(await bed.RunUntilAsync(() => service.Interfaces.Count == 1, TimeSpan.FromSeconds(7)));
    }

    // A family that could not be opened at the start: no such protocol then, or the port was another's alone.
    [Fact]
    public async Task Start_FamilyFailsAndIsMended_ComesUpByItself()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        host.Faults[1] = "Not now.";
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log);
        MdnsService other = await bed.StartAsync(bed.Host(2));
        await bed.PublishAsync(other, Printer);

        // The interface says why.
        Assert.Equal("Not now.", service.IPv6Fault);
        Assert.Equal((false, "Not now."), (service.Interfaces[0].IPv6!.Joined, service.Interfaces[0].IPv6!.JoinError));
        Assert.True(service.Interfaces[0].IPv4!.Joined);

        host.Faults[1] = null;
        Assert.True(await bed.RunUntilAsync(() => service.Interfaces[0].IPv6 is { Joined: true }, TimeSpan.FromSeconds(7)));
        Assert.Null(service.IPv6Fault);
        Assert.Null(service.Interfaces[0].IPv6!.JoinError);
        Assert.Single(log.Lines, static l => l.Contains("does without IPv6", StringComparison.Ordinal));
        Assert.Single(log.Lines, static l => l.Contains("uses IPv6 now", StringComparison.Ordinal));

        // It speaks and hears there.
        Task<ServicePublication> second = service.PublishAsync(Printer).AsTask();
        await bed.RunUntilAsync(() => second.IsCompleted, TimeSpan.FromSeconds(5));
        Assert.Equal("Printer (2)", (await second).InstanceName);
        await bed.RunAsync(TimeSpan.FromSeconds(2), step: 50);
        Assert.True(service.Interfaces[0].IPv6 is { PacketsSent: >= 4, PacketsLoopedBack: >= 4 });
    }

    [Fact]
    public async Task Start_FamilySwitchedOff_IsNotShownOnTheInterface()
    {
        MemoryHost host = new MemoryHost().Attach(new MemoryLan(), 2, "eth0", "10.0.0.1/24", "fe80::1/64");
        host.Faults[1] = "Switched off.";
        await using MdnsService service = await MdnsService.StartAsync(new MdnsOptions { Transport = host, UseIPv6 = false, TimeProvider = new ManualTimeProvider() });

        Assert.Null(Assert.Single(service.Interfaces).IPv6);
        Assert.Equal("Switched off.", service.IPv6Fault);
    }

    // What was opened must not stay open where nobody can close it.
    [Fact]
    public async Task Start_Throws_TransportIsDisposed()
    {
        HookedTransport system = new(new MemoryHost());

        await Assert.ThrowsAsync<NotSupportedException>(() => MdnsService.StartAsync(new MdnsOptions { Transport = system, TimeProvider = new NoTimers() }).AsTask());

        Assert.True(system.IsDisposed);
    }

    [Fact]
    public async Task Dispose_SystemThrowsAtEachStep_GoodbyeIsSaidAndAllEnds()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        HookedTransport system = new(host);
        MdnsService service = await MdnsService.StartAsync(new MdnsOptions { TimeProvider = bed.Clock, Seed = 1, Transport = system });
        MemoryHost ear = bed.Host(9);
        ear.Join(IPv4);
        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();
        await MoveUntilAsync(bed.Clock, () => publishing.IsCompleted && service.Interfaces[0].IPv4 is { PacketsSent: >= 5 });
        IAsyncEnumerator<ServiceChange> browse = service.Browse("_http._tcp").GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Task<bool> next = browse.MoveNextAsync().AsTask();
        Task<ServicePublication> waiting = service.PublishAsync(Printer with { InstanceName = "Second" }).AsTask();
        await service.Driver.DrainAsync();
        await Ear.AllAsync(ear, ipv6: false);

        system.Unhearing = static () => throw new InvalidOperationException("unhear");
        system.Ending = static () => throw new IOException("end");
        await Assert.ThrowsAsync<IOException>(() => service.DisposeAsync().AsTask());

        List<DnsMessage> last = await Ear.AllAsync(ear, ipv6: false);
        Assert.Contains(last.SelectMany(static m => m.Answers), static r => r.Type == DnsType.Ptr && r.Ttl == 0);
        Assert.False(await next.WaitAsync(Guard, TimeProvider.System));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Guard, TimeProvider.System));
        Assert.Equal(0, bed.Clock.PendingTimers);
        await browse.DisposeAsync();
    }

    [Fact]
    public async Task Dispose_TwiceAtOnce_BothEndWhenItHasEnded()
    {
        TaskCompletionSource gate = new();
        HookedTransport system = new(new MemoryHost()) { Ending = () => gate.Task };
        MdnsService service = await MdnsService.StartAsync(new MdnsOptions { Transport = system, TimeProvider = new ManualTimeProvider() });
        Task first = service.DisposeAsync().AsTask();
        Task second = service.DisposeAsync().AsTask();
        await Eventually.TrueAsync(() => system.IsDisposed);

        Assert.False(second.IsCompleted);
        gate.SetResult();
        await Task.WhenAll(first, second).WaitAsync(Guard, TimeProvider.System);
    }

    // A log on a full disk throws.
    [Fact]
    public async Task Log_ProgramsLoggerThrows_AllGoesOn()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1).Attach(new MemoryLan(), 3, "vpn0", "10.9.0.1/24");
        host.Fail(new LinkKey(3, IPv6: false), SocketError.HostUnreachable);
        MdnsService service = await bed.StartAsync(host, new FullDisk());

        await bed.PublishAsync(service, Printer);
        Assert.NotNull(service.Interfaces.Single(static i => i.Index == 3).IPv4!.LastSendError);
    }

    [Fact]
    public async Task Receive_ThrowsWhatever_TheNextIsHeard()
    {
        ManualTimeProvider clock = new();
        MemoryHost host = new MemoryHost().Attach(new MemoryLan(), 2, "eth0", "10.0.0.1/24", "fe80::1/64");
        int faults = 0;
        HookedTransport system = new(host) { Hearing = heard => Interlocked.Increment(ref faults) <= 3 ? throw new InvalidOperationException("of the system") : heard };
        LogBook log = new();
        await using MdnsService service = await MdnsService.StartAsync(new MdnsOptions { TimeProvider = clock, Seed = 1, Transport = system, LoggerFactory = log });

        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();
        await MoveUntilAsync(clock, () => publishing.IsCompleted && service.Interfaces[0] is { IPv4.PacketsHeard: > 0, IPv6.PacketsHeard: > 0 });
        Assert.Contains(log.Lines, static l => l.Contains("of the system", StringComparison.Ordinal));
    }

    // A system that does not tell to which address a packet was sent: nobody knows what it is, so it is nothing.
    [Fact]
    public async Task Receive_DestinationNotTold_IsPassedOver()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        HookedTransport system = new(host) { Hearing = static heard => heard with { To = null! } };
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log, system);
        await bed.PublishAsync(service, Printer);

        system.Hearing = null;
        await bed.RunAsync(TimeSpan.FromSeconds(3), step: 50);
        Assert.True(service.Interfaces[0] is { IPv4.PacketsHeard: > 0, IPv6.PacketsHeard: > 0 });
        Assert.DoesNotContain(log.Lines, static l => l.Contains("could not take", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Send_ThrowsWhatever_OthersGoOnAndItIsToldOnce()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1).Attach(new MemoryLan(), 3, "vpn0", "10.9.0.1/24", "fe80::9/64");
        HookedTransport system = new(host) { Sending = static (link, _) => link.InterfaceIndex == 3 ? throw new InvalidOperationException("of the system") : Task.CompletedTask };
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log, system);

        await bed.PublishAsync(service, Printer);
        await bed.RunAsync(TimeSpan.FromSeconds(8), step: 50);
        Assert.True(service.Interfaces[0] is { IPv4: { PacketsSent: >= 4, LastSendError: null }, IPv6: { PacketsSent: >= 4, LastSendError: null } });
        Assert.True(service.Interfaces[1] is { IPv4: { PacketsSent: 0, LastSendError: not null }, IPv6: { PacketsSent: 0, LastSendError: not null } });
        Assert.Equal(2, log.Lines.Count(static l => l.Contains("of the system", StringComparison.Ordinal)));

        system.Sending = null;
        Assert.True(await bed.RunUntilAsync(() => service.Interfaces[1].IPv4 is { LastSendError: null, PacketsSent: >= 4 }, TimeSpan.FromSeconds(9)));
    }

    // A rate limit of the firewall lets some packets go: the link dies and comes back four times a second, and that filled the log.
    [Fact]
    public async Task Send_FailsAndWorksByTurns_LogIsNotFilled()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1).Attach(new MemoryLan(), 3, "vpn0", "10.9.0.1/24");
        int turn = 0;
        HookedTransport system = new(host) { Sending = (link, _) => link.InterfaceIndex == 3 && turn++ % 2 == 0 ? throw new SocketException((int)SocketError.AccessDenied) : Task.CompletedTask };
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log, system);

        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();
        await bed.RunAsync(TimeSpan.FromSeconds(100), step: 50);
        Assert.True(publishing.IsCompletedSuccessfully);
        Assert.True(turn > 100);
        Assert.InRange(log.Lines.Count(static l => l.Contains("vpn0 (IPv4)", StringComparison.Ordinal)), 2, 8);
    }

    // What waits behind a packet that was not sent in time would cost 100 ms each: for that link it fails at once.
    [Fact]
    public async Task Send_OneLinkIsStuck_OthersAreHeldUpByOnePacketOnly()
    {
        ManualTimeProvider clock = new();
        MemoryLan lan = new();
        MemoryHost host = new MemoryHost().Attach(lan, 2, "eth0", "10.0.0.1/24").Attach(new MemoryLan(), 3, "stuck0", "10.9.0.1/24");
        LinkKey stuck = new(3, IPv6: false);
        HookedTransport system = new(host) { Sending = (link, stop) => link == stuck ? Task.Delay(Timeout.InfiniteTimeSpan, clock, stop) : Task.CompletedTask };
        List<SendResult> results = [];
        SendQueue queue = NewQueue(system, clock, results.Add);
        for (int i = 0; i < 100; i++)
            queue.Add(new SendJob(stuck, null, new byte[12]));
        queue.Add(new SendJob(IPv4, null, new byte[12]));
        Task sending = queue.RunAsync();

        await Eventually.TrueAsync(() => clock.PendingTimers > 0);
        clock.Advance(SendQueue.Patience);
        await Eventually.TrueAsync(() => lan.Carried == 1);

        // What comes later is tried again.
        queue.Add(new SendJob(stuck, null, new byte[12]));
        await Eventually.TrueAsync(() => queue.Pending == 1 && clock.PendingTimers > 0);
        clock.Advance(SendQueue.Patience);
        queue.Complete();
        await sending.WaitAsync(Guard, TimeProvider.System);
        Assert.Equal(101, results.Count(static r => r.Error == SocketError.TimedOut));
    }

    // Whoever makes us answer an address that takes nothing must not silence us on that link; but a row of such answers holds others up no longer than one.
    [Fact]
    public async Task Send_AnAnswerToOneIsStuck_TheGroupIsSpokenToAllTheSame()
    {
        ManualTimeProvider clock = new();
        MemoryLan lan = new();
        MemoryHost host = new MemoryHost().Attach(lan, 2, "eth0", "10.0.0.1/24");
        IPEndPoint to = new(IPAddress.Parse("10.0.0.99"), 5353);
        HookedTransport system = new(host) { SendingToOne = (_, stop) => Task.Delay(Timeout.InfiniteTimeSpan, clock, stop) };
        List<SendResult> results = [];
        SendQueue queue = NewQueue(system, clock, results.Add);
        for (int i = 0; i < 100; i++)
            queue.Add(new SendJob(IPv4, to, new byte[12]));
        queue.Add(new SendJob(IPv4, null, new byte[12]));
        queue.Complete();
        Task sending = queue.RunAsync();

        await Eventually.TrueAsync(() => clock.PendingTimers > 0);
        clock.Advance(SendQueue.Patience);
        await sending.WaitAsync(Guard, TimeProvider.System);
        Assert.Equal(1, lan.Carried);
        Assert.Equal(100, results.Count(static r => r.Error == SocketError.TimedOut));
        Assert.Null(Assert.Single(results, static r => r.Job.Destination is null).Error);
    }

    // A command that fails fails for the one who gave it, who else would wait for ever; the others are carried out.
    [Fact]
    public async Task Browse_CommandThrows_CallerIsToldAndOthersGoOn()
    {
        await using DriverBed bed = new();
        MdnsService service = await bed.StartAsync(bed.Host(1));

        await Assert.ThrowsAsync<FormatException>(() => service.Driver.BrowseAsync(new ChangeQueue(), new string('x', 64), new BrowseOptions()).AsTask());

        await bed.PublishAsync(service, Printer);
    }

    [Fact]
    public async Task Update_Withdrawn_Throws()
    {
        await using DriverBed bed = new();
        MdnsService service = await bed.StartAsync(bed.Host(1));
        ServicePublication publication = await bed.PublishAsync(service, Printer);
        await publication.DisposeAsync();
        await publication.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => publication.UpdateAsync(Printer with { Port = 632 }).AsTask());
        Assert.Equal(631, publication.Profile.Port);
    }

    // Whoever ends the program next must not have to wonder: the goodbye is with the sender.
    [Fact]
    public async Task Unpublish_Ends_GoodbyeIsOnItsWay()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        HookedTransport system = new(host);
        MdnsService service = await bed.StartAsync(host, through: system);
        for (int i = 0; i < 20; i++)
        {
            ServicePublication publication = await bed.PublishAsync(service, Printer with { InstanceName = $"Printer {i}" });
            await bed.RunAsync(TimeSpan.FromSeconds(3), step: 100);
            TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
            system.Sending = (_, _) => gate.Task;

            await publication.DisposeAsync();

            Assert.False(service.Driver.IsIdle);
            Assert.True(service.Driver.Unsent >= 2);
            system.Sending = null;
            gate.SetResult();
            await bed.RunAsync(TimeSpan.FromSeconds(1), step: 100);
        }
    }

    // Where somebody waits for the clock, the bed's own steps would wait for him.
    private static Task MoveUntilAsync(ManualTimeProvider clock, Func<bool> holds) => Eventually.TrueAsync(() =>
    {
        clock.Advance(TimeSpan.FromMilliseconds(5));
        return holds();
    });

    private static SendQueue NewQueue(IMulticastTransport transport, TimeProvider clock, Action<SendResult> report) => new(transport, clock, NullLogger.Instance, report);

    private sealed class NoTimers : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();
    }

    private sealed class FullDisk : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => throw new IOException();

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => throw new IOException("No space left on device");

        public void Dispose()
        {
            // Holds nothing.
        }
    }
}
