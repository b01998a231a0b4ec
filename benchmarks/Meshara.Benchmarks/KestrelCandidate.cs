using System.Net;

using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Meshara.Benchmarks;

/// <summary>Something over HTTP: Kestrel in the child, SocketsHttpHandler in the parent, both with their default buffers and windows.</summary>
internal abstract class KestrelCandidate(HttpProtocols protocols) : ICandidate, IDisposable
{
    private readonly MutualTls _tls = new();

    public abstract string Name { get; }

    public virtual bool Supports(Workload workload) => workload.HasOneWriter;

    public string Introduce() => _tls.Pin;

    public async Task ServeAsync(string parent, Action<string> ready, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            // A body that stays open for the whole run.
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
            options.Limits.Http2.MaxStreamsPerConnection = Workload.Most;
            options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = protocols;
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(_tls.Server(parent)) });
            });
        });
        await using WebApplication app = builder.Build();
        app.UseWebSockets();
        app.Run(context => ServeAsync(context, cancellationToken));
        await app.StartAsync(cancellationToken);
        ready($"{new Uri(app.Urls.Single()).Port}/{Introduce()}");
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
    }

    public async Task<IClient> ConnectAsync(string address, CancellationToken cancellationToken)
    {
        string[] parts = address.Split('/');
        HttpMessageInvoker http = new(new SocketsHttpHandler { SslOptions = _tls.Client(parts[1]) });
        return await ConnectAsync(http, int.Parse(parts[0]), cancellationToken);
    }

    public void Dispose() => _tls.Dispose();

    /// <summary>The child: serves a request.</summary>
    protected abstract Task ServeAsync(HttpContext context, CancellationToken cancellationToken);

    /// <summary>The parent: connects.</summary>
    protected abstract Task<IClient> ConnectAsync(HttpMessageInvoker http, int port, CancellationToken cancellationToken);
}
