using System.Threading.Channels;

namespace Meshara.Net;

/// <summary>Work done one after the other, in the order in which it was given.</summary>
internal sealed class SerialWork
{
    private readonly Channel<Func<Task>> _queue = Channel.CreateUnbounded<Func<Task>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Action<Exception> _onFault;
    private readonly Task _loop;
    private volatile bool _abandoned;

    /// <summary>Begins to wait for work.</summary>
    /// <param name="onFault">Hears of faults that nobody waits for.</param>
    public SerialWork(Action<Exception> onFault)
    {
        _onFault = onFault;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Gives work that nobody waits for. After <see cref="StopAsync"/> it is not done.</summary>
    public void Post(Action work) => _queue.Writer.TryWrite(() =>
    {
        if (!_abandoned)
        {
            work();
        }

        return Task.CompletedTask;
    });

    /// <summary>Gives work and waits for its result.</summary>
    /// <param name="work">What is to be done.</param>
    /// <param name="cancellationToken">Gives up as long as it has not begun.</param>
    /// <exception cref="MesharaException"><see cref="MesharaErrorCode.NodeStopped"/>: too late.</exception>
    public async Task<T> DoAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool taken = _queue.Writer.TryWrite(async () =>
        {
            try
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (_abandoned)
                {
                    throw Stopped();
                }

                done.TrySetResult(await work().ConfigureAwait(false));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                done.TrySetCanceled(cancellationToken);
            }
            catch (Exception fault)
            {
                done.TrySetException(fault);
            }
        });
        return taken ? await done.Task.ConfigureAwait(false) : throw Stopped();
    }

    /// <inheritdoc cref="DoAsync{T}(Func{Task{T}}, CancellationToken)"/>
    public Task<T> DoAsync<T>(Func<T> work, CancellationToken cancellationToken) => DoAsync(() => Task.FromResult(work()), cancellationToken);

    /// <summary>Ends when all that was given is done; nothing more is taken.</summary>
    public Task StopAsync()
    {
        _queue.Writer.TryComplete();
        return _loop;
    }

    /// <summary>What has not begun is not done.</summary>
    public void Abandon()
    {
        _abandoned = true;
        _queue.Writer.TryComplete();
    }

    private static MesharaException Stopped() => new(MesharaErrorCode.NodeStopped, "The node has been stopped.");

    private async Task RunAsync()
    {
        await foreach (Func<Task> work in _queue.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                await work().ConfigureAwait(false);
            }
            catch (Exception fault)
            {
                _onFault(fault);
            }
        }
    }
}
