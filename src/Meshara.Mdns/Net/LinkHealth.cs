using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>How one link fares. Written by the driver's loop; read by whoever asks, under the same lock.</summary>
internal sealed class LinkHealth(LinkKey key, string name)
{
    // A link that fails and works by turns is told of no more often.
    private static readonly TimeSpan TellPause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private string? _told;
    private TimeSpan? _toldAt;
    private FamilyState _state = new();

    /// <summary>Which it is.</summary>
    public LinkKey Key { get; } = key;

    /// <summary>The interface's name when it was joined.</summary>
    public string Name { get; } = name;

    /// <summary>Since when sending fails; null: it does not.</summary>
    public TimeSpan? DeadSince { get; set; }

    /// <summary>When it is tried again; null: with the next scan.</summary>
    public TimeSpan? NextRetry { get; set; }

    /// <summary>For a log, as <c>eth0 (IPv4)</c>.</summary>
    public string Label => $"{Name} ({(Key.IPv6 ? "IPv6" : "IPv4")})";

    /// <summary>What it is now.</summary>
    public FamilyState State
    {
        get
        {
            lock (_lock)
                return _state;
        }
    }

    /// <summary>Whether the log is to hear of this fault now; null: that there is none. Not what it was told last, and nothing twice a minute.</summary>
    public bool MayTell(string? fault, TimeSpan now)
    {
        if (fault == _told || (fault is not null && now - _toldAt < TellPause))
            return false;
        _told = fault;
        if (fault is not null)
            _toldAt = now;
        return true;
    }

    /// <summary>Changes it.</summary>
    public void Set(Func<FamilyState, FamilyState> change)
    {
        lock (_lock)
            _state = change(_state);
    }
}
