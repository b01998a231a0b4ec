using Meshara.Cli.Control;
using Meshara.Cli.Rendering;

namespace Meshara.Cli.Commands;

/// <summary>What to do about a refusal of a key that was made for one question and is kept by nobody: to trust it helps nobody.</summary>
internal static class ThrowAwayKey
{
    // What the library says of any node that is not admitted, up to the full stop: the remedy for a key that is kept.
    private const string Remedy = ". On its side run 'meshara trust add' with this node's public key, or give both the same secret";

    /// <summary>The same dial, with advice that names no key.</summary>
    /// <param name="dial">Made with such a key.</param>
    /// <param name="hasSecret">Whether it was given a secret to prove.</param>
    /// <param name="hasMesh">Whether a mesh was named, without which no secret is proven.</param>
    public static DialLine Advise(DialLine dial, bool hasSecret, bool hasMesh) => dial with { Steps = [.. dial.Steps.Select(step => Advise(step, hasSecret, hasMesh))] };

    private static StepLine Advise(StepLine step, bool hasSecret, bool hasMesh)
    {
        if (step.ByPeer != true || step.Outcome != "failed")
        {
            return step;
        }

        const string startIt = "start the node here, or name the directory of its identity with --data, and ask again: the other side judged a key that was made for this question and that nobody keeps";
        string? advice = Kind(step.Code) switch
        {
            MesharaErrorCode.NotAdmitted => $"{(!hasSecret ? "If that mesh has a secret, give it with --secret-file and its name with --mesh" : hasMesh ? "Compare the secret with the one there" : "Give --mesh too: without it the secret is not proven")}; else {startIt}.",
            MesharaErrorCode.Banned => $"Wait; or {startIt}.",
            MesharaErrorCode.Full or MesharaErrorCode.RateLimited => $"Again {EventText.In(step.RetryAfter ?? 60)} or later; or raise that limit there; or, if this node has a place there, {startIt}.",
            _ => step.Advice,
        };
        return step with { Advice = advice, Detail = step.Detail.Replace(Remedy, "", StringComparison.Ordinal) };
    }

    private static MesharaErrorCode? Kind(string? code)
    {
        foreach (MesharaErrorCode known in (MesharaErrorCode[])[MesharaErrorCode.NotAdmitted, MesharaErrorCode.Banned, MesharaErrorCode.Full, MesharaErrorCode.RateLimited])
        {
            if (Kebab.Of(known) == code)
            {
                return known;
            }
        }

        return null;
    }
}
