using FsCheck;
using FsCheck.Fluent;
using Meshara.Core;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>An old and a new key of one peer, in any order.</summary>
public sealed class MeshSuccessionPropertyTests
{
    private static readonly NodeId Old = Ids.Of(0xA0), New = Ids.Of(0xB0);
    private static readonly PeerAddress AtOld = new("host", 4040, Old);

    [Fact]
    public void AnyOrder_OfOldAndNewKeys_OneLinkAtMostAndTheTargetNeverSticks() =>
        Prop.ForAll(Gen.Choose(0, (6 * 50) - 1).ArrayOf().ToArbitrary(), script =>
        {
            // Between the two keys, so that each decides on its own links.
            MeshScript s = new(Ids.Of(0xA5), AdmissionMode.KnownPeers);
            s.Mesh.HandleAdd(null, AtOld, keepForever: true, s.Now);
            List<long> dials = [], greeting = [], links = [];
            Collect(s, greeting, links, dials);
            foreach (int step in script)
            {
                Step(s, step / 50, step % 50, greeting, links, dials);
                if (links.Count > 1)
                {
                    return false.Label($"{links.Count} links");
                }
            }

            // Whatever happened, the peer is dialled again in the end, if there is no link.
            for (int i = 0; i < 10; i++)
            {
                foreach (long connection in greeting.Concat(dials).ToArray())
                {
                    s.Fail(connection, MesharaErrorCode.ConnectFailed);
                }

                links.ForEach(link => s.Lose(link));
                greeting.Clear();
                dials.Clear();
                links.Clear();
                Collect(s, greeting, links, dials);
            }

            s.Advance(200);
            Collect(s, greeting, links, dials);
            return (dials.Count == 1).Label($"{dials.Count} dials");
        }).Check(Seeded.With(20_260_102).WithMaxTest(500));

    private static void Step(MeshScript s, int what, int which, List<long> greeting, List<long> links, List<long> dials)
    {
        long[] open = [.. greeting, .. dials];
        switch (what)
        {
            case 0:
                greeting.Add(Accept(s, Old, []));
                break;
            case 1:
                greeting.Add(Accept(s, New, [Old]));
                break;
            case 2 when dials.Count > 0:
                long answered = dials[which % dials.Count];
                dials.Remove(answered);
                greeting.Add(answered);
                Hello(s, answered, which % 2 == 0 ? Old : New, which % 2 == 0 ? [] : [Old]);
                break;
            case 3 when greeting.Count > 0:
                s.Mesh.HandleReadyReceived(greeting[which % greeting.Count], s.Now);
                break;
            case 4 when open.Length + links.Count > 0:
                long lost = open.Concat(links).ElementAt(which % (open.Length + links.Count));
                s.Fail(lost, MesharaErrorCode.ConnectFailed);
                s.Lose(lost);
                greeting.Remove(lost);
                links.Remove(lost);
                dials.Remove(lost);
                break;
            case 5:
                s.Advance(which);
                break;
        }

        Collect(s, greeting, links, dials);
    }

    private static void Collect(MeshScript s, List<long> greeting, List<long> links, List<long> dials)
    {
        foreach (MeshAction action in s.Take())
        {
            switch (action)
            {
                case MeshAction.Dial a:
                    dials.Add(a.Connection);
                    break;
                case MeshAction.LinkUp a:
                    greeting.Remove(a.Connection);
                    dials.Remove(a.Connection);
                    links.Add(a.Connection);
                    break;
                case MeshAction.CloseLink a:
                    links.Remove(a.Connection);
                    s.Lose(a.Connection, a.Reason);
                    break;
                case MeshAction.SendRefuse { Connection: var c }:
                    Gone(c);
                    break;
                case MeshAction.SendGoodbye { Connection: var c }:
                    Gone(c);
                    break;
                case MeshAction.Abort { Connection: var c }:
                    Gone(c);
                    break;
            }
        }

        void Gone(long connection)
        {
            greeting.Remove(connection);
            dials.Remove(connection);
        }
    }

    private static void Hello(MeshScript s, long connection, NodeId id, NodeId[] succeeds) =>
        s.Mesh.HandleHello(
            connection,
            new PeerFacts(id, 1) { Succeeds = [.. succeeds.Select(o => new Predecessor(o, DateTimeOffset.UnixEpoch, s.Now + TimeSpan.FromSeconds(1000)))] },
            s.Now);

    private static long Accept(MeshScript s, NodeId id, NodeId[] succeeds)
    {
        long connection = s.Mesh.HandleAccepted("10.0.0.1:1000");
        Hello(s, connection, id, succeeds);
        return connection;
    }
}
