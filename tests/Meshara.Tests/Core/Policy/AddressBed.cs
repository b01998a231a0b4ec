using System.Net;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Core.Policy;

/// <summary>A table, a clock, and a mesh that answers its questions.</summary>
internal sealed class AddressBed
{
    public static byte[] Secret { get; } = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];

    public AddressBed(int seed = 1, AddressGroups? groups = null, Func<PeerAddress, bool>? isOwn = null, int regulars = 0, Random? random = null)
    {
        Table = new AddressTable(Secret, groups ?? new AddressGroups(AddressGroups.Loopback, []), random ?? new Random(seed), isOwn, regulars);
        View = new PickView(e => !Busy.Contains(e.Id ?? default), g => Use.GetValueOrDefault(g), e => Standing(e));
    }

    public AddressTable Table { get; }

    public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(100);

    public HashSet<NodeId> Busy { get; } = [];

    public Dictionary<AddressKey, int> Use { get; } = [];

    public Func<AddressEntry, double> Standing { get; set; } = static _ => 1;

    public PickView View { get; }

    public static NodeId Id(int number)
    {
        byte[] bytes = new byte[NodeId.Size];
        BitConverter.TryWriteBytes(bytes, (number * 2654435761u) ^ 0x5bd1e995u);
        BitConverter.TryWriteBytes(bytes.AsSpan(8), number);
        return NodeId.FromBytes(bytes);
    }

    /// <summary>A public address of one of the groups.</summary>
    public static PeerAddress Address(int group, int host, int? id = null, int port = 4040) =>
        new($"{20 + (group / 256)}.{group % 256}.{host / 256}.{host % 256}", port, Id(id ?? (group * 100_000) + host));

    public AddOutcome Add(PeerAddress address, string? from = "8.8.8.8", AddressSource source = AddressSource.PeerExchange)
    {
        AddOutcome outcome = Table.Add(new AddressCandidate(address, source, from is null ? null : IPAddress.Parse(from)), Now);
        Check();
        return outcome;
    }

    public AddressEntry? Pick()
    {
        AddressEntry? entry = Table.Pick(View, Now);
        Check();
        return entry;
    }

    /// <summary>Dials it, and it answers.</summary>
    public void Prove(PeerAddress address)
    {
        Assert.NotNull(Table.TryTake(address, Now));
        Table.Succeeded(address, address.Id!.Value, Now);
        Check();
    }

    public void Fail(PeerAddress address, bool online = true)
    {
        Assert.NotNull(Table.TryTake(address, Now));
        Table.Failed(address, online, Now);
        Check();
    }

    public void Wait(double seconds) => Now += TimeSpan.FromSeconds(seconds);

    public void Check() => Assert.Null(Table.FindInconsistency());
}
