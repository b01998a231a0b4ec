using System.Buffers.Binary;
using System.Net;
using Meshara.Mdns;
using Meshara.Mdns.Tests.Wire;
using Meshara.Mdns.Wire;

namespace Meshara.Fuzz;

/// <summary>Multicast DNS as one program of a network meets it: packets, pauses, wishes and changes of interfaces, one after the other.</summary>
internal static class MdnsTargets
{
    private const int MaxSteps = 100;

    /// <summary>A service is published and browsed for; then come the packets of hosts that are on many networks, and some about that very service.</summary>
    public static FuzzTarget Mdns { get; } = new("mdns", Seeds(), Compose, Run);

    private static byte[][] Seeds()
    {
        byte[] begun = [.. Step(6, 0), .. Step(5, 0), .. Wait(2000)];
        DnsName service = DnsName.Parse("_ipp._tcp.local"), name = service.Child("Kitchen printer"), host = DnsName.Parse("printer.local");
        DnsRecord[] records =
        [
            new(service, 4500, new PointerData(name)),
            new(name, 120, new ServiceData(0, 0, 632, host), cacheFlush: true),
            new(name, 4500, new TextData(TxtRecord.Create(("rp", "x"))), cacheFlush: true),
            new(host, 120, new AddressData(IPAddress.Parse("10.0.0.2")), cacheFlush: true),
        ];
        return
        [
            [.. begun, .. Wait(60_000), .. Step(6, 2), .. Wait(3000)],
            [.. begun, .. Packet(Write([], records)), .. Wait(100), .. Packet(Write([], records)), .. Wait(30_000)],
            [.. Packet(Write([], records)), .. begun, .. Packet(Write([], [new DnsRecord(service, 0, new PointerData(name))])), .. Wait(1500)],
            [.. begun, .. Packet(Write([new DnsQuestion(service, DnsType.Ptr, true), new DnsQuestion(name, DnsType.Any, false)], [])), .. Wait(500), .. Step(7, 1), .. Wait(3000)],
            .. RealPackets.Bytes.Select(packet => (byte[])[.. begun, .. Packet(packet), .. Wait(200), .. Packet(packet), .. Wait(20_000)]),
        ];
    }

    private static byte[] Write(DnsQuestion[] questions, DnsRecord[] answers)
    {
        DnsWriter writer = new();
        foreach (DnsQuestion question in questions)
            writer.TryAdd(question);
        foreach (DnsRecord answer in answers)
            writer.TryAdd(answer, DnsSection.Answer);
        return writer.Finish(0, questions.Length > 0 ? DnsFlags.None : DnsFlags.Response | DnsFlags.Authoritative).ToArray();
    }

    private static byte[] Step(byte kind, byte which) => [kind, which];

    private static byte[] Wait(ushort milliseconds) => [4, (byte)(milliseconds >> 8), (byte)milliseconds];

    private static byte[] Packet(byte[] bytes) => [0, 0, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];

    // A step is changed, comes again, goes, or gets another one beside it.
    private static byte[] Compose(Mutator mutator, byte[] seed, IReadOnlyList<byte[]> all)
    {
        List<byte[]> steps = [.. Split(seed)], others = [.. Split(mutator.Pick(all))];
        do
        {
            int at = mutator.Below(steps.Count);
            byte[]? other = others.Count > 0 ? mutator.Pick(others) : null;
            switch (mutator.Below(5))
            {
                case 0 when other is not null:
                    steps.Insert(mutator.Below(steps.Count + 1), other);
                    break;
                case 1 when steps.Count > 1:
                    steps.RemoveAt(at);
                    break;
                case 2:
                    steps.Insert(at, steps.Count > 0 ? steps[at] : Wait(1000));
                    break;
                default:
                    if (steps.Count > 0)
                        steps[at] = Change(mutator, steps[at], other ?? []);
                    break;
            }
        }
        while (mutator.Below(3) != 0 && steps.Count is > 0 and < MaxSteps);

        return [.. steps.SelectMany(static step => step)];
    }

    // The length of a packet stays that of its bytes.
    private static byte[] Change(Mutator mutator, byte[] step, byte[] other)
    {
        if (step.Length < 4 || step[0] % 8 >= 4 || mutator.Below(8) == 0)
            return mutator.Mutate(step, other);
        byte[] packet = mutator.Mutate(step[4..], other.Length > 4 ? other[4..] : other);
        return [step[0], mutator.Below(4) == 0 ? (byte)mutator.Below(256) : step[1], (byte)(packet.Length >> 8), (byte)packet.Length, .. packet];
    }

    private static IEnumerable<byte[]> Split(byte[] script)
    {
        for (int at = 0, step = 0; at < script.Length && step < MaxSteps; step++)
        {
            int length = Math.Min(LengthAt(script.AsSpan(at)), script.Length - at);
            yield return script[at..(at + length)];
            at += length;
        }
    }

    private static int LengthAt(ReadOnlySpan<byte> script) => (script[0] % 8) switch
    {
        < 4 => script.Length < 4 ? 4 : 4 + BinaryPrimitives.ReadUInt16BigEndian(script[2..]),
        4 => 3,
        _ => 2,
    };

    private static long Run(byte[] input)
    {
        MdnsScript script = new();
        foreach (byte[] step in Split(input))
            script.Step(step);
        script.Rest();
        return script.Outcome;
    }
}
