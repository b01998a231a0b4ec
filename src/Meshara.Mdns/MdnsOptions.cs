using System.Net.NetworkInformation;
using Meshara.Mdns.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Meshara.Mdns;

/// <summary>How multicast DNS runs. Every property has a default; one out of its range throws <see cref="ArgumentOutOfRangeException"/>.</summary>
public sealed record MdnsOptions
{
    /// <summary>The clock and timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Where the random pauses of the protocol begin, so that a test can repeat them. Null (the default): somewhere else at each start.</summary>
    public int? Seed { get; init; }

    /// <summary>Who takes the log lines. Default: nobody.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Whether 224.0.0.251 is used. Default true.</summary>
    public bool UseIPv4 { get; init; } = true;

    /// <summary>Whether ff02::fb is used. Default true.</summary>
    public bool UseIPv6 { get; init; } = true;

    /// <summary>Which interfaces are used, of those that are up and carry multicast. Null (the default): all of them.</summary>
    public Func<NetworkInterface, bool>? InterfaceFilter { get; init; }

    /// <summary>Most records that are remembered for each interface and address family. Default 4096; 64 to 1,000,000. When it is full, the sender who brought most loses his newest; of what nobody browses for nothing is remembered.</summary>
    public int CacheLimit
    {
        get;
        init => field = value is >= 64 and <= 1_000_000 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "64 to 1,000,000 records.");
    }

    = 4096;

    /// <summary>Most packets a second for each interface and address family, after a burst of twice as many: so many of this program's own (probes, announcements, queries), so many answers to all, and twice as many answers to single hosts. Default 50; 10 to 10,000.</summary>
    /// <remarks>A flood of questions then costs the network no flood of answers, and what is to be said unasked is not kept waiting by it. One host gets 10 a second at most: its address may be forged.</remarks>
    public int PacketsPerSecond
    {
        get;
        init => field = value is >= 10 and <= 10_000 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "10 to 10,000 packets a second.");
    }

    = 50;

    /// <summary>What carries the packets; null: the system's sockets.</summary>
    internal IMulticastTransport? Transport { get; init; }
}
