using System.Net;
using Meshara.Core.Policy;

namespace Meshara.Benchmarks.Policies;

/// <summary>What one run showed.</summary>
/// <param name="Eclipsed">When every outbound peer was an attacker's for the first time, since the attack began; null: never.</param>
/// <param name="Lasting">When such a state had lasted for a minute for the first time; null: it never did.</param>
/// <param name="Links">Outbound links made since the attack began.</param>
/// <param name="Strangers">Of these, to peers that were drawn and not come back to.</param>
/// <param name="Attackers">Of these, to attackers.</param>
/// <param name="Outbound">Outbound links at the end.</param>
/// <param name="Bad">Of these, to attackers.</param>
internal readonly record struct EclipseResult(TimeSpan? Eclipsed, TimeSpan? Lasting, int Links, int Strangers, int Attackers, int Outbound, int Bad);

/// <summary>A victim's life: the real address table, plan and inbound limits; dials and links are events.</summary>
internal sealed class EclipseRun
{
    private static readonly TimeSpan Answer = TimeSpan.FromMilliseconds(200), ConnectTimeout = TimeSpan.FromSeconds(5), Repost = TimeSpan.FromHours(12);

    private readonly EclipsePlan _plan;
    private readonly Random _random;
    private readonly EclipseWorld _world;
    private readonly AddressGroups _groups = new(AddressGroups.Loopback, []);
    private readonly AddressTable _table;
    private readonly PickView _view;
    private readonly PriorityQueue<(Step Step, PeerAddress? Address, TimeSpan Since), (TimeSpan At, long Order)> _events = new();
    private readonly Dictionary<AddressKey, int> _use = [];
    private readonly HashSet<NodeId> _busy = [];
    private readonly Dictionary<PeerAddress, TimeSpan> _dialling = [];
    private readonly HashSet<PeerAddress> _links = [];
    private readonly HashSet<PeerAddress> _drawn = [];
    private long _order;
    private int _inbound;
    private int _bad;
    private TimeSpan? _lastDialStep;
    private TimeSpan? _eclipsed, _lasting, _badSince;
    private TimeSpan? _lookAt;
    private int _newLinks, _strangers, _newBad;
    private bool _settled;

    public EclipseRun(EclipsePlan plan, int seed)
    {
        _plan = plan;
        _random = new Random(seed);
        _world = new EclipseWorld(_random);
        byte[] key = new byte[PeerStoreContent.TableKeySize];
        _random.NextBytes(key);
        _table = new AddressTable(key, _groups, _random, regulars: plan.Regulars ? ConnectionPlan.Regulars(plan.Target) : 0);
        _view = new PickView(e => !_busy.Contains(e.Id!.Value), g => _use.GetValueOrDefault(g), static _ => 1);
    }

    private enum Step
    {
        Learn,
        Feeler,
        Post,
        Infiltrate,
        Look,
        Answered,
        TimedOut,
        Probed,
        ProbeTimedOut,
        LinkEnds,
    }

    public EclipseResult Run()
    {
        for (int node = 0; node < EclipsePlan.BootstrapNodes; node++)
        {
            _table.Add(new AddressCandidate(EclipseWorld.Honest(node), AddressSource.Bootstrap), TimeSpan.Zero);
        }

        At(TimeSpan.Zero, Step.Learn);
        At(EclipsePlan.Feeler, Step.Feeler);
        if (_plan.Poison)
        {
            At(_plan.Before, Step.Post);
        }

        At(_plan.Before, Step.Infiltrate);
        while (_events.TryDequeue(out (Step Step, PeerAddress? Address, TimeSpan Since) e, out (TimeSpan At, long Order) when) && when.At < _plan.Before + _plan.Attack)
        {
            Do(e.Step, e.Address, e.Since, when.At);
            Decide(when.At);
            Judge(when.At);
        }

        return new EclipseResult(_eclipsed - _plan.Before, _lasting - _plan.Before, _newLinks, _strangers, _newBad, _links.Count, _bad);
    }

    private void Do(Step step, PeerAddress? address, TimeSpan since, TimeSpan now)
    {
        switch (step)
        {
            case Step.Learn:
                _table.Add(new AddressCandidate(EclipseWorld.Honest(_random.Next(EclipsePlan.HonestNodes)), AddressSource.PeerExchange, EclipseWorld.HonestSource(_random)), now);
                At(now + EclipsePlan.Learn, Step.Learn);
                break;
            case Step.Feeler:
                Probe(now);
                At(now + EclipsePlan.Feeler, Step.Feeler);
                break;
            case Step.Post:
                Post(now);
                At(now + Repost, Step.Post);
                break;
            case Step.Infiltrate:
                Infiltrate();
                break;
            case Step.Answered or Step.TimedOut when _dialling.GetValueOrDefault(address!, TimeSpan.MinValue) != since:
                // Given up as surplus meanwhile.
                break;
            case Step.Answered:
                GoLive(address!, now);
                break;
            case Step.TimedOut:
                EndDial(address!);
                _table.Failed(address!, online: _links.Count + _inbound > 0, now);
                _table.Wake(address!.Id!.Value, now);
                break;
            case Step.Probed:
                _busy.Remove(address!.Id!.Value);
                _table.Succeeded(address, address.Id.Value, now);
                break;
            case Step.ProbeTimedOut:
                _busy.Remove(address!.Id!.Value);
                _table.Failed(address, online: _links.Count + _inbound > 0, now);
                break;
            case Step.LinkEnds:
                EndLink(address!, now - since, now);
                break;
            default:
                _lookAt = null;
                break;
        }
    }

    // From every group of theirs they tell of all their nodes, under as many ids as the table takes.
    private void Post(TimeSpan now)
    {
        for (int n = 0; n < EclipsePlan.Attackers * EclipsePlan.IdsPerAttacker; n++)
        {
            int attacker = n % EclipsePlan.Attackers;
            IPAddress source = EclipseWorld.AttackerHost(_random.Next(EclipsePlan.Attackers));
            _table.Add(new AddressCandidate(EclipseWorld.Attacker(attacker, n / EclipsePlan.Attackers), AddressSource.PeerExchange, source), now);
        }
    }

    // They call in as long as the limits let them.
    private void Infiltrate()
    {
        InboundLimits limits = new();
        int slots = ConnectionPlan.InboundSlots(_plan.Target, _plan.Max);
        List<IPAddress> inside = [];
        for (int attacker = 0; attacker < EclipsePlan.Attackers && inside.Count < slots && _links.Count + inside.Count < _plan.Max; attacker++)
        {
            if (limits.Judge(EclipseWorld.AttackerHost(attacker), inside, slots, _groups) is null)
            {
                inside.Add(EclipseWorld.AttackerHost(attacker));
            }
        }

        _inbound = inside.Count;
    }

    private void Decide(TimeSpan now)
    {
        PlanStep step = ConnectionPlan.Decide(
            new PlanCounts { Inbound = _inbound, Outbound = _links.Count, Dialling = _dialling.Count, LastDialStep = _lastDialStep }, _plan.Target, _plan.Max, now);
        if (step.Surplus)
        {
            foreach (PeerAddress address in _dialling.Keys.ToArray())
            {
                EndDial(address);
                _table.Dropped(address, TimeSpan.Zero, now);
            }
        }

        bool any = false;
        for (int i = 0; i < step.Dial && _table.Pick(_view, now) is { } entry; i++)
        {
            any = true;
            Dial(entry, now);
        }

        TimeSpan? again = step.Dial > 0 && !any ? _table.NextDue : step.LookAgain;
        if (again is { } at && (_lookAt is not { } planned || at < planned))
        {
            _lookAt = at;
            At(at, Step.Look);
        }
    }

    private void Dial(AddressEntry entry, TimeSpan now)
    {
        PeerAddress address = entry.Address;
        _lastDialStep = now;
        _ = entry.IsRegular ? _drawn.Remove(address) : _drawn.Add(address);
        _busy.Add(address.Id!.Value);
        _dialling.Add(address, now);
        Use(entry.Group, 1);
        bool online = _world.OnlineUntil(address, now + Answer) is not null;
        At(now + (online ? Answer : ConnectTimeout), online ? Step.Answered : Step.TimedOut, address, now);
    }

    private void GoLive(PeerAddress address, TimeSpan now)
    {
        _dialling.Remove(address);
        _lastDialStep = now;
        _links.Add(address);
        _table.Succeeded(address, address.Id!.Value, now);
        bool bad = EclipseWorld.IsAttacker(address);
        _bad += bad ? 1 : 0;
        if (now >= _plan.Before)
        {
            _newLinks++;
            _strangers += _drawn.Contains(address) ? 1 : 0;
            _newBad += bad ? 1 : 0;
        }

        if (_world.OnlineUntil(address, now) is { } until && until != TimeSpan.MaxValue)
        {
            At(until, Step.LinkEnds, address, now);
        }
    }

    private void EndDial(PeerAddress address)
    {
        if (_dialling.Remove(address))
        {
            _busy.Remove(address.Id!.Value);
            Use(_groups.GroupOf(address.Host), -1);
        }
    }

    private void EndLink(PeerAddress address, TimeSpan lived, TimeSpan now)
    {
        _links.Remove(address);
        _bad -= EclipseWorld.IsAttacker(address) ? 1 : 0;
        _busy.Remove(address.Id!.Value);
        Use(_groups.GroupOf(address.Host), -1);
        _table.LinkEnded(address, lived, now);
        _table.Wake(address.Id.Value, now);
    }

    private void Probe(TimeSpan now)
    {
        if (_table.PickForFeeler(_view, now) is { } entry)
        {
            _busy.Add(entry.Id!.Value);
            bool online = _world.OnlineUntil(entry.Address, now + Answer) is not null;
            At(now + (online ? Answer : ConnectTimeout), online ? Step.Probed : Step.ProbeTimedOut, entry.Address, now);
        }
    }

    private void Judge(TimeSpan now)
    {
        // The first seconds of a life, when the first of several dials answers, do not count.
        _settled |= _links.Count >= ConnectionPlan.LeastOutbound(_plan.Target);
        if (!_settled || _links.Count == 0 || _bad < _links.Count)
        {
            _badSince = null;
            return;
        }

        _badSince ??= now;
        _eclipsed ??= now;
        _lasting ??= now - _badSince >= TimeSpan.FromMinutes(1) ? now : null;
    }

    private void Use(AddressKey group, int change)
    {
        _use[group] = _use.GetValueOrDefault(group) + change;
    }

    private void At(TimeSpan at, Step step, PeerAddress? address = null, TimeSpan since = default) => _events.Enqueue((step, address, since), (at, _order++));
}
