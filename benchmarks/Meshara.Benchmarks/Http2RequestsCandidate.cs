using System.Net;

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Meshara.Benchmarks;

/// <summary>What a request is elsewhere: a POST with an answer of its own, all over one connection.</summary>
internal sealed class Http2RequestsCandidate() : KestrelCandidate(HttpProtocols.Http2)
{
    public override string Name => "HTTP/2 POST on Kestrel";

    public override bool Supports(Workload workload) => workload.Shape is Shape.RoundTrip or Shape.InFlight;

    protected override Task ServeAsync(HttpContext context, CancellationToken cancellationToken)
    {
        context.Response.ContentLength = context.Request.ContentLength;
        return context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter, cancellationToken);
    }

    protected override async Task<IClient> ConnectAsync(HttpMessageInvoker http, int port, CancellationToken cancellationToken)
    {
        Client client = new(http, new Uri($"https://127.0.0.1:{port}/"));
        // One request before the many: all of them find the connection that it made.
        await client.RequestAsync([], cancellationToken);
        return client;
    }

    private sealed class Client(HttpMessageInvoker http, Uri uri) : IClient
    {
        public async Task<TimeSpan> RunAsync(Workload workload, long count, double[] roundTrips, CancellationToken cancellationToken)
        {
            byte[] payload = new byte[workload.Size];
            long start = Clock.Now;
            if (workload.Shape == Shape.InFlight)
            {
                await workload.ShareAsync(count, share => RequestsAsync(payload, share, cancellationToken));
            }

            for (int i = 0; i < roundTrips.Length; i++)
            {
                long sent = Clock.Now;
                await RequestAsync(payload, cancellationToken);
                roundTrips[i] = Clock.Since(sent).TotalMicroseconds;
            }

            return Clock.Since(start);
        }

        public async Task RequestAsync(byte[] payload, CancellationToken cancellationToken)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, uri)
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(payload),
            };
            using HttpResponseMessage response = await http.SendAsync(request, cancellationToken);
            byte[] echo = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            if (!response.IsSuccessStatusCode || echo.Length != payload.Length)
            {
                throw new InvalidDataException($"The child answered {(int)response.StatusCode} with {echo.Length} bytes.");
            }
        }

        public ValueTask DisposeAsync()
        {
            http.Dispose();
            return ValueTask.CompletedTask;
        }

        private async Task RequestsAsync(byte[] payload, long count, CancellationToken cancellationToken)
        {
            for (; count > 0; count--)
            {
                await RequestAsync(payload, cancellationToken);
            }
        }
    }
}
