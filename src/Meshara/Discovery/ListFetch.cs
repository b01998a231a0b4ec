using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Meshara.Discovery;

/// <summary>One GET of a list of peers: HTTPS alone, also where it is sent elsewhere; at most 1 MiB, within 10 s.</summary>
internal static class ListFetch
{
    public static readonly TimeSpan Within = TimeSpan.FromSeconds(10);

    private const int MaxRedirects = 5;

    /// <summary>What fetches where the caller brings nothing else.</summary>
    public static HttpMessageHandler NewHandler() => new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = Within,
        MaxResponseHeadersLength = 16,
    };

    /// <summary>Fetches it.</summary>
    /// <returns>The bytes, or why there are none: a sentence.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async Task<(byte[]? Bytes, string? Why)> GetAsync(HttpMessageInvoker http, Uri list, TimeProvider time, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = new(Within, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await FollowAsync(http, list, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, $"It did not come within {Within.TotalSeconds:0} s.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, e is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } fault ? TlsFault(fault, list) : $"{e.Message.TrimEnd('.')}.");
        }
    }

    // The framework's words send people to an exception that they cannot see; which of the checks failed stands in it by its name.
    private static string TlsFault(HttpRequestException fault, Uri list)
    {
        string inner = (fault.InnerException?.Message ?? fault.Message).TrimEnd('.');
        return Says(nameof(X509ChainStatusFlags.NotTimeValid)) ? "The server's certificate has expired or is not valid yet. Renew it there, or set the clock here."
            : Says(nameof(SslPolicyErrors.RemoteCertificateNameMismatch)) ? $"The server's certificate is for another name than '{list.Host}'. Write the name that it has, or give the server a certificate for this one."
            : Says(nameof(X509ChainStatusFlags.UntrustedRoot)) || Says(nameof(X509ChainStatusFlags.PartialChain))
                ? "The server's certificate is signed by nobody whom this system trusts. Put the certificate of its authority into the system's store, or on Linux start the node with SSL_CERT_FILE=ca.pem before the command."
            : $"There is no TLS connection to the server: {inner}.";

        bool Says(string what) => inner.Contains(what, StringComparison.Ordinal);
    }

    private static async Task<(byte[]? Bytes, string? Why)> FollowAsync(HttpMessageInvoker http, Uri list, CancellationToken cancellationToken)
    {
        Uri at = list;
        for (int redirects = 0; ; redirects++)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, at);
            using HttpResponseMessage response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                return await ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
            }

            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
            {
                return (null, $"The server answered {(int)response.StatusCode}.");
            }

            at = new Uri(at, location);
            if (at.Scheme != Uri.UriSchemeHttps)
            {
                return (null, $"The server sends elsewhere, to {Printable.Quote(at.ToString())}, which is not https.");
            }

            if (redirects == MaxRedirects)
            {
                return (null, $"The server sends elsewhere more than {MaxRedirects} times.");
            }
        }
    }

    private static async Task<(byte[]? Bytes, string? Why)> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        Stream body = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            byte[] buffer = new byte[StaticPeersText.MaxBytes + 1];
            int length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            return length < buffer.Length ? (buffer[..length], null) : (null, $"It has more than {StaticPeersText.MaxBytes} bytes.");
        }
    }
}
