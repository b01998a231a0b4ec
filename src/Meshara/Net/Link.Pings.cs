namespace Meshara.Net;

// PINGs of the mesh and of the application, wire protocol section 7.1.
internal sealed partial class Link
{
    /// <summary>Sends a PING; null when so many are unanswered that none may follow.</summary>
    /// <returns>Its nonce.</returns>
    public ulong? SendPing()
    {
        bool sent = false;
        ulong nonce = 0;

        // Numbered and queued under one hold of the gate: in another order the peer's PONGs would come in an order that is an error.
        _outbox.Say(control =>
        {
            sent = _pings.TryAdd(out nonce);
            if (sent)
            {
                control.Ping(nonce);
            }
        });
        return sent ? nonce : null;
    }

    /// <summary>From a PING to its PONG; callers that come together share one.</summary>
    public async Task<TimeSpan> PingAsync(CancellationToken cancellationToken)
    {
        Task<TimeSpan>? answered = null;
        _outbox.Say(control =>
        {
            answered = _pings.Measure(out ulong? nonce);
            if (nonce is { } send)
            {
                control.Ping(send);
            }
        });
        try
        {
            return await answered!.WaitAsync(_p.Timeouts.PongWithin, _p.Clock.Provider, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new MesharaException(
                MesharaErrorCode.RequestTimeout,
                $"{PeerId.ToShortString()} did not answer a PING within {_p.Timeouts.PongWithin.TotalSeconds:0.###} s. The link is still open: the network or that machine may be slow.",
                isTransient: true,
                innerException: e);
        }
    }
}
