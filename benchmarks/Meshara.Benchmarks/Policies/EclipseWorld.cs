using System.Net;

namespace Meshara.Benchmarks.Policies;

/// <summary>Honest nodes come and go; attackers are always there.</summary>
internal sealed class EclipseWorld(Random random)
{
    private readonly Session[] _sessions = [.. Enumerable.Range(0, EclipsePlan.HonestNodes).Select(_ => new Session(random.Next(2) == 0, Exponential(random, EclipsePlan.MeanSession)))];

    /// <summary>Who answers at an address of this world.</summary>
    public static bool IsAttacker(PeerAddress address) => address.Host.StartsWith("66.", StringComparison.Ordinal);

    public static PeerAddress Honest(int node) =>
        new($"20.{node % EclipsePlan.HonestGroups}.1.{node / EclipsePlan.HonestGroups}", PeerAddress.DefaultPort, Id(node));

    /// <summary>An address in a random honest group, from which somebody tells the victim something.</summary>
    public static IPAddress HonestSource(Random random) => new([20, (byte)random.Next(EclipsePlan.HonestGroups), 2, (byte)random.Next(256)]);

    public static IPAddress AttackerHost(int attacker) => new([66, (byte)(attacker % EclipsePlan.AttackerGroups), 1, (byte)(attacker / EclipsePlan.AttackerGroups)]);

    public static PeerAddress Attacker(int attacker, int id) =>
        new(AttackerHost(attacker).ToString(), PeerAddress.DefaultPort, Id(EclipsePlan.HonestNodes + (attacker * EclipsePlan.IdsPerAttacker) + id));

    /// <summary>Until when the node stays; null: it is not there now.</summary>
    public TimeSpan? OnlineUntil(PeerAddress address, TimeSpan now)
    {
        if (IsAttacker(address))
        {
            return TimeSpan.MaxValue;
        }

        ref Session session = ref _sessions[NumberOf(address)];
        while (session.Until <= now)
        {
            bool online = !session.Online;
            session = new Session(online, session.Until + Exponential(random, online ? EclipsePlan.MeanSession : EclipsePlan.MeanAbsence));
        }

        return session.Online ? session.Until : null;
    }

    private static int NumberOf(PeerAddress address)
    {
        Span<byte> id = stackalloc byte[NodeId.Size];
        address.Id!.Value.CopyTo(id);
        return BitConverter.ToInt32(id[8..]);
    }

    private static NodeId Id(int number)
    {
        byte[] bytes = new byte[NodeId.Size];
        BitConverter.TryWriteBytes(bytes, number * 2654435761u);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), number);
        return NodeId.FromBytes(bytes);
    }

    private static TimeSpan Exponential(Random random, TimeSpan mean) => mean * -Math.Log(1 - random.NextDouble());

    private readonly record struct Session(bool Online, TimeSpan Until);
}
