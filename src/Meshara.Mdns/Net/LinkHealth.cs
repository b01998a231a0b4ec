using Meshara.Mdns.Engine;

namespace Meshara.Mdns.Net;

/// <summary>How one link fares. Written by the driver's loop; read by whoever asks, under the same lock.</summary>
internal sealed class LinkHealth(LinkKey key, string name)
{
    private readonly Lock _lock = new();
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

    /// <summary>Changes it.</summary>
    public void Set(Func<FamilyState, FamilyState> change)
    {
        lock (_lock)
            _state = change(_state);
    }
}
