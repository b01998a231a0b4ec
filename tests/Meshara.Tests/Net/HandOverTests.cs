using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

/// <summary>What arrives alone runs on the thread of the read loop, which must not wait for it.</summary>
public sealed class HandOverTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Request_HandlerHoldsItsThread_TheLinkGoesOn()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        using ManualResetEventSlim second = new();
        pair.Acceptor.Handlers.AddRequests("first", (_, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(second.Wait(Guard, CancellationToken.None) ? new byte[] { 1 } : []));
        pair.Acceptor.Handlers.AddRequests("second", (_, _) =>
        {
            second.Set();
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(new byte[] { 2 });
        });

        Task<byte[]> first = AskAsync(pair, "first");
        Assert.Equal([2], await AskAsync(pair, "second").WaitAsync(Guard));
        Assert.Equal([1], await first.WaitAsync(Guard));
    }

    [Fact]
    public async Task Request_CallerHoldsTheThreadItGoesOnWith_TheLinkGoesOn()
    {
        await using LinkPair pair = await LinkPair.StartAsync();
        pair.Acceptor.Handlers.AddRequests("echo", static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
        bool answered = false;
        async Task CallAsync()
        {
            await pair.Dialer.Link.RequestAsync("echo", new byte[1], Guard, CancellationToken.None).ConfigureAwait(false);
#pragma warning disable VSTHRD002, VSTHRD103, xUnit1031 // To block is what is tested.
            answered = AskAsync(pair, "echo").Wait(Guard);
#pragma warning restore VSTHRD002, VSTHRD103, xUnit1031
        }

        await CallAsync().WaitAsync(Guard);

        Assert.True(answered);
    }

    // A handler is of whoever asks, not of whoever made the link.
    [Fact]
    public async Task Request_LinkMadeByACallerWithAContext_HandlerDoesNotSeeIt()
    {
        AsyncLocal<string?> context = new() { Value = "of the test" };
        await using NodeBed bed = new();
        Node alice = await bed.StartAsync(Admission.Open);
        Node bob = await bed.StartAsync(Admission.Open);
        List<string?> seen = [];
        bob.HandleRequest("r", (_, _) =>
        {
            seen.Add(context.Value);
            return ValueTask.FromResult<ReadOnlyMemory<byte>>(default);
        });
        await NodeBed.AddAsync(alice, bob);

        for (int i = 0; i < 20; i++)
        {
            await alice.RequestAsync(bob.Id, "r", new byte[1]);
        }

        Assert.Equal(20, seen.Count);
        Assert.All(seen, Assert.Null);
    }

    private static Task<byte[]> AskAsync(LinkPair pair, string protocol) =>
        pair.Dialer.Link.RequestAsync(protocol, new byte[1], Guard, CancellationToken.None).AsTask();
}
