using System.CommandLine;
using Meshara.Cli.Rendering;
using Meshara.Cli.Running;
using Meshara.Mdns;

namespace Meshara.Cli.Commands;

/// <summary><c>meshara discover</c>: what announces itself in the local network by multicast DNS, as it comes and goes.</summary>
internal static class DiscoverCommand
{
    /// <summary>What nodes announce themselves as.</summary>
    public const string NodeType = "_meshara._tcp";

    /// <summary>What lists the types that are there (RFC 6763 section 9).</summary>
    public const string AllTypes = "_services._dns-sd._udp";

    private const string Domain = ".local";
    private static readonly TimeSpan DefaultTime = TimeSpan.FromSeconds(5);

    /// <summary>The command.</summary>
    /// <param name="terminal">Where to print.</param>
    /// <param name="browse">Browses a type, without its domain, until the token is cancelled.</param>
    public static Command Create(Terminal terminal, Func<string, CancellationToken, IAsyncEnumerable<ServiceChange>> browse)
    {
        Option<bool> json = CommonOptions.Json();
        Option<string> type = new("--type") { HelpName = "TYPE", Description = $"Which services, as _ipp._tcp.local, or {AllTypes}.local: which types there are; else nodes.", DefaultValueFactory = static _ => NodeType + Domain };
        type.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: { } text }] && !IsType(text))
            {
                result.AddError($"--type needs a service type such as _ipp._tcp.local, or {AllTypes}.local, not '{Safe.Text(text, 80)}'.");
            }
        });
        Option<TimeSpan?> seconds = CommonOptions.Seconds("--seconds", "For how long; at a terminal until Ctrl-C.", DefaultTime, TimeSpan.FromMilliseconds(100));
        Command command = new("discover", "Browse the local network by multicast DNS and print who is there, as they come and go; needs no running node.") { seconds, type, json };
        command.SetAction(async (parsed, ct) =>
        {
            using StopSignals signals = new(terminal.Time, ct);
            TimeSpan time = parsed.GetValue(seconds) ?? (terminal.OutputIsTerminal ? Timeout.InfiniteTimeSpan : DefaultTime);
            DiscoverRun run = new(terminal, parsed.GetValue(json));
            return await run.RunAsync(browse, Bare(parsed.GetValue(type)!), time, signals.Token);
        });
        return command;
    }

    private static string Bare(string type)
    {
        string bare = type.TrimEnd('.');
        return bare.EndsWith(Domain, StringComparison.OrdinalIgnoreCase) ? bare[..^Domain.Length] : bare;
    }

    // RFC 6763 section 7; names longer than its 15 characters are in the field.
    private static bool IsType(string text) => Bare(text).Equals(AllTypes, StringComparison.OrdinalIgnoreCase) || (Bare(text).Split('.') is { Length: 2 } labels
        && labels[0].Length is > 1 and <= 63 && labels[0][0] == '_' && labels[0].Skip(1).All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
        && (labels[1].Equals("_tcp", StringComparison.OrdinalIgnoreCase) || labels[1].Equals("_udp", StringComparison.OrdinalIgnoreCase)));
}

/// <summary>One browse: a line for each change, and a table at the end.</summary>
internal sealed class DiscoverRun(Terminal terminal, bool json)
{
    // A forger can invent any number of them.
    private const int Most = 10_000;

    private readonly SortedDictionary<string, ServiceInstance> _here = new(StringComparer.Ordinal);
    private Scope _scope = Scope.OfThisMachine();

    /// <summary>Until the time is over or the token is cancelled; 0 also where nobody is there.</summary>
    public async Task<int> RunAsync(Func<string, CancellationToken, IAsyncEnumerable<ServiceChange>> browse, string type, TimeSpan time, CancellationToken stop)
    {
        using CancellationTokenSource late = new(time, terminal.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, late.Token);
        try
        {
            await foreach (ServiceChange change in browse(type, either.Token).WithCancellation(either.Token))
            {
                Take(change);
            }
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            // The time is over, or Ctrl-C: what was found is the answer.
        }

        if (!json)
        {
            WriteTable(type);
        }

        return ExitCode.Done;
    }

    private void Take(ServiceChange change)
    {
        ServiceInstance instance = change.Instance;

        // An interface that has come since has a name too.
        _scope = instance.Addresses.All(a => _scope.Knows(a.EndPoint.Address)) ? _scope : Scope.OfThisMachine();

        // Who told an address is not shown: nothing that can be seen has changed where that alone has.
        bool isSeen = change.Kind == ServiceChangeKind.Updated && _here.TryGetValue(instance.InstanceName, out ServiceInstance? before) && ServiceLine.ShowsSame(before, instance);
        if (change.Kind == ServiceChangeKind.Removed)
        {
            _here.Remove(instance.InstanceName);
        }
        else if (_here.Count < Most || _here.ContainsKey(instance.InstanceName))
        {
            _here[instance.InstanceName] = instance;
        }

        if (isSeen)
        {
            return;
        }

        if (json)
        {
            terminal.WriteJson(ServiceLine.Of(change, terminal.Time.GetUtcNow(), _scope), OutputJson.Default.ServiceLine);
        }
        else
        {
            terminal.WriteLine($"{Show.Time(terminal.Time.GetUtcNow(), terminal.Time)}  {Kebab.Of(change.Kind),-7}  {Describe(instance)}");
        }
    }

    private void WriteTable(string type)
    {
        terminal.WriteLine(_here.Count == 0 ? $"nobody announces {type}. 'meshara doctor' says whether multicast works here" : $"{_here.Count} {(_here.Count == 1 ? "is" : "are")} there:");
        foreach (ServiceInstance instance in _here.Values)
        {
            terminal.WriteLine(IsOfType(instance) ? Safe.Text(instance.InstanceName, 80) : $"{Safe.Text(instance.InstanceName, 80)}  {Safe.Text(instance.HostName, 80)}:{instance.Port}");
            foreach (ServiceAddress address in instance.Addresses)
            {
                terminal.WriteLine($"    {_scope.Show(address.EndPoint)}");
            }

            foreach (string text in ServiceLine.TextsOf(instance.Txt))
            {
                terminal.WriteLine($"    {Safe.Text(text, 300)}");
            }
        }
    }

    private string Describe(ServiceInstance instance) => IsOfType(instance)
        ? Safe.Text(instance.InstanceName, 80)
        : $"{Safe.Text(instance.InstanceName, 80)}  {(instance.Addresses.Count == 0 ? "no address" : string.Join(", ", instance.EndPoints.Take(4).Select(_scope.Show)))}";

    // Of a type only the name is told.
    private static bool IsOfType(ServiceInstance instance) => instance.ServiceType.Equals(DiscoverCommand.AllTypes, StringComparison.OrdinalIgnoreCase);
}
