namespace Meshara.Testing.Checks;

/// <summary>A byte stream carries what was written, in order, nothing left out; its end is seen only after all of it.</summary>
internal sealed class FlowCheck(SimulatedNetwork network, LinkBook links, Running.Tally counted) : NodeCheck(network, links)
{
    public override string Name => "streams";

    /// <summary>The byte at a place of a stream.</summary>
    public static byte At(int stream, long place)
    {
        // A mixer, so that neither a shift nor a swap of chunks goes unseen.
        ulong x = ((ulong)(uint)stream << 32) ^ (ulong)place;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return (byte)(x >> 56);
    }

    /// <summary>Bytes were read at a place of a stream.</summary>
    public void Read(SimulatedNode at, NodeId from, int stream, long place, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] != At(stream, place + i))
            {
                Wrong($"{at} read byte {place + i} of stream {stream} from {Network.NameOf(from)}, and it is another one than was written.", at);
                return;
            }
        }

        counted.Add("stream bytes read", bytes.Length);
    }

    /// <summary>The stream came to its end, without an error.</summary>
    public void End(SimulatedNode at, NodeId from, int stream, long length, long written)
    {
        counted.Add("streams read to their end");
        if (length != written)
            Wrong($"{at} came to the end of stream {stream} from {Network.NameOf(from)} after {length} bytes, {written} were written.", at);
    }
}
