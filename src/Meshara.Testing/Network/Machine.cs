using System.Net;

namespace Meshara.Testing.Network;

/// <summary>The machine of one node: its address, its place in the network, and the process that runs on it.</summary>
internal sealed class Machine(string name, IPAddress address, SimulatedNat? nat, Random random)
{
    private int _lastPort = IPEndPoint.MaxPort;

    public string Name => name;

    /// <summary>Its address; behind a NAT a private one.</summary>
    public IPAddress Address { get; set; } = address;

    /// <summary>What it is behind of; null: it has an address of its own in the public network.</summary>
    public SimulatedNat? Nat { get; set; } = nat;

    /// <summary>Of jitter, loss and delays of what this machine sends.</summary>
    public Random Random => random;

    /// <summary>Whether it is switched off.</summary>
    public bool IsOff { get; set; }

    /// <summary>What runs; null: nothing yet.</summary>
    public HostProcess? Process { get; set; }

    /// <summary>Whether anything that is sent to it is heard.</summary>
    public bool Hears => !IsOff && Process?.Time.State != Engine.ClockState.Suspended;

    /// <summary>The next port for a connection that it begins: 49152 to 65535, then from the start again.</summary>
    public int NextPort() => _lastPort = _lastPort >= IPEndPoint.MaxPort ? 49152 : _lastPort + 1;
}
