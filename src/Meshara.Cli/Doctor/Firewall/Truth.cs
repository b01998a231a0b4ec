namespace Meshara.Cli.Doctor.Firewall;

/// <summary>Whether a packet meets a condition. What is not understood is <see cref="Maybe"/>, never a guess.</summary>
internal enum Truth
{
    No,
    Maybe,
    Yes,
}

/// <summary>Kleene's logic of three values.</summary>
internal static class Truths
{
    public static Truth And(this Truth one, Truth other) => one < other ? one : other;

    public static Truth Not(this Truth one) => (Truth)(Truth.Yes - one);

    public static Truth Of(bool holds) => holds ? Truth.Yes : Truth.No;

    /// <summary>The highest of them; No if there are none.</summary>
    public static Truth Any(IEnumerable<Truth> all) => all.DefaultIfEmpty(Truth.No).Max();

    /// <summary>What holds for each of them, else Maybe.</summary>
    public static Truth Same(IReadOnlyCollection<Truth> all) => all.Distinct().Count() == 1 ? all.First() : Truth.Maybe;
}
