using System.Text;
using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Fuzz;

/// <summary>What a client says on the control socket: one line of JSON, and for a pipe chunks after it. A finding is: any exception but the ones that are answered or close the connection.</summary>
internal static class ControlTargets
{
    // Shorter than in a node, so that the end of it can be met.
    private const int LongestLine = 4096;

    /// <summary>Requests of each kind, and the chunks of a pipe.</summary>
    public static FuzzTarget Control { get; } = new("control", [.. Seeds().Select(Encoding.Latin1.GetBytes)], static input => Run(input));

    private static string[] Seeds() =>
    [
        "{\"command\":\"info\"}\n",
        "{\"command\":\"add\",\"address\":\"host.example:4040\",\"public_key\":\"3059\"}\n",
        "{\"command\":\"send\",\"peer\":\"0a0b0c0d\",\"protocol\":\"chat/1\",\"payload\":\"AAEC\"}\n",
        "{\"command\":\"request\",\"peer\":\"0a\",\"protocol\":\"p\",\"payload\":\"\",\"timeout_ms\":1500.5}\n",
        "{\"command\":\"rotate-identity\",\"overlap_seconds\":3600}\n",
        "{\"command\":\"trust-replace\",\"peer\":\"" + new string('0', 64) + "\",\"public_key\":null,\"name\":\"\\u001b[31m\"}\n",
        "{\"command\":\"pipe\",\"peer\":\"0a0b0c0d\",\"protocol\":\"p\"}\n\0\0\0\0\u0003abc\u0003\0\0\0\0\u0001\0\0\0\0",
        "{\"command\":\"pipe-accept\",\"protocol\":\"p\"}\n\u0002\0\0\0\u000b{\"ok\":true}",
        "[]\nnull\n{}\n",
    ];

    private static long Run(byte[] input)
    {
        using MemoryStream stream = new(input);
        LineChannel lines = new(stream, LongestLine);
        ReadOnlyMemory<byte>? line;
        try
        {
            line = Now(lines.ReadAsync(CancellationToken.None));
        }
        catch (InvalidDataException)
        {
            return Verdict.Refused;
        }

        if (line is not { } text)
            return Verdict.Refused;
        ControlRequest request;
        try
        {
            request = ControlServer.Parse(text);
            _ = NodeCommands.Key(request);
            _ = NodeCommands.SpanOf(request.TimeoutMs, TimeSpan.FromMilliseconds, "timeout_ms");
            _ = NodeCommands.SpanOf(request.OverlapSeconds, TimeSpan.FromSeconds, "overlap_seconds");
        }
        catch (ControlException e)
        {
            return Verdict.Of(e.Code);
        }

        string shown = Safe.Text(request.Command, 40);
        if (shown.Any(char.IsControl))
            throw new FindingException("A command that cannot be shown.");
        long verdict = Verdict.With(Verdict.Of(shown), Verdict.Of(request.Payload));
        return request.Command is ControlCommand.Pipe or ControlCommand.PipeAccept ? Verdict.With(verdict, RunPipe(input.AsMemory(text.Length + 1))) : verdict;
    }

    private static long RunPipe(ReadOnlyMemory<byte> input)
    {
        using MemoryStream stream = new(input[(input.Length / 2)..].ToArray());
        PipeChunks chunks = new(stream, input[..(input.Length / 2)]);
        long verdict = 0;
        try
        {
            while (Now(chunks.ReadAsync(CancellationToken.None)) is (var kind, var payload))
            {
                verdict = Verdict.With(verdict, Verdict.With((long)kind, Verdict.Of(payload.Span)));
                if (kind == PipeChunk.Status)
                    return Verdict.With(verdict, PipeChunks.ParseStatus(payload).Ok ? 1 : 2);
            }
        }
        catch (InvalidDataException)
        {
            // The connection is closed.
        }

        return verdict;
    }

    // A stream in memory keeps nobody waiting.
    private static T Now<T>(ValueTask<T> work)
    {
        if (!work.IsCompleted)
            throw new FindingException("It waits, and all is there.");
#pragma warning disable VSTHRD002, CA2012 // It has ended.
        return work.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002, CA2012
    }
}
