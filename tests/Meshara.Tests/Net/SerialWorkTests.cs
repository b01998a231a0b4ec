using Meshara.Net;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Net;

public sealed class SerialWorkTests
{
    [Fact]
    public async Task Work_ManyAtOnce_OneAfterTheOtherInOrder()
    {
        List<Exception> faults = [];
        SerialWork work = new(faults.Add);
        List<int> done = [];
        TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<bool> held = work.DoAsync(
            async () =>
            {
                await first.Task;
                done.Add(0);
                return true;
            },
            CancellationToken.None);
        work.Post(() => done.Add(1));
        work.Post(() => throw new InvalidOperationException("for the log"));
        Task<int> last = work.DoAsync(() => done.Count, CancellationToken.None);
        Assert.Empty(done);

        first.SetResult();

        Assert.Equal(2, await last.WaitAsync(NodeBed.Guard));
        Assert.True(await held);
        Assert.Equal([0, 1], done);
        Assert.IsType<InvalidOperationException>(Assert.Single(faults));
        await work.StopAsync().WaitAsync(NodeBed.Guard);
    }

    [Fact]
    public async Task Stop_WorkIsWaiting_IsDoneAndNothingMoreIsTaken()
    {
        SerialWork work = new(static _ => { });
        bool done = false;
        work.Post(() => done = true);

        await work.StopAsync().WaitAsync(NodeBed.Guard);

        Assert.True(done);
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => work.DoAsync(() => 1, CancellationToken.None));
        Assert.Equal(MesharaErrorCode.NodeStopped, e.Code);
    }

    [Fact]
    public async Task Do_CancelledBeforeItBegins_IsNotDone()
    {
        SerialWork work = new(static _ => { });
        bool done = false;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => work.DoAsync(() => done = true, new CancellationToken(canceled: true)).WaitAsync(NodeBed.Guard));

        await work.StopAsync().WaitAsync(NodeBed.Guard);
        Assert.False(done);
    }
}
