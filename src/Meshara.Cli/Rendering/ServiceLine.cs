using Meshara.Mdns;

namespace Meshara.Cli.Rendering;

/// <summary>One change in <c>meshara discover --json</c>.</summary>
/// <param name="Time">When it was seen.</param>
/// <param name="Change"><c>added</c>, <c>updated</c> or <c>removed</c>.</param>
/// <param name="Instance">The service's name.</param>
/// <param name="Type">Its type.</param>
/// <param name="Host">The host that it is on.</param>
/// <param name="Port">Its port.</param>
/// <param name="Addresses">Where, and by which interface that was heard.</param>
/// <param name="Txt">What it says of itself: <c>key=value</c>, or the key alone.</param>
internal sealed record ServiceLine(
    DateTimeOffset Time, string Change, string Instance, string Type, string Host, int Port, IReadOnlyList<ServiceAddressLine> Addresses, IReadOnlyList<string> Txt)
{
    private static readonly Scope Numbers = new(new Dictionary<int, string>());

    public static ServiceLine Of(ServiceChange change, DateTimeOffset time, Scope scope) => new(
        time,
        Kebab.Of(change.Kind),
        change.Instance.InstanceName,
        change.Instance.ServiceType,
        change.Instance.HostName,
        change.Instance.Port,
        [.. change.Instance.Addresses.Select(a => new ServiceAddressLine(scope.Show(a.EndPoint), a.InterfaceIndex))],
        [.. TextsOf(change.Instance.Txt)]);

    /// <summary>Whether one line would be like the other, their time and kind of change aside.</summary>
    public static bool ShowsSame(ServiceInstance a, ServiceInstance b)
    {
        ServiceLine one = Of(new ServiceChange(ServiceChangeKind.Updated, a), default, Numbers);
        ServiceLine other = Of(new ServiceChange(ServiceChangeKind.Updated, b), default, Numbers);
        return one.Addresses.SequenceEqual(other.Addresses) && one.Txt.SequenceEqual(other.Txt) && one with { Addresses = other.Addresses, Txt = other.Txt } == other;
    }

    /// <summary>The strings of a TXT record; those that are no UTF-8 as hex digits.</summary>
    public static IEnumerable<string> TextsOf(TxtRecord txt) => txt.Keys.Select(key =>
        txt.TryGetString(key, out string? text) ? $"{key}={text}"
        : txt.TryGetValue(key, out ReadOnlyMemory<byte> bytes) ? $"{key}=0x{Convert.ToHexStringLower(bytes.Span)}"
        : key);
}

/// <summary>An address of a service.</summary>
internal sealed record ServiceAddressLine(string EndPoint, int Interface);
