using System.Net;
using Meshara.Testing.Network;
using Xunit;

namespace Meshara.Testing.Tests.Network;

public sealed class AddressPlanTests
{
    [Fact]
    public void Next_AThousand_AreTwoInA24AndSixteenInA16()
    {
        AddressPlan plan = new();
        IPAddress[] all = [.. Enumerable.Range(0, 1000).Select(_ => plan.Next())];

        Assert.Equal(1000, all.Distinct().Count());
        Assert.All(all.GroupBy(a => Prefix(a, 3)), group => Assert.InRange(group.Count(), 1, AddressPlan.InA24));
        Assert.All(all.GroupBy(a => Prefix(a, 2)), group => Assert.InRange(group.Count(), 1, AddressPlan.InA16));
    }

    [Fact]
    public void Next_BehindANat_IsInItsNetworkAndNoOtherNatHasIt()
    {
        AddressPlan plan = new();
        SimulatedNat a = plan.NextNat(), b = plan.NextNat();
        IPAddress one = plan.Next(a), two = plan.Next(a), other = plan.Next(b);

        Assert.True(a.Inside.Contains(one) && a.Inside.Contains(two) && b.Inside.Contains(other));
        Assert.False(a.Inside.Contains(other));
        Assert.NotEqual(one, two);
        Assert.NotEqual(a.PublicAddress, b.PublicAddress);
    }

    [Fact]
    public void Next_TooManyBehindANat_Throws()
    {
        AddressPlan plan = new();
        SimulatedNat nat = plan.NextNat();
        for (int i = 0; i < 200; i++)
        {
            plan.Next(nat);
        }

        Assert.Throws<InvalidOperationException>(() => plan.Next(nat));
    }

    private static string Prefix(IPAddress address, int bytes) => Convert.ToHexString(address.GetAddressBytes().AsSpan(0, bytes));
}
