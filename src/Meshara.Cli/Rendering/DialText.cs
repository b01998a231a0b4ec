using Meshara.Cli.Control;

namespace Meshara.Cli.Rendering;

/// <summary>The steps of a dial for people.</summary>
internal static class DialText
{
    private const int Longest = 2000;

    public static IEnumerable<string> Of(DialLine dial)
    {
        yield return Safe.Text(dial.Address, 400);
        foreach (StepLine step in dial.Steps)
        {
            yield return $"  {Mark(step.Outcome),-6}  {Safe.Text(step.Step, 16),-6}  {Safe.Text(step.Detail, Longest)}";
            if (step.Advice is { } advice)
            {
                yield return $"          {"",-6}  To do: {Safe.Text(advice, Longest)}";
            }
        }

        StepLine? failed = dial.Steps.FirstOrDefault(static step => step.Outcome == "failed");
        yield return failed is null ? $"  reachable, {Show.Milliseconds(dial.RoundTripMs)}" : $"  not reachable: it fails at {Safe.Text(failed.Step, 16)}";
    }

    private static string Mark(string outcome) => outcome switch
    {
        "passed" => "ok",
        "failed" => "FAILED",
        _ => "note",
    };
}
