using System.Net;
using BenchmarkDotNet.Attributes;
using Meshara.Core.Policy;

namespace Meshara.Micro;

/// <summary>A table of 10,000 addresses, a fourth of them proven, 32 of them linked.</summary>
public class AddressTableParts
{
    private const int Addresses = 10_000, Linked = 32;

    private readonly AddressTable _table = new(new byte[PeerStoreContent.TableKeySize], new AddressGroups(AddressGroups.Loopback, []), new Random(1));
    private readonly HashSet<NodeId> _linked = [];
    private readonly AddressCandidate _known;
    private readonly AddressCandidate _fresh;
    private readonly PickView _view;
    private TimeSpan _now = TimeSpan.FromHours(1);

    public AddressTableParts()
    {
        _known = Candidate(0);
        int next = 0;
        while (_table.Counts.Unproven + _table.Counts.Proven < Addresses)
        {
            AddressCandidate candidate = Candidate(next++);
            if (_table.Add(candidate, TimeSpan.Zero) == AddOutcome.Added && next % 4 == 0 && _table.TryTake(candidate.Address, TimeSpan.Zero) is not null)
            {
                _table.Succeeded(candidate.Address, candidate.Address.Id!.Value, TimeSpan.Zero);
            }
        }

        _linked.UnionWith(_table.Snapshot().Take(Linked).Select(static r => r.Address.Id!.Value));
        _view = new PickView(e => !_linked.Contains(e.Id!.Value), static _ => 1, static _ => 1);

        // The first that finds room: where an address lands is drawn from its key.
        do
        {
            _fresh = Candidate(next++);
        }
        while (_table.Add(_fresh, _now) != AddOutcome.Added);
        _table.Remove(_fresh.Address);
    }

    [Benchmark(Description = "pick the next dial and put it back")]
    public void Pick()
    {
        _now += TimeSpan.FromMilliseconds(1);
        AddressEntry entry = _table.Pick(_view, _now)!;
        _table.Dropped(entry.Address, TimeSpan.FromSeconds(1), _now);
    }

    [Benchmark(Description = "add a new address and remove it")]
    public bool AddAndRemove()
    {
        _table.Add(_fresh, _now);
        return _table.Remove(_fresh.Address);
    }

    [Benchmark(Description = "add an address that is known")]
    public int AddKnown() => (int)_table.Add(_known, _now);

    [Benchmark(Description = "find an address")]
    public object? Find() => _table.Find(_known.Address);

    private static AddressCandidate Candidate(int i) => new(
        new PeerAddress($"20.{i % 250}.{i / 250}.1", PeerAddress.DefaultPort, NodeId.FromPublicKey(BitConverter.GetBytes(i))),
        AddressSource.PeerExchange,
        new IPAddress([9, (byte)(i % 200), 1, 1]));
}
