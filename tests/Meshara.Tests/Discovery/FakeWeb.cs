using System.Collections.Concurrent;
using System.Net;

namespace Meshara.Tests.Discovery;

/// <summary>A web of its own: answers by address, and keeps what was asked for.</summary>
internal sealed class FakeWeb : HttpMessageHandler
{
    private readonly ConcurrentDictionary<string, Func<CancellationToken, Task<HttpResponseMessage>>> _answers = new(StringComparer.Ordinal);

    public ConcurrentQueue<string> Asked { get; } = new();

    public void Serve(string address, byte[] body) => _answers[address] = _ => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(body) });

    public void Serve(string address, string body) => Serve(address, NodeBytes(body));

    public void Serve(string address, HttpStatusCode status) => _answers[address] = _ => Task.FromResult(new HttpResponseMessage(status));

    public void Redirect(string address, string to) => _answers[address] = _ => Task.FromResult(new HttpResponseMessage(HttpStatusCode.Found) { Headers = { Location = new Uri(to, UriKind.RelativeOrAbsolute) } });

    /// <summary>Answers with a body that never comes.</summary>
    public void Hang(string address) => _answers[address] = async token =>
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token);
        throw new InvalidOperationException("never");
    };

    public void Stream(string address, Stream body) => _answers[address] = _ => Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(body) });

    /// <summary>The host is not there.</summary>
    public void Remove(string address) => _answers.TryRemove(address, out _);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        string address = request.RequestUri!.AbsoluteUri;
        Asked.Enqueue(address);
        return _answers.TryGetValue(address, out Func<CancellationToken, Task<HttpResponseMessage>>? answer)
            ? answer(cancellationToken)
            : Task.FromException<HttpResponseMessage>(new HttpRequestException(HttpRequestError.ConnectionError, $"No route to {request.RequestUri.Host}"));
    }

    private static byte[] NodeBytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);
}
