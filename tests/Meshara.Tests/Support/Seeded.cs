using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace Meshara.Tests.Support;

/// <summary>From which seed FsCheck draws: the one in the test, so that a run can be repeated, or the one that <c>MESHARA_FSCHECK</c> names.</summary>
/// <remarks><c>MESHARA_FSCHECK=random</c> is another one each time, <c>MESHARA_FSCHECK=123</c> that one; a test that fails says which it was.</remarks>
internal static class Seeded
{
    public const string Variable = "MESHARA_FSCHECK";

    private const ulong Written = 20_261_121;

    // The other half of FsCheck's seed; odd.
    private const ulong Gamma = 9_999_999;

    private static readonly ulong? Chosen = Read(Environment.GetEnvironmentVariable(Variable));

    /// <summary>What a property that does not hold throws, with its seed.</summary>
    public static Config Config { get; } = With(Written);

    /// <summary>Whether the tests draw what they always draw: how much of what comes up is known.</summary>
    public static bool IsWritten => Chosen is null;

    public static ulong Choose(ulong written = Written) => Chosen ?? written;

    public static Config With(ulong written) => Exactly(Choose(written));

    /// <summary>From this seed, whatever is asked for.</summary>
    public static Config Exactly(ulong seed) => Config.QuickThrowOnFailure.WithReplay(seed, Gamma);

    /// <summary>So many of what FsCheck makes at size 50.</summary>
    public static T[] Samples<T>(Gen<T> any, int count) => any.Sample(size: 50, seed: new Rnd(Choose(), Gamma), numberOfSamples: count);

    private static ulong? Read(string? value) => value switch
    {
        null or "" => null,
        "random" => unchecked((ulong)TimeProvider.System.GetTimestamp() * 0x9e3779b97f4a7c15),
        _ => ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            ? seed
            : throw new InvalidOperationException($"{Variable} is \"{value}\"; it is a number, or \"random\"."),
    };
}
