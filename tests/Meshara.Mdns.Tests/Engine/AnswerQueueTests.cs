using System.Net;
using Meshara.Mdns.Engine;
using Meshara.Mdns.Wire;
using Xunit;

namespace Meshara.Mdns.Tests.Engine;

public sealed class AnswerQueueTests
{
    // What is asked for and defended at once, while the link may send nothing, lost the shorter limit of a defence: it came a second after the last time, when the prober had the name.
    [Fact]
    public void Advance_NothingMayBeSent_WaitsAsItWas_Rfc6762_6()
    {
        EngineConfig config = new(PacketsPerSecond: 10);
        LinkState link = new(QuerierNet.Eth4, QuerierNet.Interface(QuerierNet.Eth4), config);
        Outbox outbox = new();
        AnswerQueue queue = new(link, new ResponsePacker(), outbox);
        TimeSpan now = TimeSpan.FromSeconds(100);
        OwnSet set = Held();
        set.LastMulticast = now - TimeSpan.FromMilliseconds(300);
        queue.AddMulticast(set, now, now);
        queue.AddMulticast(set, now, now, isDefence: true);
        while (link.Budget.TryTakeAnswer(now))
        {
            // Questions of others have had it all.
        }

        queue.Advance(now);
        Assert.False(outbox.TryTake(out _));
        TimeSpan next = queue.NextDeadline!.Value;
        Assert.InRange(next - now, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(101));
        queue.Advance(next);
        Assert.IsType<EngineAction.Send>(outbox.TryTake(out EngineAction? action) ? action : null);
        Assert.Equal(0, queue.Count);
    }

    private static OwnSet Held()
    {
        NameClaim claim = new(new OwnName("printer", DnsName.Local, isHost: true));
        claim.Restart(TimeSpan.Zero);
        claim.Succeed();
        OwnSet set = new([new DnsRecord(claim.Owner.Name, 120, new AddressData(IPAddress.Parse("10.0.0.1")), cacheFlush: true)], isUnique: true);
        set.RestsOn(claim, claim);
        return set;
    }
}
