using System.Runtime.CompilerServices;
using Meshara.Core.Policy;
using Meshara.Mdns;

namespace Meshara.Discovery;

/// <summary>The local network of this machine.</summary>
internal sealed class MdnsNetwork : ILocalNetwork
{
    public IReadOnlyList<InterfaceState> Interfaces => [];

    public static Task<ILocalNetwork> OpenAsync(MdnsSettings settings, CancellationToken cancellationToken) => Task.FromResult<ILocalNetwork>(new MdnsNetwork());

    public IReadOnlyList<LanInterface> Scan() => LanScan.Now();

    public Task<(string InstanceName, IAsyncDisposable Publication)> PublishAsync(ServiceProfile profile, CancellationToken cancellationToken) => throw new NotSupportedException("not yet");

    public async IAsyncEnumerable<ServiceChange> BrowseAsync(string serviceType, BrowseOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
        yield break;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
