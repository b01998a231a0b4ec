using Meshara.Core;
using Xunit;

namespace Meshara.Tests.Core;

public sealed class MeshSizesTests
{
    [Fact]
    public void Sizes_OneLinkOneCallerAndOneDial_AreToldApart()
    {
        MeshScript s = new(Ids.Of(0x01));
        s.Link(Ids.Of(0x10));
        s.Accept(Ids.Of(0x20));
        s.Mesh.HandleAdd(null, new PeerAddress("10.1.0.1", 4040, Ids.Of(0x30)), keepForever: true, s.Now);

        MeshSizes sizes = s.Mesh.Sizes;

        Assert.Equal((2, 1), (sizes.Peers, sizes.Linked));
        Assert.Equal((3, 1, 1), (sizes.Connections, sizes.Greeting, sizes.Targets));
    }
}
