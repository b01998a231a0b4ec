using System.Net.WebSockets;

using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Meshara.Benchmarks;

/// <summary>A WebSocket (RFC 6455): each write is one binary message, not compressed, masked on its way to the child.</summary>
internal sealed class WebSocketCandidate() : KestrelCandidate(HttpProtocols.Http1)
{
    public override string Name => "WebSocket on Kestrel";

    protected override async Task ServeAsync(HttpContext context, CancellationToken cancellationToken)
    {
        await using WebSocketStream stream = Open(await context.WebSockets.AcceptWebSocketAsync());
        await new RawServer(stream, stream).RunAsync(cancellationToken);
    }

    protected override async Task<IClient> ConnectAsync(HttpMessageInvoker http, int port, CancellationToken cancellationToken)
    {
        ClientWebSocket socket = new();
        await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{port}/"), http, cancellationToken);
        WebSocketStream stream = Open(socket);
        return new RawClient(stream, stream, stream);
    }

    private static WebSocketStream Open(WebSocket socket) => WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true);
}
