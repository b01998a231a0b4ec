using System.Globalization;

namespace Meshara.Configuration;

/// <summary>How the types of options are written in a configuration.</summary>
internal static class OptionKinds
{
    private static readonly (string Unit, TimeSpan Length)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)),
        ("s", TimeSpan.FromSeconds(1)),
        ("m", TimeSpan.FromMinutes(1)),
        ("h", TimeSpan.FromHours(1)),
        ("d", TimeSpan.FromDays(1)),
    ];

    public static OptionKind<int> Int { get; } = One(text => (int)Whole(text, int.MinValue, int.MaxValue)) with { Outside = new(int.MinValue) };

    public static OptionKind<int?> OptionalInt { get; } = One<int?>(text => (int)Whole(text, int.MinValue, int.MaxValue)) with { Outside = new(int.MinValue) };

    public static OptionKind<long?> OptionalLong { get; } = One<long?>(text => Whole(text, long.MinValue, long.MaxValue)) with { Outside = new(long.MinValue) };

    public static OptionKind<double> Double { get; } = One(Number) with { Outside = new(double.NaN) };

    public static OptionKind<bool> Bool { get; } = One(text => bool.TryParse(text, out bool value) ? value : throw new FormatException("true or false is allowed")) with
    {
        Show = static value => value ? "true" : "false",
    };

    public static OptionKind<TimeSpan> Span { get; } = One(Duration) with { Show = static value => value.ToString("c", CultureInfo.InvariantCulture), Outside = new(TimeSpan.MinValue) };

    public static OptionKind<string> Text { get; } = One(static text => text);

    public static OptionKind<string?> OptionalText { get; } = One<string?>(static text => text);

    public static OptionKind<IReadOnlyList<string>> Texts { get; } = Many(static text => text);

    public static OptionKind<IReadOnlyList<PeerAddress>> Addresses { get; } = Many(Address);

    public static OptionKind<IReadOnlyList<Uri>> Uris { get; } = Many(static text =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) ? uri : throw new FormatException("a list of https://… is allowed"));

    public static OptionKind<DiscoveryMethods> Methods { get; } =
        new(texts => texts.Aggregate(DiscoveryMethods.None, (all, text) => all | Named<DiscoveryMethods>(text)), static (a, b) => a == b, static value => value.ToString()) { IsList = true };

    public static OptionKind<Admission> Admission { get; } =
        new(texts => Only(texts, AdmissionOf), static (a, b) => a.IsSameAs(b), static value => value.ToString());

    /// <summary>An enumeration, by the names of its members.</summary>
    public static OptionKind<T> Enum<T>()
        where T : struct, Enum => One(Named<T>);

    /// <summary>An object of the program's.</summary>
    public static OptionKind<T> Object<T>()
        where T : class? => new(Read: null, ReferenceEquals, static value => value?.GetType().Name ?? "none");

    private static OptionKind<T> One<T>(Func<string, T> read) =>
        new(texts => Only(texts, read), EqualityComparer<T>.Default.Equals, static value => string.Create(CultureInfo.InvariantCulture, $"{value}"));

    private static OptionKind<IReadOnlyList<T>> Many<T>(Func<string, T> read) =>
        new(texts => [.. texts.Select(read)], static (a, b) => a.SequenceEqual(b), static values => values.Count == 0 ? "none" : string.Join(", ", values)) { IsList = true };

    private static T Only<T>(IReadOnlyList<string> texts, Func<string, T> read) => texts is [var text] ? read(text) : throw new FormatException("one value is allowed");

    private static long Whole(string text, long min, long max)
    {
        if (!Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out Int128 value))
        {
            throw new FormatException("a whole number is allowed");
        }

        return value >= min && value <= max ? (long)value : throw new OverflowException($"{min} to {max}");
    }

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : throw new FormatException("a number with a point for parts of one is allowed");

    // TimeSpan.Parse takes "30" for thirty days: nobody who writes it means that.
    private static TimeSpan Duration(string text)
    {
        if (text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan span))
        {
            return span;
        }

        foreach ((string unit, TimeSpan length) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text[..^unit.Length], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                && Math.Abs(number) <= TimeSpan.MaxValue / length / 2)
            {
                return number * length;
            }
        }

        throw new FormatException("a time with its unit is allowed: 00:00:30, 500ms, 30s, 5m, 1h or 7d");
    }

    private static T Named<T>(string text)
        where T : struct, Enum =>
        System.Enum.GetNames<T>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known
            ? System.Enum.Parse<T>(known)
            : throw new FormatException($"{string.Join(", ", System.Enum.GetNames<T>())} {(System.Enum.GetNames<T>().Length > 1 ? "are" : "is")} allowed");

    private static PeerAddress Address(string text) =>
        PeerAddressParser.TryParse(text, out PeerAddress? address, out string? why) ? address : throw new FormatException($"that is not an address: {why}");

    private static Admission AdmissionOf(string text) =>
        text.Equals(nameof(Meshara.Admission.KnownPeers), StringComparison.OrdinalIgnoreCase) ? Meshara.Admission.KnownPeers
        : text.Equals(nameof(Meshara.Admission.Open), StringComparison.OrdinalIgnoreCase) ? Meshara.Admission.Open
        : throw new FormatException("KnownPeers and Open are allowed; for a secret write Secret or SecretFile instead");
}
