namespace Meshara;

/// <summary>What a node is doing.</summary>
public enum NodeState
{
    /// <summary>Opening its listeners.</summary>
    Starting,

    /// <summary>Accepting, dialling and carrying messages.</summary>
    Running,

    /// <summary>Saying goodbye to its peers.</summary>
    Stopping,

    /// <summary>Disposed; holds no socket, task or timer.</summary>
    Stopped,
}
