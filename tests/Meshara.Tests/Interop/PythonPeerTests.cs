using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Meshara.Tests.Support;
using Meshara.Tests.Tidy;
using Xunit;

namespace Meshara.Tests.Interop;

/// <summary>A real node and a peer that was written in Python from the specification alone, over TCP and TLS.</summary>
public sealed class PythonPeerTests : IDisposable
{
    private const string Secret = "correct horse battery staple";
    private readonly TempFolder _folder = new();
    private readonly ConcurrentQueue<string> _heard = [];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Vectors_DecodedByPython_AgreeAll()
    {
        using Process python = PythonPeer.Script("meshara_wire.py", Repository.Absolute("specs/vectors"));
        string line = await python.StandardOutput.ReadToEndAsync().WaitAsync(NodeBed.Guard);
        await python.WaitForExitAsync().WaitAsync(NodeBed.Guard);

        JsonElement result = JsonElement.Parse(line);
        Assert.Equal("[]", result.GetProperty("wrong").GetRawText());
        Assert.True(result.GetProperty("right").GetInt32() > 200);
        Assert.Equal(0, python.ExitCode);
    }

    [Fact]
    public async Task Open_PythonPinnedAnOlderKey_FollowsTheChain()
    {
        string file = _folder["rotated.pem"];
        NodeIdentity.LoadOrCreate(file).Dispose();
        NodeIdentity.Rotate(file).Dispose();
        using NodeIdentity identity = NodeIdentity.Rotate(file);
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open, identity);
        await using PythonPeer python = PythonPeer.Dial(node, "--pin", identity.Predecessors[0].ToString(), "ping", "goodbye");

        await python.LinkedAsync();

        await python.AssertCleanEndAsync();
    }

    // The one with the smaller id sends READY first, so both orders are tried.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Open_EveryShapeBothWays_ThenGoodbyeOfPython(bool nodeIsGreater)
    {
        NodeIdentity[] identities = [NodeIdentity.Create(), NodeIdentity.Create()];
        NodeIdentity own = identities.MaxBy(i => i.Id)!;
        NodeIdentity other = identities.MinBy(i => i.Id)!;
        (own, other) = nodeIsGreater ? (own, other) : (other, own);
        using NodeIdentity keepOwn = own;
        using NodeIdentity keepOther = other;
        other.Save(_folder["key.pem"]);
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open, own);
        await using EventLog events = new(node);
        await using PythonPeer python = PythonPeer.Dial(
            node, "--key", _folder["key.pem"], "--pin", node.Id.ToString(),
            "ping", "message=chat/1,one", "acked=chat/1,two", "request=echo/1,0", "request=echo/1,10", "stream=pipe/1,1000", "heard=stream,1", "goodbye");

        Assert.Equal((other.Id, nodeIsGreater ? "S" : "G"), await python.LinkedAsync());
        await node.SendAsync(other.Id, "chat/1", "hello"u8.ToArray(), acknowledged: true).AsTask().WaitAsync(NodeBed.Guard);
        await AssertEchoAsync(node, other.Id, 10);
        await AssertPipeAsync(node, other.Id, 1000);

        await python.AssertCleanEndAsync();
        Assert.Equal(["one", "two"], _heard);
        Assert.Equal(DisconnectReason.RemoteShutdown, (await events.NextAsync<PeerDisconnected>()).Reason);
    }

    [Fact]
    public async Task Open_UnknownProtocolsAndACancelledRequest_EndOnlyTheirStreams()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using PythonPeer python = PythonPeer.Dial(
            node, "message=nobody/1,x", "request=nobody/1,5", "stream=nobody/1,5", "cancel=echo/1", "stop=pipe/1", "ping", "serve");
        (NodeId peer, _) = await python.LinkedAsync();

        Assert.Equal(2, (await python.NextAsync("answered")).GetProperty("reset").GetInt32());
        Assert.Equal(2, (await python.NextAsync("answered")).GetProperty("reset").GetInt32());
        Assert.Equal(0, (await python.NextAsync("cancelled")).GetProperty("reset").GetInt32());
        Assert.Equal(JsonValueKind.Null, (await python.NextAsync("stopped")).GetProperty("reset").ValueKind);
        await python.NextAsync("pong");
        MesharaException e = await Assert.ThrowsAsync<MesharaException>(() => node.RequestAsync(peer, "nobody/1", default).AsTask().WaitAsync(NodeBed.Guard));
        Assert.Equal(MesharaErrorCode.UnknownProtocol, e.Code);
        using CancellationTokenSource cancel = new();
        Task<byte[]> cancelled = node.RequestAsync(peer, "echo/1", new byte[900_000], cancellationToken: cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(NodeBed.Guard));
        await using (MeshStream abandoned = await node.OpenStreamAsync(peer, "pipe/1").AsTask().WaitAsync(NodeBed.Guard))
        {
            await abandoned.WriteAsync(new byte[4000]).AsTask().WaitAsync(NodeBed.Guard);
        }

        await AssertEchoAsync(node, peer, 5);
    }

    [Fact]
    public async Task Large_RequestsAndStreamsBothWays_PassTheCredit()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using PythonPeer python = PythonPeer.Dial(
            node, "request=echo/1,100000", "stream=pipe/1,1000000", $"acked=chat/1,{new string('y', 20_000)}", "heard=request,1", "heard=stream,1", "serve");
        (NodeId peer, _) = await python.LinkedAsync();

        await Task.WhenAll(AssertEchoAsync(node, peer, 100_000), AssertPipeAsync(node, peer, 1_000_000));
        Assert.True((await python.NextAsync("answered")).GetProperty("right").GetBoolean());
        Assert.True((await python.NextAsync("answered")).GetProperty("right").GetBoolean());
        Assert.Equal(0, (await python.NextAsync("sent")).GetProperty("ack").GetInt32());
        Assert.Equal(20_000, Assert.Single(_heard).Length);
        await node.SendAsync(peer, "chat/1", new byte[50_000].Select(_ => (byte)'x').ToArray(), acknowledged: true).AsTask().WaitAsync(NodeBed.Guard);
        Assert.Equal(50_000, (await python.NextAsync("message")).GetProperty("text").GetString()!.Length);
    }

    [Fact]
    public async Task Streams_MoreThanTheFirstMaxStreams_GoOnAsItIsRaised()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open, limits: new LinkLimits { MaxStreams = 16 });
        await using PythonPeer python = PythonPeer.Dial(node, "request=echo/1,100,60", "heard=request,60", "goodbye");
        (NodeId peer, _) = await python.LinkedAsync();

        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => AssertEchoAsync(node, peer, 100)));

        Assert.True((await python.NextAsync("answered")).GetProperty("right").GetBoolean());
        await python.AssertCleanEndAsync();
    }

    [Fact]
    public async Task Goodbye_OfTheNode_EndsInDoneOnBothSides()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using PythonPeer python = PythonPeer.Dial(node, "acked=chat/1,before", "serve");
        (NodeId peer, _) = await python.LinkedAsync();
        await python.NextAsync("sent");
        await node.SendAsync(peer, "chat/1", "last words"u8.ToArray());

        await node.DisposeAsync().AsTask().WaitAsync(NodeBed.Guard);

        Assert.Equal("last words", (await python.NextAsync("message")).GetProperty("text").GetString());
        Assert.Equal(0, (await python.NextAsync("goodbye")).GetProperty("code").GetInt32());
        await python.AssertCleanEndAsync();
    }

    [Fact]
    public async Task Secret_TheSameOnBothSides_EachProvesIt()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Secret(Secret));
        await using PythonPeer python = PythonPeer.Dial(node, "--secret", Secret, "ping", "goodbye");

        Assert.True((await python.NextAsync("proof")).GetProperty("right").GetBoolean());
        await python.AssertCleanEndAsync();
    }

    [Fact]
    public async Task Secret_Wrong_ZerosAndRefusal()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Secret(Secret));

        // The pin makes the peer admit the node, so that only the node refuses.
        await using PythonPeer python = PythonPeer.Dial(node, "--secret", "another", "--pin", node.Id.ToString(), "ping");

        Assert.True((await python.NextAsync("proof")).GetProperty("zeros").GetBoolean());
        await AssertRefusedAsync(python, "peer", 4);
    }

    [Fact]
    public async Task Secret_OnOneSideOnly_ThatSideRefuses()
    {
        await using NodeBed bed = new();
        Node secretive = await StartAsync(bed, Admission.Secret(Secret));
        Node open = await StartAsync(bed, Admission.Open);
        await using EventLog events = new(open);

        await using PythonPeer knowsNothing = PythonPeer.Dial(secretive, "ping");
        await AssertRefusedAsync(knowsNothing, "peer", 4);

        await using PythonPeer knowsIt = PythonPeer.Dial(open, "--secret", Secret, "ping");
        await AssertRefusedAsync(knowsIt, "us", 4);
        PeerRefused refused = await events.NextAsync<PeerRefused>();
        Assert.Equal((MesharaErrorCode.NotAdmitted, true), (refused.Code, refused.ByPeer));
    }

    [Fact]
    public async Task SameKey_TwiceAtOnce_SecondIsRefusedAndFirstIsTold()
    {
        using NodeIdentity shared = NodeIdentity.Create();
        shared.Save(_folder["key.pem"]);
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using PythonPeer first = PythonPeer.Dial(node, "--key", _folder["key.pem"], "serve");
        await first.LinkedAsync();

        await using PythonPeer second = PythonPeer.Dial(node, "--key", _folder["key.pem"], "serve");

        await AssertRefusedAsync(second, "peer", 7);
        Assert.Equal(1, (await first.NextAsync("notice")).GetProperty("code").GetInt32());
    }

    [Fact]
    public async Task Killed_InTheMiddle_LeavesNoFilesBehind()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        string temporary;
        await using (PythonPeer python = PythonPeer.Dial(node, "serve"))
        {
            await python.LinkedAsync();
            temporary = python.Temporary;
            Assert.NotEmpty(Directory.GetFileSystemEntries(temporary));
        }

        Assert.False(Directory.Exists(temporary));
    }

    [Fact]
    public async Task Mesh_Another_IsRefusedAsSuch()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using PythonPeer python = PythonPeer.Dial(node, "--mesh", "other", "ping");

        await AssertRefusedAsync(python, "us", 5);
    }

    [Fact]
    public async Task Probe_OpenNode_SaysGoodbyeAndIsNoPeer()
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using PythonPeer python = PythonPeer.Dial(node, "--probe", "goodbye=6");

        Assert.Equal(6, (await python.NextAsync("goodbye")).GetProperty("code").GetInt32());
        await python.AssertCleanEndAsync();
        Assert.Empty(node.ListPeers());
    }

    [Theory]
    [InlineData("00000000 09 00")] // a type that is none
    [InlineData("00000008 05 01 00*8")] // a flag that PING has not
    [InlineData("00000008 06 00 00*8")] // a PONG nobody asked for
    [InlineData("00000002 11 00 00 61")] // DATA of a stream never opened
    [InlineData("0000000a 10 00 02 01 06 6563686f2f31 00")] // OPEN out of turn
    [InlineData("0000000a 10 00 00 01 06 6563686f2f31 00  00004001 11 00 00 61*16384")] // DATA beyond the credit
    [InlineData("00000001 03 00 00")] // a second READY
    public async Task ProtocolError_OnALink_IsAnsweredByGoodbye4(string frames)
    {
        await using NodeBed bed = new();
        Node node = await StartAsync(bed, Admission.Open);
        await using EventLog events = new(node);
        await using PythonPeer python = PythonPeer.Dial(node, $"raw={frames}", "serve");

        Assert.Equal(4, (await python.NextAsync("goodbye")).GetProperty("code").GetInt32());
        Assert.Equal(DisconnectReason.ProtocolError, (await events.NextAsync<PeerDisconnected>()).Reason);
    }

    private static async Task AssertRefusedAsync(PythonPeer python, string by, int code)
    {
        JsonElement refused = await python.NextAsync("refused");
        Assert.Equal((by, code), (refused.GetProperty("by").GetString(), refused.GetProperty("code").GetInt32()));
    }

    private static async Task AssertEchoAsync(Node node, NodeId peer, int size)
    {
        byte[] body = new byte[size];
        new Random(size).NextBytes(body);
        byte[] reply = await node.RequestAsync(peer, "echo/1", body).AsTask().WaitAsync(NodeBed.Guard);
        Assert.True(body.Reverse().SequenceEqual(reply));
    }

    private static async Task AssertPipeAsync(Node node, NodeId peer, int size)
    {
        byte[] body = new byte[size];
        new Random(size).NextBytes(body);
        await using MeshStream stream = await node.OpenStreamAsync(peer, "pipe/1").AsTask().WaitAsync(NodeBed.Guard);
        using MemoryStream back = new();
        Task read = stream.CopyToAsync(back);
        await stream.WriteAsync(body).AsTask().WaitAsync(NodeBed.Guard);
        stream.CompleteWrites();
        await read.WaitAsync(NodeBed.Guard);
        Assert.True(body.AsSpan().SequenceEqual(back.ToArray()));
    }

    private async Task<Node> StartAsync(NodeBed bed, Admission admission, NodeIdentity? identity = null, LinkLimits? limits = null)
    {
        Node node = await bed.StartAsync(new NodeOptions
        {
            Mesh = "test",
            Admission = admission,
            Identity = identity,
            Listen = ["127.0.0.1:0"],
            Limits = limits ?? new LinkLimits(),
        });
        node.Handle("chat/1", (m, _) =>
        {
            _heard.Enqueue(m.Text);
            return ValueTask.CompletedTask;
        });
        node.HandleRequest("echo/1", (m, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(m.Payload.ToArray().Reverse().ToArray()));
        node.HandleStream("pipe/1", async (s, ct) => await s.CopyToAsync(s, ct));
        return node;
    }
}
