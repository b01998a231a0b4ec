using Meshara.Mdns.Net;
using Xunit;

namespace Meshara.Mdns.Tests.Net;

public sealed class ChangeQueueTests
{
    // Kinds in their order, and what one sees who comes late. A: added, U: updated, R: removed.
    [Theory]
    [InlineData("A", "A")]
    [InlineData("AU", "A")]
    [InlineData("AUU", "A")]
    [InlineData("AR", "")]
    [InlineData("AUR", "")]
    [InlineData("ARA", "A")]
    [InlineData("U", "U")]
    [InlineData("UU", "U")]
    [InlineData("UR", "R")]
    [InlineData("RA", "U")]
    [InlineData("RAU", "U")]
    [InlineData("RAR", "R")]
    public void Add_ChangesOfOneService_BecomeOne(string kinds, string expected)
    {
        ChangeQueue queue = new();
        for (int i = 0; i < kinds.Length; i++)
            queue.Add(Change(kinds[i], "x", i + 1));

        string seen = "";
        while (queue.TryTake(out ServiceChange? change))
        {
            seen += change.Kind.ToString()[0];
            Assert.Equal(kinds.Length, change.Instance.Port);
        }

        Assert.Equal(expected, seen);
    }

    [Fact]
    public async Task Add_SeveralServices_InTheirOrder()
    {
        ChangeQueue queue = new();
        foreach (string name in (string[])["b", "a", "c", "A"])
            queue.Add(Change('A', name, 1));
        queue.Complete();

        Assert.Equal(3, queue.Count);
        Assert.True(await queue.WaitAsync(default));
        List<string> names = [];
        while (queue.TryTake(out ServiceChange? change))
            names.Add(change.Instance.InstanceName);
        Assert.Equal(["b", "A", "c"], names);
        Assert.False(await queue.WaitAsync(default));
    }

    private static ServiceChange Change(char kind, string name, int port) => new(
        kind switch { 'A' => ServiceChangeKind.Added, 'U' => ServiceChangeKind.Updated, _ => ServiceChangeKind.Removed },
        new ServiceInstance { InstanceName = name, ServiceType = "_x._tcp", HostName = "h.local", Port = port, Txt = TxtRecord.Empty, Addresses = [] });
}
