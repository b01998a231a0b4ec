using System.Globalization;
using Meshara.Cli.Rendering;
using Meshara.Mdns;

namespace Meshara.Cli.Control;

/// <summary>Multicast DNS in <c>meshara info --json</c>.</summary>
/// <param name="Announces">Whether the node is announced.</param>
/// <param name="Browses">Whether it looks for others.</param>
/// <param name="Instance">Its name; absent: none so far.</param>
/// <param name="Found">Announced nodes of its mesh.</param>
/// <param name="Forged">Announcements that were forged.</param>
/// <param name="Trouble">Why nothing is done; absent: nothing is in the way.</param>
/// <param name="Interfaces">How each fares.</param>
internal sealed record LocalNetworkLine(bool Announces, bool Browses, string? Instance, int Found, long Forged, string? Trouble, IReadOnlyList<InterfaceLine> Interfaces)
{
    public static LocalNetworkLine Of(LocalNetworkState state) => new(
        state.Announces, state.Browses, state.InstanceName, state.Found, state.Forged, state.Trouble, [.. state.Interfaces.Select(InterfaceLine.Of)]);

    /// <summary>For people.</summary>
    public void Write(Terminal terminal)
    {
        string does = (Announces, Browses) switch
        {
            (true, true) => Instance is { } name ? $"announced as {Safe.Text(name)}, " : "being announced, ",
            (true, false) => $"announced{(Instance is { } alone ? $" as {Safe.Text(alone)}" : "")}, looks for nobody",
            _ => "not announced, ",
        };
        string found = Browses ? $"{Found} {(Found == 1 ? "node" : "nodes")} of this mesh found" : "";
        terminal.WriteLine(Trouble is { } trouble ? $"local net   not used: {Safe.Text(trouble, 400)}" : $"local net   {does}{found}");
        foreach (InterfaceLine one in Interfaces)
        {
            terminal.WriteLine($"            {Safe.Text(one.Name)}: {InterfaceLine.Text("IPv4", one.IPv4, terminal)}, {InterfaceLine.Text("IPv6", one.IPv6, terminal)}");
        }
    }
}

/// <summary>One interface.</summary>
internal sealed record InterfaceLine(string Name, int Index, IReadOnlyList<string> Addresses, FamilyLine? IPv4, FamilyLine? IPv6)
{
    private const int MaxError = 200;

    public static InterfaceLine Of(InterfaceState state) =>
        new(state.Name, state.Index, [.. state.Addresses.Select(static a => a.ToString())], FamilyLine.Of(state.IPv4), FamilyLine.Of(state.IPv6));

    /// <summary>How one family fares, for people.</summary>
    public static string Text(string name, FamilyLine? family, Terminal terminal) => family switch
    {
        null => $"{name} not used",
        { Joined: false } => $"{name} not joined ({Safe.Text(family.JoinError ?? "not yet", MaxError)})",
        { SendError: { } error } => $"{name} cannot send ({Safe.Text(error, MaxError)})",
        { LastHeard: { } heard } => string.Create(CultureInfo.InvariantCulture, $"{name} heard {Show.Span(terminal.Time.GetUtcNow() - heard)} ago"),
        _ => $"{name} heard nothing yet",
    };
}

/// <summary>One address family on one interface.</summary>
internal sealed record FamilyLine(bool Joined, string? JoinError, string? SendError, DateTimeOffset? LastHeard, long Sent, long Heard)
{
    public static FamilyLine? Of(FamilyState? state) =>
        state is null ? null : new FamilyLine(state.Joined, state.JoinError, state.LastSendError, state.LastHeard, state.PacketsSent, state.PacketsHeard);
}
