using System.Collections.Concurrent;
using Meshara.Mdns;
using Meshara.MdnsHost;

// A host of multicast DNS in a process of its own, for tests in network namespaces.
// Arguments: [4|6] [publish=NAME,TYPE,PORT[,sub:SUBTYPE…][,KEY[=VALUE]…]] [browse=TYPE[,SUBTYPE]] [without=INTERFACE] [throws=INTERFACE: the filter throws there] [speed=N: its clock runs N times as fast]
// It says, parts separated by tabs: ready, fault, published, renamed, added, updated, removed, state … end. The last part is the time in seconds, on the clock that all processes share.
// It obeys: state, text KEY=VALUE, publish NAME,TYPE,PORT…, withdraw NAME, browse TYPE, quit. The end of its input ends it too.
// With the argument "example" it is the example of the README and nothing else.
if (args is ["example"])
{
    Console.WriteLine("ready");
    await Example.RunAsync();
    return;
}

int speed = args.Where(static a => a.StartsWith("speed=", StringComparison.Ordinal)).Select(static a => int.Parse(a.AsSpan(6))).FirstOrDefault(1);
MdnsOptions options = new()
{
    TimeProvider = speed == 1 ? TimeProvider.System : new FastClock(speed),
    UseIPv4 = !args.Contains("6"),
    UseIPv6 = !args.Contains("4"),
    InterfaceFilter = face => args.Contains($"throws={face.Name}") ? throw new InvalidOperationException("The filter throws.") : !args.Contains($"without={face.Name}"),
};
await using MdnsService service = await MdnsService.StartAsync(options);
Say("ready", service.IPv4Fault ?? "", service.IPv6Fault ?? "");
using CancellationTokenSource stop = new();
List<Task> tasks = [];
TaskCompletionSource<ServicePublication> published = new(TaskCreationOptions.RunContinuationsAsynchronously);
ConcurrentDictionary<string, ServicePublication> all = new(StringComparer.Ordinal);
foreach (string argument in args)
{
    if (argument.StartsWith("browse=", StringComparison.Ordinal))
        tasks.Add(BrowseAsync(argument["browse=".Length..]));
    if (argument.StartsWith("publish=", StringComparison.Ordinal))
        tasks.Add(PublishAsync(argument["publish=".Length..].Split(',')));
}

while (await Console.In.ReadLineAsync() is { } line && line != "quit")
{
    string rest = line[(line.IndexOf(' ') + 1)..];
    if (line.StartsWith("publish ", StringComparison.Ordinal))
        tasks.Add(PublishAsync(rest.Split(',')));
    if (line.StartsWith("browse ", StringComparison.Ordinal))
        tasks.Add(BrowseAsync(rest));
    if (line.StartsWith("withdraw ", StringComparison.Ordinal))
        await all[rest].DisposeAsync();
    if (line == "state")
        SayState();
    if (line.StartsWith("text ", StringComparison.Ordinal))
    {
        ServicePublication publication = await published.Task;
        await publication.UpdateAsync(publication.Profile with { Txt = Text(line[5..].Split(',')) });
    }
}

await stop.CancelAsync();
await Task.WhenAll(tasks);

async Task PublishAsync(string[] parts)
{
    try
    {
        Say("publishing", parts[0]);
        ServicePublication publication = await service.PublishAsync(new ServiceProfile(parts[0], parts[1], int.Parse(parts[2]))
        {
            Txt = Text([.. parts[3..].Where(static p => !p.StartsWith("sub:", StringComparison.Ordinal))]),
            Subtypes = [.. parts[3..].Where(static p => p.StartsWith("sub:", StringComparison.Ordinal)).Select(static p => p[4..])],
        }, stop.Token);
        publication.Renamed = static names => Say("renamed", names.OldName, names.NewName);
        all[publication.InstanceName] = publication;
        published.TrySetResult(publication);
        Say("published", publication.InstanceName, publication.HostName);
    }
    catch (OperationCanceledException)
    {
        // Nobody waits any more.
    }
}

async Task BrowseAsync(string type)
{
    try
    {
        Say("browsing", type);
        string[] parts = type.Split(',');
        await foreach (ServiceChange change in service.Browse(parts[0], new BrowseOptions { Subtype = parts.ElementAtOrDefault(1) }, stop.Token))
        {
            ServiceInstance found = change.Instance;
            Say(change.Kind.ToString().ToLowerInvariant(), found.InstanceName, found.HostName, $"{found.Port}", string.Join(' ', found.EndPoints.Select(static e => e.Address)), found.Txt.ToString());
        }
    }
    catch (OperationCanceledException)
    {
        // As above.
    }
}

void SayState()
{
    foreach (InterfaceState state in service.Interfaces)
    {
        Show(state, "4", state.IPv4);
        Show(state, "6", state.IPv6);
    }

    Say("end");

    static void Show(InterfaceState state, string family, FamilyState? fares)
    {
        if (fares is not null)
            Say("state", state.Name, family, fares.Joined ? "joined" : "apart", $"{fares.PacketsSent}", $"{fares.PacketsHeard}", $"{fares.PacketsLoopedBack}", fares.PortShared ? "shared" : "alone", fares.LastSendError ?? "", fares.JoinError ?? "", string.Join(' ', state.Addresses.Select(static a => a.ToString())));
    }
}

static TxtRecord Text(string[] pairs) => TxtRecord.Create([.. pairs.Select(static p => p.Split('=', 2)).Select(static p => (p[0], p.Length > 1 ? p[1] : null))]);

static void Say(params string[] parts)
{
    double now = TimeProvider.System.GetTimestamp() / (double)TimeProvider.System.TimestampFrequency;
    // One line whole: several tasks speak.
    lock (Console.Out)
    {
        Console.Out.WriteLine($"{string.Join('\t', parts)}\t{now:F6}");
        Console.Out.Flush();
    }
}
