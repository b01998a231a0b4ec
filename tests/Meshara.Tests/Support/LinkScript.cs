using System.Buffers.Binary;
using System.Collections.Concurrent;

namespace Meshara.Tests.Support;

/// <summary>What one side of a pair does in a random run, and what it saw. Each thread has a message protocol of its own, so that order has a meaning.</summary>
internal sealed class LinkScript(LinkSide side, LinkSide other, LinkLimits limits)
{
    public const int Threads = 4;

    private readonly ConcurrentDictionary<string, List<int>> _received = new();
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<int, bool>> _accepted = new();
    private int _thrown;

    /// <summary>What must not have happened.</summary>
    public ConcurrentQueue<string> Wrong { get; } = new();

    /// <summary>Handlers on this side that threw because they were told to.</summary>
    public int Thrown => Volatile.Read(ref _thrown);

    public void AddHandlers()
    {
        for (int i = 0; i < Threads; i++)
        {
            string protocol = $"m{i}";
            List<int> received = _received[protocol] = [];
            side.Handlers.AddMessages(protocol, async (message, _) =>
            {
                (int number, bool throws) = Check(message.Payload.Span);
                received.Add(number);
                await PauseAsync(number % 3);
                ThrowIf(throws);
            });
        }

        side.Handlers.AddRequests("r", async (message, stop) =>
        {
            (int number, bool throws) = Check(message.Payload.Span);
            await PauseAsync(number % 5);
            ThrowIf(throws);
            return Bytes(number, number * 7919 % limits.MaxMessage, false);
        });
        side.Handlers.AddStreams("s", ServeAsync);
    }

    /// <summary>Does the steps in their order, each thread by itself; ends when all has been answered or failed.</summary>
    public Task RunAsync(uint[] steps) => Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
    {
        List<Task> open = [];
        for (int i = thread; i < steps.Length; i += Threads)
        {
            uint step = steps[i];
            await PauseAsync((int)(step >> 28));
            Task doing = GuardAsync(StepAsync(step, thread, i));
            if ((step & 0x100) != 0)
            {
                await doing;
            }

            open.Add(doing);
        }

        await Task.WhenAll(open);
    })));

    /// <summary>What the other side handled of what this side sent: once, in order, all that was accepted.</summary>
    public void CheckReceivedBy(LinkScript receiver, bool all)
    {
        foreach ((string protocol, List<int> got) in receiver._received)
        {
            ConcurrentDictionary<int, bool> accepted = _accepted.GetValueOrDefault(protocol) ?? new();
            if (!got.SequenceEqual(got.Distinct().Order()))
            {
                Wrong.Enqueue($"{protocol}: twice or out of order: {string.Join(' ', got)}");
            }

            int[] missing = [.. accepted.Where(a => a.Value).Select(a => a.Key).Except(got)];
            if (all && missing.Length > 0)
            {
                Wrong.Enqueue($"{protocol}: accepted and never handled: {string.Join(' ', missing)}");
            }

            if (got.Except(accepted.Keys).Any())
            {
                Wrong.Enqueue($"{protocol}: never sent");
            }
        }
    }

    private async Task StepAsync(uint step, int thread, int number)
    {
        bool throws = (step & 0x200) != 0;
        int length = (step & 0xC00) == 0 ? (int)(step >> 12) % limits.MaxMessage : (int)(step >> 12) % 2000;
        using CancellationTokenSource cancel = new();
        Task cancelling = (step & 0x3000) == 0 ? CancelAsync(cancel, (int)(step >> 16) % 30) : Task.CompletedTask;
        switch (step % 5)
        {
            case 0 or 1:
                await SendAsync($"m{thread}", Bytes(number, length, throws), step % 5 == 1, cancel.Token);
                break;
            case 2:
                byte[] reply = await side.Link.RequestAsync("r", Bytes(number, length, throws), Timeout.InfiniteTimeSpan, cancel.Token);
                if (Check(reply).Number != Math.Max(0, reply.Length >= 8 ? number : 0))
                {
                    Wrong.Enqueue("the reply to another request");
                }

                break;
            case 3:
                await side.Link.RequestAsync("nobody", Bytes(number, length, throws), Timeout.InfiniteTimeSpan, cancel.Token);
                break;
            default:
                await StreamAsync(step, cancel.Token);
                break;
        }

        await cancelling;
    }

    private async Task SendAsync(string protocol, byte[] message, bool acknowledged, CancellationToken cancellationToken)
    {
        ConcurrentDictionary<int, bool> accepted = _accepted.GetOrAdd(protocol, _ => new());
        int number = BinaryPrimitives.ReadInt32LittleEndian(message);
        accepted[number] = false;
        await (acknowledged ? side.Link.SendAcknowledgedAsync(protocol, message, cancellationToken) : side.Link.SendAsync(protocol, message, cancellationToken));
        accepted[number] = true;
    }

    // The first byte tells the other side what to do with the rest.
    private async Task StreamAsync(uint step, CancellationToken cancellationToken)
    {
        byte mode = (byte)((step >> 16) % 5);
        byte[] sent = new byte[1 + ((step >> 8) % 40_000)];
        sent[0] = mode;
        await using MeshStream stream = side.Link.OpenStream("s");
        Task writing = WriteAsync();
        if ((step & 0x8000) != 0)
        {
            await PauseAsync((int)(step >> 20) % 40);
            if ((step & 0x4000) != 0)
            {
                stream.Abort(300);
            }

            await stream.DisposeAsync();
            await writing;
            return;
        }

        using MemoryStream got = new();
        await stream.CopyToAsync(got, cancellationToken);
        await writing;
        if (mode == 0 && !got.ToArray().AsSpan().SequenceEqual(sent))
        {
            Wrong.Enqueue($"an echo of {got.Length} bytes instead of {sent.Length}");
        }

        async Task WriteAsync()
        {
            await GuardAsync(stream.WriteAsync(sent, cancellationToken).AsTask());
            stream.CompleteWrites();
        }
    }

    private async ValueTask ServeAsync(MeshStream stream, CancellationToken stop)
    {
        byte[] buffer = new byte[3000];
        int read = await stream.ReadAsync(buffer, stop);
        byte mode = read == 0 ? (byte)4 : buffer[0];
        switch (mode)
        {
            case 0:
                for (; read > 0; read = await stream.ReadAsync(buffer, stop))
                {
                    await stream.WriteAsync(buffer.AsMemory(0, read), stop);
                }

                break;
            case 1:
                return;
            case 2:
                stream.Abort(301);
                break;
            case 3:
                ThrowIf(true);
                break;
            default:
                await stream.CopyToAsync(Stream.Null, stop);
                break;
        }
    }

    // Everything ends in a result or in one of the errors that the API names.
    private async Task GuardAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
        }
        catch (MesharaException error) when (error.Code is MesharaErrorCode.GoingAway or MesharaErrorCode.LinkClosed or MesharaErrorCode.HandlerFailed
            or MesharaErrorCode.UnknownProtocol or MesharaErrorCode.StreamReset)
        {
        }
        catch (Exception error)
        {
            Wrong.Enqueue(error.ToString());
        }
    }

    private void ThrowIf(bool throws)
    {
        if (throws)
        {
            Interlocked.Increment(ref _thrown);
            throw new InvalidOperationException("as told");
        }
    }

    private static async Task CancelAsync(CancellationTokenSource cancel, int after)
    {
        await PauseAsync(after);
        await cancel.CancelAsync();
    }

    private static async Task PauseAsync(int yields)
    {
        for (; yields > 0; yields--)
        {
            await Task.Yield();
        }
    }

    private static byte[] Bytes(int number, int length, bool throws)
    {
        byte[] bytes = new byte[Math.Max(8, length)];
        bytes.AsSpan(8).Fill((byte)number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        bytes[4] = throws ? (byte)1 : (byte)0;
        return bytes;
    }

    private (int Number, bool Throws) Check(ReadOnlySpan<byte> bytes)
    {
        int number = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        if (bytes[8..].ContainsAnyExcept((byte)number))
        {
            Wrong.Enqueue($"message {number} of {other.Link.PeerId.ToShortString()} has other bytes");
        }

        return (number, bytes[4] != 0);
    }
}
