using System.Net;

namespace Meshara.Net;

/// <summary>Says what is wrong with the limits before TLS.</summary>
internal static class AcceptCheck
{
    private const int MostRanges = 1024;
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>Checks every number and range.</summary>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.InvalidOption"/>: the first wrong one, its value and its range.</exception>
    public static void Check(AcceptLimits limits)
    {
        Rate(limits.AddressRate, nameof(limits.AddressRate));
        Rate(limits.NetworkRate, nameof(limits.NetworkRate));
        Rate(limits.WideRate, nameof(limits.WideRate));
        Rate(limits.TotalRate, nameof(limits.TotalRate));
        Rate(limits.PinnedRate, nameof(limits.PinnedRate));
        Range(limits.AddressBurst, nameof(limits.AddressBurst), 1, 1_000_000);
        Range(limits.NetworkBurst, nameof(limits.NetworkBurst), 1, 1_000_000);
        Range(limits.WideBurst, nameof(limits.WideBurst), 1, 1_000_000);
        Range(limits.TotalBurst, nameof(limits.TotalBurst), 1, 1_000_000);
        Range(limits.PinnedBurst, nameof(limits.PinnedBurst), 1, 1_000_000);
        Range(limits.MaxHandshakes, nameof(limits.MaxHandshakes), 1, 1024);
        Range(limits.MaxHandshakesPerNetwork, nameof(limits.MaxHandshakesPerNetwork), 1, limits.MaxHandshakes);
        Range(limits.MaxWaiting, nameof(limits.MaxWaiting), 1, 4096);
        Range(limits.MaxGreetings, nameof(limits.MaxGreetings), 1, 100_000);
        Range(limits.MaxRemembered, nameof(limits.MaxRemembered), 256, 1_000_000);
        if (limits.HandshakePatience <= TimeSpan.Zero || limits.HandshakePatience > Longest)
        {
            throw OptionsCheck.Wrong(Name(nameof(limits.HandshakePatience)), $"is {limits.HandshakePatience}; more than 0 and at most {Longest.TotalDays} days are allowed");
        }

        if (limits.TrustedRanges is null)
        {
            throw OptionsCheck.Wrong(Name(nameof(limits.TrustedRanges)), "is null. Leave it out to have the default");
        }

        Range(limits.TrustedRanges.Count, nameof(limits.TrustedRanges), 0, MostRanges);
        foreach (string range in limits.TrustedRanges)
        {
            if (!IPNetwork.TryParse(range, out _))
            {
                throw OptionsCheck.Wrong(
                    Name(nameof(limits.TrustedRanges)), $"has {Printable.Quote(range ?? "")}, which is not an address and the length of a prefix. Write for example 10.20.0.0/16 or fd00:1::/56");
            }
        }
    }

    private static string Name(string option) => $"{nameof(NodeOptions.Accept)}.{option}";

    private static void Rate(double value, string name)
    {
        if (!(value is >= 0.001 and <= 1_000_000))
        {
            throw OptionsCheck.Wrong(Name(name), FormattableString.Invariant($"is {value}; 0.001 to 1000000 a second is allowed"));
        }
    }

    private static void Range(long value, string name, long min, long max)
    {
        if (value < min || value > max)
        {
            throw OptionsCheck.Wrong(Name(name), $"is {value}; {min} to {max} is allowed");
        }
    }
}
