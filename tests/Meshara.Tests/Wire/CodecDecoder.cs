using Meshara.Wire;

namespace Meshara.Tests.Wire;

/// <summary>The implementation, seen as a decoder of one frame.</summary>
internal static class CodecDecoder
{
    public static Decoded Decode(ReadOnlySpan<byte> bytes, string stage)
    {
        try
        {
            int cap = stage switch
            {
                "first" => FrameCodec.MaxHelloPayload,
                "handshake" => FrameCodec.MaxHandshakePayload,
                _ => FrameCodec.MaxPayload,
            };
            if (!FrameCodec.TryReadHeader(bytes, cap, out FrameHeader header))
                return new Decoded("incomplete");

            // The handshake's rule, not the codec's: the first frame is HELLO.
            if (stage == "first" && header.Type != FrameType.Hello)
                return new Decoded("violation");

            bytes = bytes[FrameCodec.HeaderSize..];
            return bytes.Length < header.Length ? new Decoded("incomplete") : DecodePayload(header, bytes[..header.Length]);
        }
        catch (WireException e)
        {
            return new Decoded(e.IsViolation ? "violation" : "close");
        }
    }

    /// <summary>Throws nothing but WireException.</summary>
    public static Decoded DecodePayload(FrameHeader header, ReadOnlySpan<byte> payload)
    {
        Dictionary<string, string> fields = [];
        switch (header.Type)
        {
            case FrameType.Hello:
                return Show(Hello.Parse(payload));
            case FrameType.Proof:
                fields["proof"] = Convert.ToHexStringLower(ControlFrames.ParseProof(payload));
                return new Decoded("accept", "PROOF", fields);
            case FrameType.Ready:
                ControlFrames.ParseReady(payload);
                return new Decoded("accept", "READY", fields);
            case FrameType.Refuse:
                return Show(Refuse.Parse(payload));
            case FrameType.Goodbye:
                return Show(Goodbye.Parse(payload));
            case FrameType.Notice:
                return Show(Notice.Parse(payload));
            case FrameType.Ping or FrameType.Pong:
                fields["opaque"] = $"{ControlFrames.ParsePing(payload):x16}";
                return new Decoded("accept", header.Type == FrameType.Ping ? "PING" : "PONG", fields);
            case FrameType.Done:
                ControlFrames.ParseDone(payload);
                return new Decoded("accept", "DONE", fields);
            default:
                return FrameCodec.IsKnown(header.Type) ? DecodeStream(header, payload, fields) : new Decoded("ignore");
        }
    }

    private static Decoded DecodeStream(FrameHeader header, ReadOnlySpan<byte> payload, Dictionary<string, string> fields)
    {
        ulong id;
        long value;
        switch (header.Type)
        {
            case FrameType.Open:
                StreamFrames.ParseOpen(payload, out id, out StreamKind kind, out string protocol, out bool critical);
                fields["kind"] = $"{(byte)kind}";
                fields["protocol"] = protocol;
                fields["critical"] = critical ? "true" : "false";
                break;
            case FrameType.Data:
                StreamFrames.ParseData(header.Flags, payload, out id, out ReadOnlySpan<byte> body);
                fields["flags"] = Flags(header.Flags);
                fields["body"] = Convert.ToHexStringLower(body);
                fields["cost"] = $"{StreamFrames.CostOf(header.Flags, body.Length)}";
                break;
            case FrameType.Reset:
                StreamFrames.ParseReset(payload, out id, out value);
                fields["code"] = $"{value}";
                break;
            case FrameType.StopSending:
                StreamFrames.ParseStopSending(payload, out id, out value);
                fields["code"] = $"{value}";
                break;
            case FrameType.Ack:
                StreamFrames.ParseAck(payload, out id, out value);
                fields["code"] = $"{value}";
                break;
            case FrameType.Window:
                StreamFrames.ParseWindow(payload, out id, out value);
                fields["increment"] = $"{value}";
                break;
            default:
                StreamFrames.ParseMaxStreams(payload, out value);
                fields["count"] = $"{value}";
                return new Decoded("accept", "MAX_STREAMS", fields);
        }

        fields["id"] = $"{id}";
        return new Decoded("accept", header.Type == FrameType.StopSending ? "STOP_SENDING" : header.Type.ToString().ToUpperInvariant(), fields);
    }

    private static string Flags(FrameFlags flags)
    {
        List<string> names = [];
        if (flags.HasFlag(FrameFlags.EndOfMessage))
            names.Add("EOM");
        if (flags.HasFlag(FrameFlags.Fin))
            names.Add("FIN");
        if (flags.HasFlag(FrameFlags.Acknowledge))
            names.Add("ACK");
        return Decoded.List(names);
    }

    public static Decoded Show(Hello hello) => new("accept", "HELLO", new Dictionary<string, string>
    {
        ["min_version"] = $"{hello.MinVersion}",
        ["max_version"] = $"{hello.MaxVersion}",
        ["id"] = hello.Id.ToString(),
        ["expected_id"] = hello.ExpectedId?.ToString() ?? "",
        ["instance"] = $"{hello.Instance:x32}",
        ["nonce"] = Convert.ToHexStringLower(hello.Nonce),
        ["purpose"] = $"{(byte)hello.Purpose}",
        ["features"] = $"{hello.Features}",
        ["mesh"] = hello.Mesh,
        ["agent"] = hello.Agent,
        ["addresses"] = Decoded.List(hello.Addresses),
        ["max_message"] = $"{hello.MaxMessage}",
        ["initial_window"] = $"{hello.InitialWindow}",
        ["max_streams"] = $"{hello.MaxStreams}",
        ["critical"] = hello.HasUnknownCritical ? "true" : "false",
    });

    public static Decoded Show(Refuse refuse) => new("accept", "REFUSE", new Dictionary<string, string>
    {
        ["code"] = $"{(int)refuse.Code}",
        ["retry_after"] = Milliseconds(refuse.RetryAfter),
        ["limit"] = refuse.Limit,
        ["value"] = $"{refuse.Value}",
        ["message"] = refuse.Message,
    });

    public static Decoded Show(Goodbye goodbye) => new("accept", "GOODBYE", new Dictionary<string, string>
    {
        ["code"] = $"{(int)goodbye.Code}",
        ["retry_after"] = Milliseconds(goodbye.RetryAfter),
        ["message"] = goodbye.Message,
    });

    public static Decoded Show(Notice notice) => notice.Code == NoticeCode.Unknown ? new Decoded("ignore") : new("accept", "NOTICE", new Dictionary<string, string>
    {
        ["code"] = $"{(int)notice.Code}",
        ["message"] = notice.Message,
    });

    private static string Milliseconds(TimeSpan? value) => $"{(long)(value ?? TimeSpan.Zero).TotalMilliseconds}";
}
