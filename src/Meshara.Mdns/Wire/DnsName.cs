using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace Meshara.Mdns.Wire;

/// <summary>A domain name: labels of raw bytes, which are UTF-8 by RFC 6762 section 16. Immutable; compared without regard to the case of ASCII letters only.</summary>
internal sealed class DnsName : IEquatable<DnsName>
{
    /// <summary>Most bytes of a label (RFC 1035 section 2.3.4).</summary>
    public const int MaxLabel = 63;

    /// <summary>Most bytes of a name with its length bytes, the final zero not counted (RFC 6762 appendix C).</summary>
    public const int MaxSize = 255;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // As on the wire and without compression: a length byte before each label, zero at the end.
    private readonly byte[] _wire;
    private readonly int _hash;

    private DnsName(byte[] wire)
    {
        _wire = wire;
        _hash = HashOf(wire);
    }

    /// <summary>The name without labels.</summary>
    public static DnsName Root { get; } = new([0]);

    /// <summary>`local.`, the domain of multicast DNS (RFC 6762 section 3).</summary>
    public static DnsName Local { get; } = FromLabels("local");

    /// <summary>The uncompressed form, its final zero included.</summary>
    public ReadOnlySpan<byte> Wire => _wire;

    /// <summary>Labels as text, from the left; what is not UTF-8 shows as U+FFFD.</summary>
    public IReadOnlyList<string> Labels
    {
        get
        {
            List<string> labels = [];
            for (int at = 0; _wire[at] != 0; at += 1 + _wire[at])
                labels.Add(Encoding.UTF8.GetString(_wire, at + 1, _wire[at]));
            return labels;
        }
    }

    /// <summary>The leftmost label as text: the instance of a service's name. Empty for the root.</summary>
    public string FirstLabel => Encoding.UTF8.GetString(_wire, 1 % _wire.Length, _wire[0]);

    /// <summary>The name without its leftmost label; null for the root.</summary>
    public DnsName? Parent => _wire[0] == 0 ? null : new DnsName(_wire[(1 + _wire[0])..]);

    /// <summary>Makes a name of labels as they are, dots and spaces included.</summary>
    /// <exception cref="ArgumentException">A label is empty, over <see cref="MaxLabel"/> bytes or no Unicode, or the name over <see cref="MaxSize"/>.</exception>
    public static DnsName FromLabels(params ReadOnlySpan<string> labels)
    {
        DnsName name = Root;
        for (int i = labels.Length - 1; i >= 0; i--)
            name = name.Child(labels[i]);
        return name;
    }

    /// <summary>Reads text as <see cref="ToString"/> writes it: labels between dots, in them `\.`, `\\` and `\DDD` for a byte. A dot at the end changes nothing.</summary>
    /// <exception cref="FormatException">The text is no name.</exception>
    public static DnsName Parse(string text) =>
        TryParse(text, out DnsName? name) ? name : throw new FormatException($"\"{text}\" is no domain name: labels of 1 to {MaxLabel} bytes between dots, {MaxSize} bytes in all.");

    /// <summary>As <see cref="Parse"/>; false: the text is no name.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out DnsName? name)
    {
        name = null;
        if (text.Length is 0 || text == ".")
        {
            name = text.Length is 0 ? null : Root;
            return name is not null;
        }

        List<byte> wire = new(text.Length + 2) { 0 };
        int label = 0;
        for (int i = 0; i < text.Length;)
        {
            if (text[i] == '.')
            {
                if (wire[label] == 0)
                    return false;
                label = wire.Count;
                wire.Add(0);
                i++;
                continue;
            }

            if (!TryTake(text, ref i, wire) || wire.Count - label - 1 > MaxLabel || wire.Count > MaxSize + 1)
                return false;
            wire[label] = (byte)(wire.Count - label - 1);
        }

        if (wire[label] != 0)
            wire.Add(0);
        if (wire.Count > MaxSize + 1)
            return false;
        name = new DnsName([.. wire]);
        return true;
    }

    /// <summary>A name one label below this one.</summary>
    /// <exception cref="ArgumentException">As for <see cref="FromLabels"/>.</exception>
    public DnsName Child(string label)
    {
        ArgumentNullException.ThrowIfNull(label);
        try
        {
            return Child(Strict.GetBytes(label));
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException("A label is not Unicode: half of a surrogate pair is missing.", nameof(label), e);
        }
    }

    /// <summary>As for text.</summary>
    /// <exception cref="ArgumentException">As for <see cref="FromLabels"/>.</exception>
    public DnsName Child(ReadOnlySpan<byte> label)
    {
        if (label.Length is 0 or > MaxLabel)
            throw new ArgumentException($"A label has 1 to {MaxLabel} bytes; this one has {label.Length}.", nameof(label));
        if (1 + label.Length + _wire.Length > MaxSize + 1)
            throw new ArgumentException($"A name has at most {MaxSize} bytes.", nameof(label));
        return new DnsName([(byte)label.Length, .. label, .. _wire]);
    }

    /// <summary>Whether this is <paramref name="other"/> or a name below it.</summary>
    public bool IsSubdomainOf(DnsName other)
    {
        int extra = _wire.Length - other._wire.Length;
        for (int at = 0; at <= extra; at += 1 + _wire[at])
        {
            if (at == extra)
                return SameBytes(_wire.AsSpan(at), other._wire);
        }

        return false;
    }

    public bool Equals(DnsName? other) => ReferenceEquals(this, other) || (other is not null && _hash == other._hash && SameBytes(_wire, other._wire));

    public override bool Equals(object? obj) => Equals(obj as DnsName);

    public override int GetHashCode() => _hash;

    /// <summary>The name as text without a dot at the end; `.` for the root. RFC 6763 section 4.3: dots and backslashes in a label are escaped; so are control characters and what is not UTF-8.</summary>
    public override string ToString()
    {
        if (_wire[0] == 0)
            return ".";
        StringBuilder text = new();
        for (int at = 0; _wire[at] != 0; at += 1 + _wire[at])
        {
            if (at > 0)
                text.Append('.');
            Show(text, _wire.AsSpan(at + 1, _wire[at]));
        }

        return text.ToString();
    }

    /// <summary>Takes the uncompressed form, which the reader has checked.</summary>
    internal static DnsName FromCheckedWire(ReadOnlySpan<byte> wire) => wire.Length == 1 ? Root : new DnsName(wire.ToArray());

    // Length bytes are at most 63, below the letters: they are never folded.
    private static byte Fold(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;

    private static bool SameBytes(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length)
            return false;
        for (int i = 0; i < a.Length; i++)
        {
            if (a[i] != b[i] && Fold(a[i]) != Fold(b[i]))
                return false;
        }

        return true;
    }

    // HashCode has a seed of its own in each process, so that nobody can choose names that collide.
    private static int HashOf(ReadOnlySpan<byte> wire)
    {
        Span<byte> folded = stackalloc byte[MaxSize + 1];
        for (int i = 0; i < wire.Length; i++)
            folded[i] = Fold(wire[i]);
        HashCode hash = default;
        hash.AddBytes(folded[..wire.Length]);
        return hash.ToHashCode();
    }

    private static bool TryTake(string text, ref int at, List<byte> wire)
    {
        if (text[at] == '\\')
        {
            if (at + 1 >= text.Length)
                return false;
            if (char.IsAsciiDigit(text[at + 1]))
            {
                bool isByte = at + 3 < text.Length && byte.TryParse(text.AsSpan(at + 1, 3), System.Globalization.NumberStyles.None, null, out _);
                if (isByte)
                    wire.Add(byte.Parse(text.AsSpan(at + 1, 3)));
                at += 4;
                return isByte;
            }

            at++;
        }

        if (!Rune.TryGetRuneAt(text, at, out Rune rune))
            return false;
        Span<byte> bytes = stackalloc byte[4];
        wire.AddRange(bytes[..rune.EncodeToUtf8(bytes)]);
        at += rune.Utf16SequenceLength;
        return true;
    }

    private static void Show(StringBuilder text, ReadOnlySpan<byte> label)
    {
        bool isText = Utf8.IsValid(label);
        for (int i = 0; i < label.Length;)
        {
            Rune rune = new(label[i] < 0x80 ? label[i] : 0);
            int size = 1;
            if (isText)
                Rune.DecodeFromUtf8(label[i..], out rune, out size);
            if (rune.Value is '.' or '\\')
                text.Append('\\').Append((char)rune.Value);
            else if (!Rune.IsControl(rune))
                text.Append(rune.ToString());
            else
                ShowBytes(text, label.Slice(i, size));
            i += size;
        }
    }

    private static void ShowBytes(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
            text.Append($"\\{b:D3}");
    }
}
