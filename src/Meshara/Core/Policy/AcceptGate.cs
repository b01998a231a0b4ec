using System.Net;

namespace Meshara.Core.Policy;

/// <summary>Judges inbound connections by their source, before anything is spent on them.</summary>
internal sealed class AcceptGate
{
    private readonly Lane[] _lanes;

    public AcceptGate(AcceptLimits limits, ulong seed)
    {
        Pace address = new(limits.AddressRate, limits.AddressBurst);
        Pace network = new(limits.NetworkRate, limits.NetworkBurst);
        Pace wide = new(limits.WideRate, limits.WideBurst);
        _lanes =
        [
            new Lane(null, null, null),
            new Lane(Table(new Pace(limits.PinnedRate, limits.PinnedBurst)), null, null),
            new Lane(Table(address), Table(network), Table(wide)),
            new Lane(Table(address), null, null),
            new Lane(Table(address), Table(network), Table(wide)),
        ];

        BucketTable Table(Pace pace) => new(pace, limits.MaxRemembered, seed++);
    }

    /// <summary>Whether a gate of other limits would judge otherwise.</summary>
    public static bool IsAnother(AcceptLimits a, AcceptLimits b) => Numbers(a) != Numbers(b);

    private static ((double, int), (double, int), (double, int), (double, int), int) Numbers(AcceptLimits l) =>
        ((l.AddressRate, l.AddressBurst), (l.NetworkRate, l.NetworkBurst), (l.WideRate, l.WideBurst), (l.PinnedRate, l.PinnedBurst), l.MaxRemembered);

    /// <summary>Buckets of one key each, in all lanes and levels.</summary>
    public int Count => _lanes.Sum(lane => (lane.Address?.Count ?? 0) + (lane.Network?.Count ?? 0) + (lane.Wide?.Count ?? 0));

    /// <summary>Whether a connection may wait for its turn.</summary>
    /// <returns>The level whose bucket is empty, the narrowest first; null: it may, and has taken a token from each.</returns>
    /// <remarks>Who is refused takes nothing: one noisy address cannot empty the bucket of its network.
    /// A bucket is made for an address only after its network and wide network had a token left, so that a flood of addresses makes few.</remarks>
    public AcceptLevel? Judge(in AddressKeys keys, AcceptLane lane, TimeSpan now)
    {
        Lane tables = _lanes[(int)lane];
        if (tables.Address?.Allows(keys.Address, now) == false)
        {
            return AcceptLevel.Address;
        }

        if (tables.Network?.Allows(keys.Network, now) == false)
        {
            return AcceptLevel.Network;
        }

        if (tables.Wide?.Allows(keys.Wide, now) == false)
        {
            return AcceptLevel.Wide;
        }

        tables.Wide?.Spend(keys.Wide, now);
        tables.Network?.Spend(keys.Network, now);
        tables.Address?.Spend(keys.Address, now);
        return null;
    }

    /// <summary>The groups of an address in a lane: where hosts are named or neighbours, each is a group of its own.</summary>
    public static AddressKeys KeysOf(IPAddress address, AcceptLane lane)
    {
        if (lane is not (AcceptLane.Pinned or AcceptLane.OnLink))
        {
            return AddressGroups.KeysOf(address);
        }

        AddressKey host = AddressGroups.Whole(address);
        return new AddressKeys(host, host, host);
    }

    private sealed record Lane(BucketTable? Address, BucketTable? Network, BucketTable? Wide);
}
