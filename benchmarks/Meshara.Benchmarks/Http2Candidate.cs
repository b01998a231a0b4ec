using System.Net;

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Meshara.Benchmarks;

/// <summary>One HTTP/2 request whose two bodies stay open, as a duplex stream of gRPC does.</summary>
internal sealed class Http2Candidate() : KestrelCandidate(HttpProtocols.Http2)
{
    public override string Name => "HTTP/2 on Kestrel";

    protected override async Task ServeAsync(HttpContext context, CancellationToken cancellationToken)
    {
        // The parent gets its response before it has sent anything.
        await context.Response.Body.FlushAsync(cancellationToken);
        await new RawServer(context.Request.Body, context.Response.Body).RunAsync(cancellationToken);
    }

    protected override async Task<IClient> ConnectAsync(HttpMessageInvoker http, int port, CancellationToken cancellationToken)
    {
        OpenBody body = new();
        HttpRequestMessage request = new(HttpMethod.Post, $"https://127.0.0.1:{port}/")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body,
        };
        HttpResponseMessage response = await http.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
        Stream incoming = await response.Content.ReadAsStreamAsync(cancellationToken);
        return new RawClient(incoming, await body.Stream, new Exchange(http, body, incoming));
    }

    /// <summary>A body of unknown length: whoever has <see cref="Stream"/> writes it until <see cref="End"/>.</summary>
    private sealed class OpenBody : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Stream> Stream => _stream.Task;

        public void End() => _end.TrySetResult();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _stream.TrySetResult(stream);
            return _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private sealed class Exchange(HttpMessageInvoker http, OpenBody body, Stream incoming) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            body.End();
            // The child ends its body when it has read the end of ours.
            await incoming.CopyToAsync(Stream.Null);
            await incoming.DisposeAsync();
            http.Dispose();
        }
    }
}
