using System.Net;
using System.Net.Sockets;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Net;
using Meshara.Mdns.Tests.Support;
using Meshara.Mdns.Wire;
using Meshara.Tests.Support;
using Xunit;
using static Meshara.Mdns.Tests.Support.DriverBed;

namespace Meshara.Mdns.Tests.Net;

/// <summary>The loop over the engine, on a virtual clock and a network in memory.</summary>
public sealed class MdnsDriverTests
{
    // RFC 6762 sections 8.1 and 8.3: 0 to 250 ms, three probes 250 ms apart, then announced.
    [Fact]
    public async Task Publish_OneInterface_EndsWithinASecond()
    {
        await using DriverBed bed = new();
        MdnsService service = await bed.StartAsync(bed.Host(1));
        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();

        await bed.RunAsync(TimeSpan.FromMilliseconds(745));
        Assert.False(publishing.IsCompleted);
        Assert.True(await bed.RunUntilAsync(() => publishing.IsCompleted, TimeSpan.FromMilliseconds(300)));

        ServicePublication publication = await publishing;
        Assert.Equal("Printer", publication.InstanceName);
        Assert.EndsWith(".local", publication.HostName, StringComparison.Ordinal);

        // The two families have pauses of their own.
        await bed.RunAsync(TimeSpan.FromSeconds(1));
        InterfaceState state = Assert.Single(service.Interfaces);
        Assert.Equal(("eth0", 2), (state.Name, state.Index));
        Assert.True(state.IPv4!.Joined && state.IPv6!.Joined);
        Assert.True(state.IPv4.PacketsSent >= 4);
        Assert.Equal(state.IPv4.PacketsSent, state.IPv4.PacketsHeard);
        Assert.Equal(state.IPv4.PacketsSent, state.IPv4.PacketsLoopedBack);
        Assert.NotNull(state.IPv4.LastHeard);
    }

    // RFC 6763 section 9.
    [Theory]
    [InlineData("_services._dns-sd._udp")]
    [InlineData("_Services._dns-sd._udp.local.")]
    public async Task Browse_ListOfAllTypes_NamesThem(string all)
    {
        await using DriverBed bed = new();
        MdnsService publisher = await bed.StartAsync(bed.Host(1));
        await bed.PublishAsync(publisher, Printer);
        MdnsService browser = await bed.StartAsync(bed.Host(2));

        await using IAsyncEnumerator<ServiceChange> types = browser.Browse(all).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Task<bool> first = types.MoveNextAsync().AsTask();

        Assert.True(await bed.RunUntilAsync(() => first.IsCompleted, TimeSpan.FromSeconds(5)));
        Assert.Equal((ServiceChangeKind.Added, "_ipp._tcp"), (types.Current.Kind, types.Current.Instance.InstanceName));
    }

    [Fact]
    public async Task Publish_NameOfAnother_IsRenamedAndTold()
    {
        await using DriverBed bed = new();
        MdnsService first = await bed.StartAsync(bed.Host(1));
        Task<ServicePublication> firstly = first.PublishAsync(Printer).AsTask();
        await bed.RunUntilAsync(() => firstly.IsCompleted, TimeSpan.FromSeconds(2));
        MdnsService second = await bed.StartAsync(bed.Host(2));

        Task<ServicePublication> secondly = second.PublishAsync(Printer).AsTask();
        await bed.RunUntilAsync(() => secondly.IsCompleted, TimeSpan.FromSeconds(5));

        Assert.Equal("Printer (2)", (await secondly).InstanceName);
        Assert.Equal("Printer", (await firstly).InstanceName);
    }

    [Fact]
    public async Task Publish_NoInterface_WaitsForOne()
    {
        await using DriverBed bed = new();
        MemoryHost host = new();
        MdnsService service = await bed.StartAsync(host);
        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();
        await bed.RunAsync(TimeSpan.FromSeconds(3), step: 100);
        Assert.Empty(service.Interfaces);
        Assert.False(publishing.IsCompleted);

        // The system does not tell: the scan finds it.
        host.Attach(bed.Lan, 2, "eth0", "10.0.0.1/24");
        Assert.True(await bed.RunUntilAsync(() => publishing.IsCompleted, TimeSpan.FromSeconds(7)));
    }

    [Fact]
    public async Task Publish_GivenUp_IsWithdrawn()
    {
        await using DriverBed bed = new();
        MdnsService service = await bed.StartAsync(bed.Host(1));
        using CancellationTokenSource give = new();
        Task<ServicePublication> publishing = service.PublishAsync(Printer, give.Token).AsTask();
        await bed.RunAsync(TimeSpan.FromMilliseconds(300));

        await give.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => publishing);
        long sent = bed.Lan.Carried;
        await bed.RunAsync(TimeSpan.FromSeconds(3), step: 50);
        Assert.InRange(bed.Lan.Carried - sent, 0, 4);
    }

    // RFC 6762 section 10.1.
    [Fact]
    public async Task Dispose_Published_SaysGoodbye()
    {
        await using DriverBed bed = new();
        MdnsService service = await bed.StartAsync(bed.Host(1));
        MemoryHost ear = bed.Host(9);
        foreach (LinkKey link in (LinkKey[])[IPv4, IPv6])
            ear.Join(link);
        await bed.PublishAsync(service, Printer);
        await bed.RunAsync(TimeSpan.FromSeconds(2), step: 50);
        await Ear.AllAsync(ear, ipv6: false);

        await service.DisposeAsync();

        List<DnsMessage> last = await Ear.AllAsync(ear, ipv6: false);
        Assert.Contains(last.SelectMany(m => m.Answers), r => r.Type == DnsType.Ptr && r.Ttl == 0);
        Assert.Empty(ear.Joined.Except([IPv4, IPv6]));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => service.PublishAsync(Printer).AsTask());
    }

    // A bad interface silences nobody: not the other family on it, not another interface.
    [Fact]
    public async Task Send_OneLinkFails_OthersGoOnAndItIsToldOnce()
    {
        await using DriverBed bed = new();
        MemoryLan other = new();
        MemoryHost host = bed.Host(1).Attach(other, 3, "vpn0", "10.9.0.1/24", "fe80::9/64");
        LinkKey bad = new(3, IPv6: false);
        host.Fail(bad, SocketError.HostUnreachable);
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log);

        await bed.PublishAsync(service, Printer);
        await bed.RunAsync(TimeSpan.FromSeconds(8), step: 50);

        InterfaceState[] states = [.. service.Interfaces];
        Assert.Null(states[0].IPv4!.LastSendError);
        Assert.Null(states[1].IPv6!.LastSendError);
        Assert.NotNull(states[1].IPv4!.LastSendError);
        Assert.True(states[1].IPv4!.Joined);
        Assert.Equal(0, states[1].IPv4!.PacketsSent);
        Assert.True(states[0].IPv4!.PacketsSent > 3 && states[0].IPv6!.PacketsSent > 3 && states[1].IPv6!.PacketsSent > 3);
        string line = Assert.Single(log.Lines, l => l.Contains("cannot send", StringComparison.Ordinal));
        Assert.Contains("vpn0 (IPv4)", line, StringComparison.Ordinal);
        Assert.Contains("no route to 224.0.0.251", line, StringComparison.Ordinal);
    }

    // Nothing is spent on a link that does not send: when it does again, probing begins with its first probe.
    [Fact]
    public async Task Send_WorksAgain_ProbesThreeTimesFromThere()
    {
        await using DriverBed bed = new();
        MemoryHost host = new MemoryHost().Attach(bed.Lan, 2, "eth0", "10.0.0.1/24");
        host.Fail(IPv4, SocketError.AddressNotAvailable);
        MdnsService service = await bed.StartAsync(host);
        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();
        await bed.RunAsync(TimeSpan.FromMilliseconds(1500));
        Assert.False(publishing.IsCompleted);

        host.Fail(IPv4, null);
        Assert.True(await bed.RunUntilAsync(() => publishing.IsCompleted, TimeSpan.FromMilliseconds(1300)));

        FamilyState state = service.Interfaces[0].IPv4!;
        Assert.Null(state.LastSendError);
        Assert.True(state.PacketsSent >= 4, $"{state.PacketsSent}");
    }

    // After five seconds only the scans try: 250 ms for ever would be a flood of errors.
    [Fact]
    public async Task Send_FailsForLong_IsTriedWithEachScan()
    {
        await using DriverBed bed = new();
        MemoryHost host = new MemoryHost().Attach(bed.Lan, 2, "eth0", "10.0.0.1/24");
        host.Fail(IPv4, SocketError.NetworkUnreachable);
        MdnsService service = await bed.StartAsync(host);
        Task<ServicePublication> publishing = service.PublishAsync(Printer).AsTask();
        await bed.RunAsync(TimeSpan.FromSeconds(12), step: 50);

        host.Fail(IPv4, null);
        int scans = host.Scans;
        Assert.True(await bed.RunUntilAsync(() => publishing.IsCompleted, TimeSpan.FromSeconds(7)));
        Assert.InRange(host.Scans - scans, 1, 2);
    }

    [Fact]
    public async Task Interfaces_AddedRemovedRenumbered_AreFollowed()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        MdnsService service = await bed.StartAsync(host);
        Assert.Equal([IPv4, IPv6], host.Joined.Order(ByKey));

        host.Attach(bed.Lan, 3, "eth1", "10.0.0.3/24");
        host.Notify();
        await FollowAsync(bed, () => host.Joined.Contains(new LinkKey(3, false)));
        Assert.Equal(["eth0", "eth1"], service.Interfaces.Select(i => i.Name));

        // Gone, and back under another number: the old membership is dropped by its number.
        host.Detach(3);
        host.Attach(bed.Lan, 7, "eth1", "10.0.0.3/24");
        host.Notify();
        await FollowAsync(bed, () => host.Joined.Contains(new LinkKey(7, false)));
        Assert.DoesNotContain(new LinkKey(3, false), host.Joined);

        // Another interface under the old number: joined anew.
        host.Detach(2);
        host.Attach(bed.Lan, 2, "wlan0", "10.0.0.4/24");
        host.Notify();
        await FollowAsync(bed, () => service.Interfaces.Any(i => i.Name == "wlan0"));
        Assert.Equal([IPv4, new LinkKey(7, false)], host.Joined.Order(ByKey));

        // Without an address of a family it is not used: the system would take another interface's.
        host.Attach(bed.Lan, 2, "wlan0", "fe80::4/64");
        host.Notify();
        await FollowAsync(bed, () => host.Joined.Contains(IPv6));
        Assert.DoesNotContain(IPv4, host.Joined);
        Assert.Null(service.Interfaces.Single(i => i.Name == "wlan0").IPv4);
    }

    // Linux: 20 memberships a socket.
    [Fact]
    public async Task Interfaces_MoreThanMayBeJoined_FirstOnesAreAndTheRestIsTold()
    {
        await using DriverBed bed = new();
        MemoryHost host = new() { MaxGroups = 2 };
        for (int i = 1; i <= 3; i++)
            host.Attach(bed.Lan, i, $"eth{i}", $"10.0.0.{i}/24");
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log);

        Assert.Equal([true, true, false], service.Interfaces.Select(i => i.IPv4!.Joined));
        Assert.Equal("No buffer space available", service.Interfaces[2].IPv4!.JoinError);
        Assert.Single(log.Lines, l => l.Contains("cannot hear on eth3 (IPv4)", StringComparison.Ordinal));

        // A place becomes free.
        host.Detach(1);
        host.Notify();
        await FollowAsync(bed, () => host.Joined.Contains(new LinkKey(3, false)));
        Assert.Null(service.Interfaces.Single(i => i.Name == "eth3").IPv4!.JoinError);
    }

    [Fact]
    public async Task Start_FamilyThatCannotBeOpened_TheOtherWorks()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        host.Faults[1] = "IPv6 is off here.";
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log);

        Assert.Null(service.IPv4Fault);
        Assert.Equal("IPv6 is off here.", service.IPv6Fault);
        Assert.Equal([IPv4], host.Joined);
        Assert.Equal((false, "IPv6 is off here."), (service.Interfaces[0].IPv6!.Joined, service.Interfaces[0].IPv6!.JoinError));
        Assert.Contains(log.Lines, l => l.Contains("does without IPv6: IPv6 is off here.", StringComparison.Ordinal));
        await bed.PublishAsync(service, Printer);
    }

    [Fact]
    public async Task Start_NoFamily_StartsAndSaysSo()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        (host.Faults[0], host.Faults[1]) = ("no", "neither");
        MdnsService service = await bed.StartAsync(host);

        Assert.Equal(("no", "neither"), (service.IPv4Fault, service.IPv6Fault));
        InterfaceState state = Assert.Single(service.Interfaces);
        Assert.True(state is { IPv4: { Joined: false, JoinError: "no" }, IPv6: { Joined: false, JoinError: "neither" } });
    }

    // Amendments 4 and 18: other programs' memberships bring packets of interfaces we do not use.
    [Fact]
    public async Task Receive_ThroughAnInterfaceNotInUse_IsNotHeard()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        LinkTable table = new(host, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        table.Apply(host.Scan());
        IPEndPoint from = new(IPAddress.Parse("10.0.0.9"), 5353);

        Assert.True(table.TryRoute(false, new Datagram(1, from, MdnsGroup.IPv4, 2), out LinkKey link, out bool toGroup));
        Assert.Equal((IPv4, true), (link, toGroup));
        Assert.False(table.TryRoute(false, new Datagram(1, from, MdnsGroup.IPv4, 4), out _, out _));
        Assert.False(table.TryRoute(false, new Datagram(1, from, MdnsGroup.IPv4, 1), out _, out _));
        Assert.True(table.TryRoute(false, new Datagram(1, from, IPAddress.Parse("239.1.2.3"), 2), out _, out toGroup));
        Assert.False(toGroup);

        // Two programs of one host: by the loopback interface, to one of the host's own addresses.
        Assert.True(table.TryRoute(false, new Datagram(1, from, IPAddress.Parse("10.0.0.1"), 1), out link, out toGroup));
        Assert.Equal((IPv4, false), (link, toGroup));
        Assert.True(table.TryRoute(true, new Datagram(1, from, IPAddress.Parse("fe80::1%1"), 1), out link, out _));
        Assert.Equal(IPv6, link);
        Assert.False(table.TryRoute(false, new Datagram(1, from, IPAddress.Parse("10.0.0.2"), 1), out _, out _));
    }

    // M6: the table, the memory and the loop stay bounded; a command is still heard.
    [Fact]
    public async Task M6_FloodFromOneSource_OneSourcesShareIsReadAndCommandsAreHeard()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        MdnsService service = await bed.StartAsync(host);
        byte[] packet = Wire.RealPackets.TenServices();
        for (int i = 0; i < 10_000; i++)
        {
            host.Take(2, new IPEndPoint(IPAddress.Parse("10.0.0.66"), 5353), false, null, packet);
            if (host.Unread > 1000)
                await Eventually.TrueAsync(() => host.Unread == 0);
        }

        await bed.PublishAsync(service, Printer);
        Assert.InRange(service.Interfaces[0].IPv4!.PacketsHeard, SourceLimiter.Burst, SourceLimiter.Burst + SourceLimiter.PerSecond + 50);
    }

    [Fact]
    public async Task Wake_AfterSleep_AnnouncesAnew()
    {
        await using DriverBed bed = new();
        MemoryHost host = bed.Host(1);
        LogBook log = new();
        MdnsService service = await bed.StartAsync(host, log);
        await bed.PublishAsync(service, Printer);
        await bed.RunAsync(TimeSpan.FromSeconds(10), step: 50);
        long sent = bed.Lan.Carried;
        await bed.RunAsync(TimeSpan.FromSeconds(10), step: 50);
        Assert.Equal(sent, bed.Lan.Carried);

        bed.Clock.Sleep(TimeSpan.FromMinutes(5));
        Assert.True(await bed.RunUntilAsync(() => bed.Lan.Carried > sent, TimeSpan.FromSeconds(7)));
        Assert.Single(log.Lines, l => l.Contains("slept", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Browse_ServiceOfAnother_ComesChangesAndGoes()
    {
        await using DriverBed bed = new();
        MdnsService first = await bed.StartAsync(bed.Host(1));
        MdnsService second = await bed.StartAsync(bed.Host(2));
        Seen seen = new(second, "_ipp._tcp.local.");
        Task<ServicePublication> publishing = first.PublishAsync(Printer with { Txt = TxtRecord.Create(("rp", "a")) }).AsTask();

        // What it says over IPv4 and IPv6 may come as two changes.
        Assert.True(await bed.RunUntilAsync(() => seen.First is { Kind: ServiceChangeKind.Added, Instance.InstanceName: "Printer", Instance.Port: 631 }, TimeSpan.FromSeconds(2)));
        Assert.Equal("a", seen.First!.Instance.Txt["rp"]);

        ServicePublication publication = await publishing;
        await publication.UpdateAsync(publication.Profile with { Txt = TxtRecord.Create(("rp", "b")) });
        Assert.Equal("b", publication.Profile.Txt["rp"]);
        Assert.True(await bed.RunUntilAsync(() => seen.Last is { Kind: ServiceChangeKind.Updated } c && c.Instance.Txt["rp"] == "b", TimeSpan.FromSeconds(2)));

        await publication.DisposeAsync();
        Assert.True(await bed.RunUntilAsync(() => seen.Last is { Kind: ServiceChangeKind.Removed }, TimeSpan.FromSeconds(2)));

        // Its end is the end of the enumeration, and no fault.
        await second.DisposeAsync();
        await seen.Ended.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => new Seen(second, "_ipp._tcp").Ended);
        Assert.Throws<ArgumentException>(() => second.Browse("printers"));
    }

    [Fact]
    public async Task Browse_Cancelled_AsksNoMore()
    {
        await using DriverBed bed = new();
        MdnsService service = await bed.StartAsync(bed.Host(1));
        using CancellationTokenSource stop = new();
        Seen seen = new(service, "_ipp._tcp", stop.Token);
        Assert.True(await bed.RunUntilAsync(() => bed.Lan.Carried > 0, TimeSpan.FromSeconds(2)));

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => seen.Ended);
        await bed.SettleAsync();
        long carried = bed.Lan.Carried;
        await bed.RunAsync(TimeSpan.FromSeconds(10), step: 50);
        Assert.Equal(carried, bed.Lan.Carried);
    }

    // What the program does with the news is its own fault, and the loop goes on.
    [Fact]
    public async Task Renamed_HandlerThrows_IsLoggedAndTheRestGoesOn()
    {
        await using DriverBed bed = new();
        LogBook log = new();
        MdnsService service = await bed.StartAsync(bed.Host(1), log);
        ServicePublication publication = await bed.PublishAsync(service, Printer);
        ServiceRenamed? told = null;
        publication.Renamed = names =>
        {
            told = names;
            throw new InvalidOperationException("of the program");
        };

        // Another host says that the name is his, and defends it.
        DnsName name = DnsName.FromLabels("Printer", "_ipp", "_tcp", "local");
        DnsWriter writer = new();
        writer.TryAdd(new DnsRecord(name, 120, new ServiceData(0, 0, 9, DnsName.Parse("other.local")), cacheFlush: true), DnsSection.Answer);
        ReadOnlyMemory<byte> claim = writer.Finish(0, DnsFlags.Response | DnsFlags.Authoritative);
        for (int i = 0; i < 100 && told is null; i++)
        {
            bed.Lan.Carry(new MemoryHost(), new IPEndPoint(IPAddress.Parse("10.0.0.9"), 5353), ipv6: false, null, claim);
            await bed.RunAsync(TimeSpan.FromMilliseconds(200), step: 20);
        }

        Assert.Equal("Printer", told?.OldName);
        Assert.Equal(told?.NewName, publication.InstanceName);
        Assert.Contains(log.Lines, l => l.Contains("of the program", StringComparison.Ordinal));
        Assert.True(await bed.RunUntilAsync(() => service.Interfaces[0].IPv4!.PacketsSent > 0, TimeSpan.FromSeconds(2)));
        Assert.DoesNotContain(log.Lines, l => l.Contains("A fault in multicast DNS", StringComparison.Ordinal));
    }

    private static Comparison<LinkKey> Compare { get; } = static (a, b) => (a.InterfaceIndex, a.IPv6).CompareTo((b.InterfaceIndex, b.IPv6));

    private static Comparer<LinkKey> ByKey { get; } = Comparer<LinkKey>.Create(Compare);

    // What the system tells is settled 200 ms; then the scan runs on another thread.
    private static async Task FollowAsync(DriverBed bed, Func<bool> holds)
    {
        await bed.RunAsync(InterfaceWatch.Settle);
        await Eventually.TrueAsync(async () =>
        {
            await bed.SettleAsync();
            return holds();
        });
    }

    // Takes the changes of a browse as they come.
    private sealed class Seen
    {
        public Seen(MdnsService service, string type, CancellationToken cancellationToken = default) => Ended = TakeAsync(service, type, cancellationToken);

        public ServiceChange? First { get; private set; }

        public ServiceChange? Last { get; private set; }

        public Task Ended { get; }

        private async Task TakeAsync(MdnsService service, string type, CancellationToken cancellationToken)
        {
            await foreach (ServiceChange change in service.Browse(type, cancellationToken: cancellationToken))
            {
                Last = change;
                First ??= change;
            }
        }
    }
}
