using System.Net;
using System.Net.Sockets;
using System.Text;
using Meshara.Core.Policy;
using Meshara.Wire;

namespace Meshara.Net;

/// <summary>Says what is wrong with a node's options before anything is opened.</summary>
internal static class OptionsCheck
{
    // Above it sums of deadlines could overflow, and timers cannot count so far.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    // Frames a second; no machine reads as many.
    private const int MaxFrameRate = 1_000_000_000;

    // Each is a connection and up to 1 MiB an hour.
    private const int MaxLists = 8;

    private const int MaxInterfaces = 64;

    /// <summary>Checks every option; reads the listen addresses.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: the first wrong one, its value and its range.</exception>
    public static IReadOnlyList<ListenEntry> Check(NodeOptions options)
    {
        Given(options.Admission, nameof(options.Admission));
        Given(options.Listen, nameof(options.Listen));
        Given(options.AdvertisedAddresses, nameof(options.AdvertisedAddresses));
        Given(options.Peers, nameof(options.Peers));
        Given(options.TimeProvider, nameof(options.TimeProvider));
        Given(options.LoggerFactory, nameof(options.LoggerFactory));
        Given(options.Timeouts, nameof(options.Timeouts));
        Given(options.Limits, nameof(options.Limits));
        Given(options.Discovery, nameof(options.Discovery));
        Given(options.Reputation, nameof(options.Reputation));
        Given(options.Accept, nameof(options.Accept));
        Text(options.Mesh, nameof(options.Mesh), 1, Hello.MaxMeshBytes);
        Text(options.Agent, nameof(options.Agent), 0, Hello.MaxAgentBytes);
        Few(options.AdvertisedAddresses.Count, nameof(options.AdvertisedAddresses), Hello.MaxAddresses);
        if (options.DataDirectory is { Length: 0 })
        {
            throw Wrong(nameof(options.DataDirectory), "is empty. Name a folder, or leave it out to keep everything in memory");
        }

        if (options is { IdentityPassphrase: not null, DataDirectory: null } or { IdentityPassphrase: not null, Identity: not null })
        {
            throw Wrong(nameof(options.IdentityPassphrase), "is for the identity file in DataDirectory, and there is none to open");
        }

        foreach (string address in options.AdvertisedAddresses)
        {
            if (WhyNotAdvertised(address) is { } why)
            {
                throw Wrong(nameof(options.AdvertisedAddresses), $"has {Printable.Quote(address)}: {why}. Write host:port, as others dial it");
            }
        }

        Check(options.Timeouts);
        Check(options.Limits);
        Check(options.Discovery, options.Admission.Mode);
        if (options.Reputation.FindWrong() is { } wrong)
        {
            throw Wrong(wrong.Name, wrong.What);
        }

        AcceptCheck.Check(options.Accept);
        return Listen(options.Listen);
    }

    private static void Given(object? value, string name)
    {
        if (value is null)
        {
            throw Wrong(name, "is null. Leave it out to have the default");
        }
    }

    // What nobody elsewhere could dial would only cost every peer an attempt.
    private static string? WhyNotAdvertised(string text)
    {
        if (!PeerAddressParser.TryParse(text, out PeerAddress? address, out string? why))
        {
            return why;
        }

        // The one that is listened on is not always the one that is forwarded: a guess would only look right.
        bool hasPort = PeerAddressParser.TryParseListen(text, out _, out int? port, out _) && port is not null;
        bool isIP = IPAddress.TryParse(address.Host, out IPAddress? ip);
        return address.Id is not null ? "an id does not belong here"
            : !hasPort ? "the port is missing"
            : !isIP ? null
            : ip!.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any) ? "it is a wildcard to listen on"
            : ip.IsIPv6LinkLocal ? "a link-local address means nothing on another machine"
            : ip.IsIPv6Multicast || (ip.AddressFamily == AddressFamily.InterNetwork && ip.GetAddressBytes()[0] >= 224) ? "nobody listens on a multicast or broadcast address"
            : null;
    }

    private static ListenEntry[] Listen(IReadOnlyList<string> texts)
    {
        ListenEntry[] entries = [.. texts.Select(ParseListen)];
        HashSet<ListenEntry> seen = [];
        foreach (ListenEntry entry in entries)
        {
            // With port 0 each is an address of its own.
            if (entry.Port is not 0 && !seen.Add(entry))
            {
                throw Wrong(nameof(NodeOptions.Listen), $"has {entry} twice. Leave one out");
            }
        }

        return entries;
    }

    private static void Check(NodeTimeouts timeouts)
    {
        Positive(timeouts.Connect, nameof(timeouts.Connect));
        Positive(timeouts.Tls, nameof(timeouts.Tls));
        Positive(timeouts.Hello, nameof(timeouts.Hello));
        Positive(timeouts.PingAfter, nameof(timeouts.PingAfter));
        Positive(timeouts.PongWithin, nameof(timeouts.PongWithin));
        Positive(timeouts.Frame, nameof(timeouts.Frame));
        Positive(timeouts.Write, nameof(timeouts.Write));
        Positive(timeouts.Drain, nameof(timeouts.Drain));
        Positive(timeouts.Request, nameof(timeouts.Request));
        Positive(timeouts.Progress, nameof(timeouts.Progress));
        Positive(timeouts.DuplicateCheck, nameof(timeouts.DuplicateCheck));
        Positive(timeouts.CheckAfterChange, nameof(timeouts.CheckAfterChange));
        Positive(timeouts.MaxBackoff, nameof(timeouts.MaxBackoff));
    }

    private static void Check(LinkLimits limits)
    {
        const string name = nameof(NodeOptions.Limits) + ".";
        Range(limits.MaxMessage, name + nameof(limits.MaxMessage), Hello.MinMaxMessage, Hello.MaxBytesLimit);
        Range(limits.InitialWindow, name + nameof(limits.InitialWindow), Hello.MinInitialWindow, Hello.MaxBytesLimit);
        Range(limits.MaxWindow, name + nameof(limits.MaxWindow), limits.InitialWindow, Hello.MaxBytesLimit);
        Range(limits.MaxStreams, name + nameof(limits.MaxStreams), Hello.MinMaxStreams, Hello.MaxMaxStreams);
        Range(limits.LinkReassembly, name + nameof(limits.LinkReassembly), limits.MaxMessage, int.MaxValue);
        Range(limits.NodeReassembly, name + nameof(limits.NodeReassembly), limits.LinkReassembly, int.MaxValue);
        Range(limits.LinkBudget, name + nameof(limits.LinkBudget), 2L * limits.MaxStreams * limits.InitialWindow, int.MaxValue);
        Range(limits.MaxControlFrames, name + nameof(limits.MaxControlFrames), 100, MaxFrameRate);
        Range(limits.MaxMessages ?? 1, name + nameof(limits.MaxMessages), 1, MaxFrameRate);
        Range(limits.MaxBytes ?? RateMeter.MaxRate, name + nameof(limits.MaxBytes), 16 << 10, RateMeter.MaxRate);
    }

    private static void Check(DiscoveryOptions discovery, AdmissionMode admission)
    {
        const string name = nameof(NodeOptions.Discovery) + ".";
        Range(discovery.MaxPeers, name + nameof(discovery.MaxPeers), 1, 4096);
        Range(discovery.TargetPeers, name + nameof(discovery.TargetPeers), 0, discovery.MaxPeers);
        Within(discovery.FeelerInterval, name + nameof(discovery.FeelerInterval), TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Within(discovery.MaxBackoff, name + nameof(discovery.MaxBackoff), TimeSpan.FromSeconds(1), TimeSpan.FromDays(1));
        Given(discovery.BootstrapNodes, name + nameof(discovery.BootstrapNodes));
        CheckSources(discovery, name);
        if (admission == AdmissionMode.KnownPeers && discovery.BootstrapNodes.Count + discovery.BootstrapLists.Count > 0)
        {
            throw Wrong(
                name + (discovery.BootstrapNodes.Count > 0 ? nameof(discovery.BootstrapNodes) : nameof(discovery.BootstrapLists)),
                "has addresses, but under Admission.KnownPeers nobody found through them could join. Put them into Peers, or choose Admission.Secret or Admission.Open");
        }
    }

    private static void CheckSources(DiscoveryOptions discovery, string name)
    {
        Within(discovery.MdnsInterval, name + nameof(discovery.MdnsInterval), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(60));
        Given(discovery.MdnsInterfaces, name + nameof(discovery.MdnsInterfaces));
        Few(discovery.MdnsInterfaces.Count, name + nameof(discovery.MdnsInterfaces), MaxInterfaces);
        if (!Enum.IsDefined(discovery.MdnsMode))
        {
            throw Wrong(name + nameof(discovery.MdnsMode), $"is {discovery.MdnsMode}; {string.Join(", ", Enum.GetNames<MdnsMode>())} are allowed");
        }


        if ((discovery.EnabledMethods & ~DiscoveryMethods.All) != DiscoveryMethods.None)
        {
            throw Wrong(name + nameof(discovery.EnabledMethods), $"is {discovery.EnabledMethods}; {DiscoveryMethods.All} or some of them are allowed");
        }

        if (discovery.StaticPeersFile is { Length: 0 })
        {
            throw Wrong(name + nameof(discovery.StaticPeersFile), "is empty. Name a file, or leave it out");
        }

        Given(discovery.BootstrapLists, name + nameof(discovery.BootstrapLists));
        Few(discovery.BootstrapLists.Count, name + nameof(discovery.BootstrapLists), MaxLists);
        foreach (Uri? list in discovery.BootstrapLists)
        {
            // Who sits on the line could put peers of his own into a list that came without TLS.
            if (list is not { IsAbsoluteUri: true, Scheme: "https" })
            {
                throw Wrong(name + nameof(discovery.BootstrapLists), $"has {Printable.Quote(list?.ToString() ?? "null")}; https://… is allowed");
            }
        }
    }

    private static ListenEntry ParseListen(string text) => PeerAddressParser.TryParseListen(text, out string? host, out int? port, out string? why)
        ? new ListenEntry(host, port)
        : throw Wrong(nameof(NodeOptions.Listen), $"has {Printable.Quote(text)}: {why}. Write host:port or a host alone, for example 0.0.0.0:4040, [::]:0 or 0.0.0.0");

    private static void Text(string value, string name, int min, int max)
    {
        int bytes = Encoding.UTF8.GetByteCount(value ?? "");
        if (value is null || bytes < min || bytes > max)
        {
            throw Wrong(name, $"has {bytes} bytes of UTF-8; {min} to {max} are allowed");
        }

        // The wire forbids them, and an unpaired surrogate would not come out as it went in.
        if (value.EnumerateRunes().Any(r => Rune.IsControl(r) || r == Rune.ReplacementChar))
        {
            throw Wrong(name, "has a control character or is not valid Unicode");
        }
    }

    private static void Positive(TimeSpan value, string name)
    {
        if (value <= TimeSpan.Zero || value > Longest)
        {
            throw Wrong($"{nameof(NodeOptions.Timeouts)}.{name}", $"is {value}; more than 0 and at most {Longest.TotalDays} days are allowed");
        }
    }

    private static void Within(TimeSpan value, string name, TimeSpan min, TimeSpan max)
    {
        if (value < min || value > max)
        {
            throw Wrong(name, $"is {value}; {min} to {max} is allowed");
        }
    }

    private static void Range(long value, string name, long min, long max)
    {
        if (value < min || value > max)
        {
            throw Wrong(name, $"is {value}; {min} to {max} is allowed");
        }
    }

    private static void Few(int count, string name, int most)
    {
        if (count > most)
        {
            throw Wrong(name, $"has {count} entries; 0 to {most} are allowed");
        }
    }

    internal static MesharaException Wrong(string name, string what) => new(MesharaErrorCode.InvalidOption, $"The option {name} {what}.") { Option = name, OptionFault = what };
}
