using System.Globalization;

namespace Meshara.Benchmarks.Scale;

/// <summary>The node to which all links lead, with default options. Its peers are named by their keys: of others a node takes 4,096 at most.</summary>
internal sealed class HubRole : IScaleRole
{
    public const string Messages = "scale/messages";
    public const string Echo = "scale/echo";
    public const string Mesh = "scale";

    private Node? _node;

    public async Task<string> StartAsync()
    {
        _node = await Node.StartAsync(new NodeOptions { Mesh = Mesh, Listen = ["127.0.0.1:0"], OnStarting = Handle });
        return _node.Addresses[0].ToString();
    }

    public async Task<string> DoAsync(string[] order)
    {
        switch (order)
        {
            case ["trust", string keys]:
                foreach (string key in keys.Split(','))
                {
                    await _node!.TrustAsync(PublicKey.Parse(key));
                }

                return "ok";
            case ["links"]:
                return _node!.ListPeers().Count.ToString(CultureInfo.InvariantCulture);
            case ["received"]:
                return string.Join(' ', _node!.ListPeers().Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Id}={p.MessagesReceived}")));
            default:
                return ProcessMemory.Collect().ToString();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }
    }

    private static void Handle(Node node)
    {
        node.Handle(Messages, static (_, _) => ValueTask.CompletedTask);
        node.HandleRequest(Echo, static (message, _) => ValueTask.FromResult<ReadOnlyMemory<byte>>(message.Payload.ToArray()));
    }
}
