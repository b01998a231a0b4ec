namespace Meshara.Wire;

/// <summary>What each side says of itself first, spec section 5.1. Everything in it is claimed by the sender; the handshake compares it with what TLS proved.</summary>
internal sealed record Hello
{
    public const int NonceSize = 32;
    public const int InstanceSize = Bits128.Size;
    public const int MaxMeshBytes = 64;
    public const int MaxAgentBytes = 128;
    public const int MaxAddresses = 8;
    public const int MaxAddressBytes = 300;
    public const int MinMaxMessage = 1024;
    public const int MinInitialWindow = 4096;
    public const int MinMaxStreams = 16;
    public const int MaxMaxStreams = 1 << 20;

    /// <summary>Upper bound of max_message and initial_window.</summary>
    public const int MaxBytesLimit = 1 << 30;

    /// <summary>Lowest version of the document the sender speaks.</summary>
    public required ushort MinVersion { get; init; }

    /// <summary>Highest version of the document the sender speaks.</summary>
    public required ushort MaxVersion { get; init; }

    /// <summary>The sender's id; to be compared with the one TLS proved.</summary>
    public required NodeId Id { get; init; }

    /// <summary>The id the sender expects the receiver to have, if it expects one.</summary>
    public NodeId? ExpectedId { get; init; }

    /// <summary>New at each start of the program.</summary>
    public required Bits128 Instance { get; init; }

    /// <summary>32 bytes, new in each HELLO.</summary>
    public required byte[] Nonce { get; init; }

    /// <summary>May hold a number that has no name: the handshake answers REFUSE(other).</summary>
    public HelloPurpose Purpose { get; init; }

    /// <summary>Bits of <see cref="Wire.Features"/>, and unknown ones.</summary>
    public ulong Features { get; init; }

    /// <summary>1 to 64 bytes of UTF-8.</summary>
    public required string Mesh { get; init; }

    /// <summary>At most 128 bytes of UTF-8, for people; cut to that when written.</summary>
    public string Agent { get; init; } = "";

    /// <summary>At most 8 of at most 300 bytes; hints, neither parsed nor believed.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>Bytes of the greatest body the sender accepts: 1024 to 2^30.</summary>
    public required int MaxMessage { get; init; }

    /// <summary>Credit of each new stream towards the sender: 4096 to 2^30.</summary>
    public required int InitialWindow { get; init; }

    /// <summary>Streams the receiver may open at first: 16 to 2^20.</summary>
    public required int MaxStreams { get; init; }

    /// <summary>An extension that we do not know refuses this HELLO: REFUSE(unsupported).</summary>
    public bool HasUnknownCritical { get; init; }

    /// <summary>Reads the payload of HELLO, spec section 5.1, in the order of the table; the first fault decides.</summary>
    /// <exception cref="WireException">A malformed payload or a limit out of range (protocol error), or an empty version range (close).</exception>
    public static Hello Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > FrameCodec.MaxHelloPayload)
            WireException.Violation("A HELLO over 4096 bytes.");

        WireReader reader = new(payload);
        ushort minVersion = reader.ReadU16();
        ushort maxVersion = reader.ReadU16();
        if (minVersion == 0 || minVersion > maxVersion)
            WireException.Close("A HELLO with an empty range of versions.");

        NodeId id = NodeId.FromBytes(reader.ReadBytes(NodeId.Size));
        ReadOnlySpan<byte> expected = reader.ReadBlob(NodeId.Size);
        if (expected.Length is not (0 or NodeId.Size))
            WireException.Violation("An expected id that is neither empty nor 32 bytes.");

        Bits128 instance = Bits128.Read(reader.ReadBytes(InstanceSize));
        ReadOnlySpan<byte> nonce = reader.ReadBytes(NonceSize);
        HelloPurpose purpose = (HelloPurpose)reader.ReadU8();
        ulong features = reader.ReadU64();
        string mesh = reader.ReadString(MaxMeshBytes);
        if (mesh.Length == 0)
            WireException.Violation("A HELLO without the name of a mesh.");

        string agent = reader.ReadString(MaxAgentBytes);
        string[] addresses = new string[reader.ReadCount(MaxAddresses)];
        for (int i = 0; i < addresses.Length; i++)
            addresses[i] = reader.ReadString(MaxAddressBytes);

        int maxMessage = reader.ReadVarint(MinMaxMessage, MaxBytesLimit);
        int initialWindow = reader.ReadVarint(MinInitialWindow, MaxBytesLimit);
        int maxStreams = reader.ReadVarint(MinMaxStreams, MaxMaxStreams);
        bool acceptable = reader.ReadExtensions();
        reader.End();
        return new Hello
        {
            MinVersion = minVersion,
            MaxVersion = maxVersion,
            Id = id,
            ExpectedId = expected.IsEmpty ? null : NodeId.FromBytes(expected),
            Instance = instance,
            Nonce = nonce.ToArray(),
            Purpose = purpose,
            Features = features,
            Mesh = mesh,
            Agent = agent,
            Addresses = addresses,
            MaxMessage = maxMessage,
            InitialWindow = initialWindow,
            MaxStreams = maxStreams,
            HasUnknownCritical = !acceptable,
        };
    }

    /// <summary>Writes the payload, without extensions, and returns its length: always under 4096 bytes.</summary>
    /// <exception cref="ArgumentException">A field outside what a receiver accepts, or the destination is too short.</exception>
    public int Write(Span<byte> payload)
    {
        if (MinVersion == 0 || MinVersion > MaxVersion)
            throw new ArgumentException("An empty range of versions.");
        if (Nonce.Length != NonceSize)
            throw new ArgumentException("A nonce has 32 bytes.");
        if (Mesh.Length == 0)
            throw new ArgumentException("A mesh has a name.");
        Check(MaxMessage, MinMaxMessage, MaxBytesLimit, nameof(MaxMessage));
        Check(InitialWindow, MinInitialWindow, MaxBytesLimit, nameof(InitialWindow));
        Check(MaxStreams, MinMaxStreams, MaxMaxStreams, nameof(MaxStreams));

        Span<byte> id = stackalloc byte[NodeId.Size];
        Span<byte> instance = stackalloc byte[InstanceSize];
        Instance.Write(instance);
        Id.CopyTo(id);

        WireWriter writer = new(payload);
        writer.WriteU16(MinVersion);
        writer.WriteU16(MaxVersion);
        writer.WriteBytes(id);
        ExpectedId.GetValueOrDefault().CopyTo(id);
        writer.WriteBlob(ExpectedId is null ? [] : id, NodeId.Size);
        writer.WriteBytes(instance);
        writer.WriteBytes(Nonce);
        writer.WriteU8((byte)Purpose);
        writer.WriteU64(Features);
        writer.WriteString(Mesh, MaxMeshBytes);
        writer.WriteText(Agent, MaxAgentBytes);
        writer.WriteCount(Addresses.Count, MaxAddresses);
        foreach (string address in Addresses)
            writer.WriteString(address, MaxAddressBytes);
        writer.WriteVarint((ulong)MaxMessage);
        writer.WriteVarint((ulong)InitialWindow);
        writer.WriteVarint((ulong)MaxStreams);
        writer.WriteNoExtensions();
        return writer.Written;
    }

    private static void Check(int value, int min, int max, string name)
    {
        if (value < min || value > max)
            throw new ArgumentException($"{name} is {value}; {min} to {max} are allowed.");
    }
}
