namespace Meshara.Testing.Engine;

/// <summary>Something that is due at a virtual time: a timer, or a delivery of the network. It has one place in the heap at most.</summary>
internal abstract class Scheduled
{
    /// <summary>Whether it has a place in the heap.</summary>
    public bool IsDue { get; set; }

    /// <summary>Which of its places in the heap is the right one.</summary>
    public int Version { get; set; }

    /// <summary>Among those of the same time the lower is first.</summary>
    public long Order { get; set; }

    /// <summary>Its time has come.</summary>
    public abstract void Fire();
}
