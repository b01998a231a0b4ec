namespace Meshara;

/// <summary>What became of one option that <see cref="Node.ReconfigureAsync"/> was to change.</summary>
/// <param name="Option">Its name: <c>Discovery.TargetPeers</c>.</param>
/// <param name="Before">The value so far, as text; secrets are hidden.</param>
/// <param name="After">The value asked for.</param>
/// <param name="IsApplied">Whether it holds now; else it takes effect when a node is started with it.</param>
/// <param name="Reason">Why it does not hold, for people; null: it does.</param>
public sealed record OptionChange(string Option, string Before, string After, bool IsApplied, string? Reason = null)
{
    /// <summary>What stays as it was although the change holds, and what would change that, for people: peers that were taken out of <see cref="NodeOptions.Peers"/> and are pinned. Null: nothing.</summary>
    public string? Note { get; init; }
}
