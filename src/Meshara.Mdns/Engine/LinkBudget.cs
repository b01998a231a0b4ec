using System.Net;

namespace Meshara.Mdns.Engine;

/// <summary>How many packets a link may send: three buckets, so that no flood of questions takes the voice of what is ours to say.</summary>
/// <remarks>
/// Own traffic (probes, announcements, goodbyes, queries) and multicast answers: <c>rate</c> a second each, after a burst of twice as many. Unicast answers: twice the rate, without a burst of more
/// than a second's, and 10 a second to one address, since the address may be forged (40 bytes in, 1440 out).
/// </remarks>
internal sealed class LinkBudget(int rate)
{
    /// <summary>Most unicast answers a second to one address.</summary>
    public const int UnicastPerAddress = 10;

    /// <summary>Most addresses told apart; when all are in use, further ones share one.</summary>
    private const int MaxAddresses = 256;

    private readonly TokenBucket _own = new(rate, 2 * rate);
    private readonly TokenBucket _answers = new(rate, 2 * rate);
    private readonly TokenBucket _unicast = new(2 * rate, 2 * rate);
    private readonly TokenBucket _others = new(UnicastPerAddress, UnicastPerAddress);
    private readonly Dictionary<IPAddress, TokenBucket> _addresses = [];

    /// <summary>Takes the right to send one packet of our own.</summary>
    public bool TryTakeOwn(TimeSpan now) => _own.TryTake(now);

    /// <summary>When the next packet of our own may go.</summary>
    public TimeSpan NextOwn(TimeSpan now) => _own.NextAt(now);

    /// <summary>Takes the right to send one answer to the group.</summary>
    public bool TryTakeAnswer(TimeSpan now) => _answers.TryTake(now);

    /// <summary>When the next answer to the group may go.</summary>
    public TimeSpan NextAnswer(TimeSpan now) => _answers.NextAt(now);

    /// <summary>Takes the right to send one answer to this address.</summary>
    public bool TryTakeUnicast(IPAddress to, TimeSpan now)
    {
        if (!_addresses.TryGetValue(to, out TokenBucket? bucket))
        {
            if (_addresses.Count >= MaxAddresses)
                RemoveIdle(now);
            bucket = _others;
            if (_addresses.Count < MaxAddresses)
                _addresses.Add(to, bucket = new TokenBucket(UnicastPerAddress, UnicastPerAddress));
        }

        return bucket.NextAt(now) <= now && _unicast.TryTake(now) && bucket.TryTake(now);
    }

    private void RemoveIdle(TimeSpan now)
    {
        foreach ((IPAddress address, TokenBucket bucket) in _addresses)
        {
            if (bucket.IsFull(now))
                _addresses.Remove(address);
        }
    }
}

/// <summary>Tokens that come at a steady rate up to a most; one for each packet.</summary>
internal sealed class TokenBucket(int perSecond, int burst)
{
    private double _tokens = burst;
    private TimeSpan _at;

    public bool TryTake(TimeSpan now)
    {
        Fill(now);
        if (_tokens < 1)
            return false;
        _tokens--;
        return true;
    }

    /// <summary>When a token is there; never before <paramref name="now"/>.</summary>
    public TimeSpan NextAt(TimeSpan now)
    {
        Fill(now);

        // A tick more than exact: what comes due finds its token.
        return _tokens >= 1 ? now : now + TimeSpan.FromSeconds((1 - _tokens) / perSecond) + TimeSpan.FromTicks(1);
    }

    public bool IsFull(TimeSpan now)
    {
        Fill(now);
        return _tokens >= burst;
    }

    private void Fill(TimeSpan now)
    {
        if (now <= _at)
            return;
        _tokens = Math.Min(burst, _tokens + ((now - _at).TotalSeconds * perSecond));
        _at = now;
    }
}
