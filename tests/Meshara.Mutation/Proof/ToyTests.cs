namespace Meshara.Mutation.Proof;

/// <summary>Marks a test of the toy, as xunit's attribute of that name does.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FactAttribute : Attribute;

/// <summary>What the toy is tested for; run by the harness only, in a changed copy.</summary>
internal sealed class ToyTests
{
    [Fact]
    public void IsAdult_AroundTheBound_Tells() => Hold(Toy.IsAdult(18) && !Toy.IsAdult(17));

    [Fact]
    public void Larger_AllOrders_IsTheLarger() => Hold(Toy.Larger(1, 2) == 2 && Toy.Larger(2, 1) == 2 && Toy.Larger(2, 2) == 2);

    [Fact]
    public void IsTall_FarFromTheBound_Tells() => Hold(Toy.IsTall(250) && !Toy.IsTall(10));

    [Fact]
    public void CountDown_Five_TakesFive() => Hold(Toy.CountDown(5) == 5);

    [Fact]
    public void CountUp_Seven_EndsThere() => Hold(Toy.CountUp(7) == 7);

    [Fact]
    public void Call_WantedOrNot_IsNotedOnce()
    {
        Toy.Calls = 0;
        Toy.Call(false);
        Hold(Toy.Calls == 0);
        Toy.Call(true);
        Hold(Toy.Calls == 1);
    }

    [Fact]
    public void IsWithin_AroundTheBound_Tells() => Hold(Toy.IsWithin(7) && !Toy.IsWithin(8));

    private static void Hold(bool right)
    {
        if (!right)
            throw new InvalidOperationException("The toy is wrong.");
    }
}
