using Meshara.Cli.Rendering;

namespace Meshara.Cli.Control;

/// <summary>What became of one dial, in <c>meshara why --json</c>: <see cref="DialDiagnosis"/>.</summary>
/// <param name="Address"><c>host:port</c> or <c>id@host:port</c>.</param>
/// <param name="Reachable">Whether a link would be made.</param>
/// <param name="Steps">In their order, up to where it ended.</param>
internal sealed record DialLine(string Address, bool Reachable, IReadOnlyList<StepLine> Steps)
{
    /// <summary>The id that was proven; absent: it did not come to that.</summary>
    public string? Answered { get; init; }

    /// <summary>The mesh that the other side says it belongs to.</summary>
    public string? RemoteMesh { get; init; }

    /// <summary>The program that it says it is.</summary>
    public string? RemoteAgent { get; init; }

    public double? RoundTripMs { get; init; }

    public static DialLine Of(DialDiagnosis dial) => new(dial.Address.ToString(), dial.IsReachable, [.. dial.Steps.Select(StepLine.Of)])
    {
        Answered = dial.Answered?.ToString(),
        RemoteMesh = dial.RemoteMesh,
        RemoteAgent = dial.RemoteAgent,
        RoundTripMs = dial.RoundTripTime?.TotalMilliseconds,
    };
}

/// <summary>One step of a dial.</summary>
/// <param name="Step"><c>known</c>, <c>name</c>, <c>tcp</c>, <c>tls</c>, <c>pin</c>, <c>hello</c>, <c>limit</c> or <c>link</c>.</param>
/// <param name="Outcome"><c>passed</c>, <c>noted</c> or <c>failed</c>.</param>
/// <param name="Detail">For people.</param>
internal sealed record StepLine(string Step, string Outcome, string Detail)
{
    public string? Advice { get; init; }

    /// <summary>A <see cref="MesharaErrorCode"/> in kebab-case.</summary>
    public string? Code { get; init; }

    /// <summary>Whether the other side refused.</summary>
    public bool? ByPeer { get; init; }

    public string? Limit { get; init; }

    public long? LimitValue { get; init; }

    /// <summary>Seconds.</summary>
    public double? RetryAfter { get; init; }

    public double TookMs { get; init; }

    public static StepLine Of(DialStep step) => new(NameOf(step.Kind), Kebab.Of(step.Outcome), step.Detail)
    {
        Advice = step.Advice,
        Code = step.Code is { } code ? Kebab.Of(code) : null,
        ByPeer = step.ByPeer ? true : null,
        Limit = step.Limit,
        LimitValue = step.LimitValue,
        RetryAfter = step.RetryAfter?.TotalSeconds,
        TookMs = step.Took.TotalMilliseconds,
    };

    private static string NameOf(DialStepKind kind) => kind switch
    {
        DialStepKind.Connect => "tcp",
        DialStepKind.Identity => "pin",
        _ => Kebab.Of(kind),
    };
}

/// <summary><c>meshara why --json</c>.</summary>
/// <param name="Target">As it was asked for.</param>
/// <param name="Reachable">Whether one of the dials came to a link.</param>
/// <param name="Running">Whether a node was asked; else this command dialled.</param>
/// <param name="Dials">One for each address.</param>
internal sealed record WhyLine(string Target, bool Reachable, bool Running, IReadOnlyList<DialLine> Dials);
