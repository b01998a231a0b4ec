using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

/// <summary>Several ids that the operator believes at one host and port.</summary>
public sealed class MeshOneAddressTests
{
    private static readonly PeerAddress First = new("10.1.0.1", 4040, Ids.Of(0x10)), Second = First with { Id = Ids.Of(0x20) };

    private readonly MeshScript _s = new(Ids.Of(0x01), AdmissionMode.KnownPeers);

    // A dead address is tried at one pace, and neither id is forgotten over the other.
    [Fact]
    public void Due_NobodyIsThere_NeverTwoAtOnceAndBothAsOften()
    {
        Want(First);
        Want(Second);
        List<NodeId> tried = [];
        for (int i = 0; i < 5000 && tried.Count < 24; i++)
        {
            _s.Advance(1);
            if (_s.Take().OfType<MeshAction.Dial>().ToArray() is { Length: > 0 } dials)
            {
                MeshAction.Dial dial = Assert.Single(dials);
                tried.Add(dial.Address.Id!.Value);
                _s.Fail(dial.Connection, MesharaErrorCode.ConnectFailed);
            }
        }

        Assert.InRange(tried.TakeLast(12).Count(id => id == First.Id), 5, 7);
    }

    // The one that waits for the other's outcome hears nothing when that is a link: it has a time of its own.
    [Fact]
    public void Due_TheOtherIsDialledAndAnswers_ThisOneIsDialledAfterAll()
    {
        Want(First);
        Want(Second);
        MeshAction.Dial? dial = null;
        for (int i = 0; i < 100 && dial is null; i++)
        {
            _s.Advance(1);
            dial = _s.Take().OfType<MeshAction.Dial>().SingleOrDefault();
        }

        _s.Answered(dial!.Connection, dial.Address.Id!.Value);
        _s.Take();
        _s.Advance(120);

        PeerAddress left = dial.Address == First ? Second : First;
        Assert.Equal(left, Assert.Single(_s.Take().OfType<MeshAction.Dial>()).Address);
    }

    // A peer that asked for five minutes has them, although it was dialled before the other.
    [Fact]
    public void Due_TheOtherAskedForTime_ItIsNotDialledInThisOnesPlace()
    {
        _s.Mesh.HandleAdd(null, Second, keepForever: true, _s.Now);
        _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.Full, byPeer: true, peer: Second.Id, retryAfter: 60);
        Want(First);

        _s.Advance(20);

        Assert.Equal(First, Assert.Single(_s.Take().OfType<MeshAction.Dial>()).Address);
    }

    private void Want(PeerAddress address)
    {
        _s.Mesh.HandleAdd(null, address, keepForever: true, _s.Now);
        _s.Fail(_s.Single<MeshAction.Dial>().Connection, MesharaErrorCode.ConnectFailed);
        _s.Take();
    }
}
