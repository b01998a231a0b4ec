using BenchmarkDotNet.Attributes;
using Meshara.Wire;

namespace Meshara.Micro;

/// <summary>HELLO as a node with two addresses says it.</summary>
public class HelloParts
{
    private readonly byte[] _buffer = new byte[ControlFrames.MaxFrame];
    private readonly Hello _hello = new()
    {
        MinVersion = 1,
        MaxVersion = 1,
        Id = NodeId.FromPublicKey([1]),
        ExpectedId = NodeId.FromPublicKey([2]),
        Instance = 1,
        Nonce = new byte[Hello.NonceSize],
        Mesh = "home",
        Agent = "meshara/0.1.0",
        Addresses = ["203.0.113.7:4040", "[2001:db8::7]:4040"],
        MaxMessage = 1 << 20,
        InitialWindow = 16 << 10,
        MaxStreams = 1024,
    };

    private byte[] _payload = [];

    [GlobalSetup]
    public void Setup() => _payload = _buffer[..ControlFrames.WriteHello(_buffer, _hello)][FrameCodec.HeaderSize..];

    [Benchmark(Description = "write HELLO")]
    public int Write() => ControlFrames.WriteHello(_buffer, _hello);

    [Benchmark(Description = "parse HELLO")]
    public object Parse() => Hello.Parse(_payload);
}
