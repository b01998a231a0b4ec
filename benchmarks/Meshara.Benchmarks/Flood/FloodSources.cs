using System.Net;

namespace Meshara.Benchmarks.Flood;

/// <summary>Where everybody dials from: no two kinds share a /16, and the good ones are within every limit of a node with default options.</summary>
internal static class FloodSources
{
    public const int GoodPeers = 8;

    /// <summary>As many as the longest run has slices.</summary>
    public const int Newcomers = 8;

    public const string Pinned = "127.50.0.1";

    /// <summary>Each in a /16 of its own: a node takes six from a /24 and a quarter of its inbound places from a /16.</summary>
    public static string GoodPeer(int i) => $"127.{60 + i}.0.1";

    public static string Newcomer(int i) => $"127.{10 + i}.0.1";

    /// <summary>Eight in two /24.</summary>
    public static string Silent(int i) => $"127.99.{i / 4}.{1 + i}";

    /// <summary>Fifty wide networks of twenty networks each.</summary>
    public static IPAddress Attacker(long i) => new([127, (byte)(100 + (i % 50)), (byte)(i / 50 % 20), (byte)(1 + (i / 1000))]);
}
