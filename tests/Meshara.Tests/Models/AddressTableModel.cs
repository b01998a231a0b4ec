using System.Net;
using Meshara.Core.Policy;
using Xunit;

namespace Meshara.Tests.Models;

/// <summary>What goes wrong on purpose.</summary>
internal enum AddressTableFault
{
    None,

    /// <summary>The table does not hear that an id is to be left alone.</summary>
    PostponeLost,

    /// <summary>A success is told to the table as a mere answer.</summary>
    SuccessIsAnAnswer,
}

/// <summary>A real table beside a dictionary of what was told to it. So few addresses that none has to make room for another: whoever is in stays.</summary>
internal sealed class AddressTableModel : IModelled<AddressTableCommand>
{
    private static readonly byte[] Secret = [.. Enumerable.Range(0, 32).Select(static i => (byte)(i * 7))];
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(3);

    private readonly AddressTableFault _fault;
    private readonly Dictionary<PeerAddress, Known> _known = [];
    private readonly HashSet<NodeId> _busy = [];
    private readonly PickView _view;
    private AddressTable _table = NewTable();
    private TimeSpan _now = TimeSpan.FromDays(1);
    private TimeSpan? _lastGood;

    public AddressTableModel(AddressTableFault fault = AddressTableFault.None)
    {
        _fault = fault;
        _view = new PickView(entry => !_busy.Contains(entry.Id!.Value), static _ => 0, static _ => 1);
    }

    public ValueTask<bool> TryDoAsync(AddressTableCommand command)
    {
        bool did = TryDo(command);
        CheckAll();
        return ValueTask.FromResult(did);
    }

    private static AddressTable NewTable() => new(Secret, new AddressGroups(AddressGroups.Loopback, []), new Random(1), regulars: 4);

    private static NodeId IdOf(int number) => Core.Ids.Of((byte)(0x10 + number));

    // Two ids and two ports at each host, so that no host and no id has more than it may.
    private static PeerAddress AddressOf(int number)
    {
        int host = number / 4;
        return new PeerAddress($"20.{host}.0.1", 4040 + (number % 2), IdOf((2 * (host % 3)) + (number / 2 % 2)));
    }

    private bool TryDo(AddressTableCommand command)
    {
        switch (command)
        {
            case AddressTableCommand.Add add:
                return Add(AddressOf(add.Address), add.Source);
            case AddressTableCommand.Pick { Feeler: true }:
                return Picked(_table.PickForFeeler(_view, _now), mayBeProven: false);
            case AddressTableCommand.Pick:
                return Picked(_table.Pick(_view, _now), mayBeProven: true);
            case AddressTableCommand.TakeOne take:
                return Took(_table.TryTake(AddressOf(take.Address), _now));
            case AddressTableCommand.Verdict verdict:
                Known[] dialled = [.. _known.Values.Where(static known => known.Dialled).OrderBy(static known => known.Address.ToString(), StringComparer.Ordinal)];
                return dialled.Length > 0 && Judge(dialled[verdict.Which % dialled.Length], verdict);
            case AddressTableCommand.Wait wait:
                _now += TimeSpan.FromSeconds(wait.Seconds);
                return true;
            case AddressTableCommand.PickAll:
                return PickAll();
            case AddressTableCommand.Restart:
                return Restart();
            default:
                return TryChange(command);
        }
    }

    private bool TryChange(AddressTableCommand command)
    {
        switch (command)
        {
            case AddressTableCommand.LinkEnded ended when _known.TryGetValue(AddressOf(ended.Address), out Known? known) && !known.Dialled:
                _table.LinkEnded(known.Address, TimeSpan.FromSeconds(ended.Seconds), _now);
                return true;
            case AddressTableCommand.Postpone postpone:
                TimeSpan until = _now + TimeSpan.FromMinutes(postpone.Minutes);
                if (_fault != AddressTableFault.PostponeLost)
                {
                    _table.Postpone(IdOf(postpone.Id), until, _now);
                }

                NotBefore(IdOf(postpone.Id), Min(until, _now + AddressTable.MaxRetryAfter));
                return true;
            case AddressTableCommand.Busy busy:
                _ = _busy.Remove(IdOf(busy.Id)) || _busy.Add(IdOf(busy.Id));
                _table.Wake(IdOf(busy.Id), _now);
                return true;
            case AddressTableCommand.Remove remove:
                Assert.Equal(_known.Remove(AddressOf(remove.Address)), _table.Remove(AddressOf(remove.Address)));
                return true;
            case AddressTableCommand.RemoveId remove:
                _table.Remove(IdOf(remove.Id));
                foreach (Known gone in Of(IdOf(remove.Id)))
                {
                    _known.Remove(gone.Address);
                }

                return true;
            case AddressTableCommand.Rename rename:
                return Rename(IdOf(rename.Id), IdOf(rename.Id ^ 1));
            case AddressTableCommand.ResetBackoff:
                _table.ResetBackoff(_now);
                return true;
            default:
                return false;
        }
    }

    private bool Add(PeerAddress address, AddressSource source)
    {
        AddOutcome outcome = _table.Add(new AddressCandidate(address, source, source == AddressSource.Bootstrap ? null : IPAddress.Parse("9.1.1.1")), _now);
        Assert.Equal(_known.ContainsKey(address) ? AddOutcome.Known : AddOutcome.Added, outcome);
        if (!_known.TryGetValue(address, out Known? known))
        {
            _known.Add(address, known = new Known(address) { FirstSeen = _now });
            known.Fixed = source == AddressSource.Bootstrap;
        }

        known.LastSeen = _now;
        known.Fixed |= source == AddressSource.Bootstrap && known.LastSuccess is null;
        return true;
    }

    private bool Picked(AddressEntry? entry, bool mayBeProven)
    {
        if (entry is null)
        {
            // A dial without a verdict is over after two minutes, whether or not somebody looked.
            Forget();
            return false;
        }

        Forget();
        Known known = Assert.Contains(entry.Address, _known);
        Assert.False(known.Dialled, $"{known.Address} is given out twice");
        Assert.False(_busy.Contains(known.Address.Id!.Value), $"{known.Address} is given out, and cannot be dialled");
        Assert.True(known.NotBefore <= _now && entry.Spot.Until <= _now, $"{known.Address} is given out at {_now}, before {known.NotBefore} and {entry.Spot.Until}");
        Assert.True(mayBeProven || known.LastSuccess is null, $"{known.Address} is proven, and given out to be tested");
        return Took(entry);
    }

    private bool Took(AddressEntry? entry)
    {
        if (entry is null)
        {
            return false;
        }

        Known known = Assert.Contains(entry.Address, _known);
        (known.LastTried, known.DialledAt, known.Dialled) = (_now, _now, true);
        return true;
    }

    private void Forget()
    {
        foreach (Known lost in _known.Values.Where(known => known.Dialled && known.DialledAt + TimeSpan.FromMinutes(2) <= _now))
        {
            lost.Dialled = false;
        }
    }

    private bool Judge(Known dialled, AddressTableCommand.Verdict verdict)
    {
        (PeerAddress address, NodeId id) = (dialled.Address, dialled.Address.Id!.Value);
        TimeSpan asked = TimeSpan.FromSeconds(verdict.Seconds);
        dialled.Dialled = false;
        switch (verdict.What)
        {
            case AddressVerdict.Succeeded when _fault == AddressTableFault.SuccessIsAnAnswer:
                _table.Alive(address, null, _now);
                dialled.Succeeded(_lastGood = _now);
                break;
            case AddressVerdict.Succeeded:
                _table.Succeeded(address, id, _now);
                dialled.Succeeded(_lastGood = _now);
                break;
            case AddressVerdict.FailedOnline or AddressVerdict.FailedOffline:
                bool online = verdict.What == AddressVerdict.FailedOnline;
                _table.Failed(address, online, _now);
                foreach (Known there in _known.Values.Where(known => known.Address.HostAndPort == address.HostAndPort))
                {
                    there.LastTried = dialled.LastTried;
                    there.Failed(online || _lastGood > (there.LastCounted ?? TimeSpan.MinValue), _now);
                }

                break;
            case AddressVerdict.Alive:
                _table.Alive(address, asked, _now);
                dialled.Answered(_lastGood = _now);
                dialled.NotBefore = Max(dialled.NotBefore, _now + Min(AddressTable.MaxRetryAfter, asked));
                break;
            case AddressVerdict.Full:
                TimeSpan wait = _table.Full(address, id, asked, _now);
                Assert.True(wait >= TimeSpan.FromSeconds(60) && wait >= Min(AddressTable.MaxRetryAfter, asked), $"{address} asked for {asked} and gets {wait}");
                dialled.Answered(_lastGood = _now);
                NotBefore(id, _now + wait);
                break;
            case AddressVerdict.WrongKey:
                _table.WrongKey(address, _now);
                WrongKey(dialled);
                break;
            case AddressVerdict.Dropped:
                _table.Dropped(address, asked, _now);
                break;
        }

        return true;
    }

    private void WrongKey(Known dialled)
    {
        if (!dialled.Fixed && (dialled.LastSuccess is null || ++dialled.WrongKeys >= 3))
        {
            _known.Remove(dialled.Address);
        }
        else
        {
            dialled.Failed(counts: true, _now);
        }
    }

    private bool Rename(NodeId from, NodeId to)
    {
        _table.Rename(from, to, _now);
        foreach (Known old in Of(from))
        {
            _known.Remove(old.Address);
            PeerAddress renamed = old.Address with { Id = to };
            if (!_known.ContainsKey(renamed))
            {
                _known.Add(renamed, old with { Address = renamed, Dialled = false, LastCounted = null });
            }
        }

        return true;
    }

    private bool PickAll()
    {
        _now += LongestWait;
        HashSet<PeerAddress> given = [];
        while (_table.Pick(_view, _now) is { } entry)
        {
            Assert.True(given.Add(entry.Address), $"{entry.Address} is given out twice");
            Picked(entry, mayBeProven: true);
        }

        string[] missing = [.. _known.Values.Where(known => !_busy.Contains(known.Address.Id!.Value) && !given.Contains(known.Address)).Select(static known => known.Address.ToString())];
        Assert.True(missing.Length == 0, $"never given out: {string.Join(", ", missing)}");
        foreach (PeerAddress address in given)
        {
            _table.Dropped(address, TimeSpan.Zero, _now);
            _known[address].Dialled = false;
        }

        return true;
    }

    private bool Restart()
    {
        AddressRecord[] stored = [.. _table.Snapshot()];
        foreach (Known known in _known.Values.ToArray())
        {
            _known.Remove(known.Address);
            if (!known.Fixed || known.LastSuccess is not null)
            {
                _known.Add(known.Address, new Known(known.Address)
                {
                    FirstSeen = known.FirstSeen,
                    LastSeen = known.LastSeen,
                    LastTried = known.LastTried,
                    LastSuccess = known.LastSuccess,
                    Failures = known.Failures,
                });
            }
        }

        Assert.Equal(_known.Count, stored.Length);
        _table = NewTable();
        _lastGood = null;
        Assert.Equal(stored.Length, _table.Restore(stored, _now));
        return true;
    }

    private Known[] Of(NodeId id) => [.. _known.Values.Where(known => known.Address.Id == id)];

    private void NotBefore(NodeId id, TimeSpan until)
    {
        foreach (Known known in Of(id))
        {
            known.NotBefore = Max(known.NotBefore, until);
        }
    }

    private void CheckAll()
    {
        Assert.Null(_table.FindInconsistency());
        foreach (Known known in _known.Values)
        {
            AddressEntry? entry = _table.Find(known.Address);
            Assert.True(entry is not null, $"{known.Address} is lost");
            (TimeSpan, TimeSpan, TimeSpan?, TimeSpan?, int, bool) has = (entry.FirstSeen, entry.LastSeen, entry.LastTried, entry.LastSuccess, entry.Failures, entry.IsProven);
            (TimeSpan, TimeSpan, TimeSpan?, TimeSpan?, int, bool) ought = (known.FirstSeen, known.LastSeen, known.LastTried, known.LastSuccess, known.Failures, known.LastSuccess is not null);
            Assert.True(has == ought, $"{known.Address}: {has} in place of {ought}");
        }

        string[] proven = [.. _known.Values.Where(static known => known.LastSuccess is not null).Select(static known => known.Address.HostAndPort).Distinct()];
        int unproven = _known.Values.Select(static known => known.Address.HostAndPort).Distinct().Except(proven).Count();
        Assert.Equal((unproven, proven.Length), (_table.Counts.Unproven, _table.Counts.Proven));
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private sealed record Known(PeerAddress Address)
    {
        public bool Fixed { get; set; }

        public TimeSpan FirstSeen { get; init; }

        public TimeSpan LastSeen { get; set; }

        public TimeSpan? LastTried { get; set; }

        public TimeSpan? LastSuccess { get; set; }

        public TimeSpan? LastCounted { get; set; }

        public int Failures { get; set; }

        public int WrongKeys { get; set; }

        public TimeSpan NotBefore { get; set; }

        public bool Dialled { get; set; }

        public TimeSpan DialledAt { get; set; }

        public void Succeeded(TimeSpan? now)
        {
            LastSuccess = now;
            Answered(now);
        }

        public void Answered(TimeSpan? now) => (LastSeen, Failures, WrongKeys) = (now!.Value, 0, 0);

        public void Failed(bool counts, TimeSpan now)
        {
            if (counts)
            {
                Failures++;
                LastCounted = now;
            }
        }
    }
}
