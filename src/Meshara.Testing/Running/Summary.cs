using System.Text;

namespace Meshara.Testing.Running;

/// <summary>What came of all the seeds together.</summary>
internal sealed class Summary
{
    private readonly List<SeedResult> _failed = [];
    private readonly Tally _drawn = new(), _hit = new(), _counted = new();
    private TimeSpan _virtual;
    private TimeSpan _seedTime;

    public int Done { get; private set; }

    public IReadOnlyList<SeedResult> Failed => _failed;

    public void Add(SeedResult result)
    {
        Done++;
        _virtual += result.VirtualTime;
        _seedTime += result.RealTime;
        _drawn.Add(result.Drawn);
        _hit.Add(result.Hit);
        _counted.Add(result.Counted);
        if (result.Failure is not null)
            _failed.Add(result);
    }

    /// <summary>The last lines of a report.</summary>
    public string Text(TimeSpan real)
    {
        StringBuilder text = new();
        if (_drawn.Names.Any() || _hit.Names.Any())
        {
            text.Append($"{"fault",-24}{"drawn",10}{"hit",10}\n");
            foreach (string kind in _drawn.Names.Union(_hit.Names).Order(StringComparer.Ordinal))
                text.Append($"{kind,-24}{_drawn[kind],10}{_hit[kind],10}\n");
        }

        foreach (string name in _counted.Names)
            text.Append($"{name,-34}{_counted[name],10}\n");
        text.Append($"{Done} seeds: {Done - _failed.Count} ok, {_failed.Count} failed; {_virtual.TotalHours:F1} h of virtual time in {real.TotalSeconds:F1} s");
        text.Append($" ({(Done == 0 ? 0 : _seedTime.TotalSeconds / Done):F2} s a seed)\n");
        foreach (SeedResult failed in _failed)
            text.Append($"FAILED {failed.Headline}\n");
        return text.ToString();
    }
}
