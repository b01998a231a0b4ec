using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Meshara.Mdns;

/// <summary>What a service says of itself beside its address: keys with values, as in RFC 6763 section 6. Immutable.</summary>
/// <remarks>Keys are compared without regard to ASCII case and keep their order. A key may have no value ("present", RFC 6763 section 6.4), which is not the same as an empty value.</remarks>
public sealed class TxtRecord : IEquatable<TxtRecord>
{
    /// <summary>Most bytes of a record that is made here, each string's length byte included. RFC 6763 section 6.2: beyond 1300 it may not fit one Ethernet packet.</summary>
    public const int MaxSize = 1300;

    /// <summary>Most bytes of one string: key, '=' and value (RFC 6763 section 6.1).</summary>
    public const int MaxStringSize = 255;

    /// <summary>What is read of a received record at most; a packet of 9000 bytes holds no more.</summary>
    internal const int MaxReadSize = 8900;

    private readonly string[] _keys;
    private readonly FrozenDictionary<string, ReadOnlyMemory<byte>?> _values;

    private TxtRecord(List<KeyValuePair<string, ReadOnlyMemory<byte>?>> entries, ReadOnlyMemory<byte> encoded)
    {
        _keys = [.. entries.Select(static e => e.Key)];
        _values = entries.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
        Encoded = encoded;
    }

    /// <summary>The record without any key. On the wire it is one zero byte (RFC 6763 section 6.1).</summary>
    public static TxtRecord Empty { get; } = new([], new byte[1]);

    /// <summary>The keys, in their order and as they were written.</summary>
    public IReadOnlyList<string> Keys => _keys;

    /// <summary>The RDATA: strings of a length byte each; of a received record exactly what was received.</summary>
    internal ReadOnlyMemory<byte> Encoded { get; }

    /// <summary>The value of a key as text; null: there is no such key, it has no value, or it is not UTF-8.</summary>
    /// <param name="key">The key, in any case.</param>
    public string? this[string key] => TryGetString(key, out string? value) ? value : null;

    /// <summary>Makes a record from texts.</summary>
    /// <param name="entries">Keys, of printable ASCII without '=', and their values; a value of null: the key alone.</param>
    /// <exception cref="ArgumentException">A key is empty, has other characters, is there twice, or key and value exceed <see cref="MaxStringSize"/> or all of them <see cref="MaxSize"/>.</exception>
    public static TxtRecord Create(params (string Key, string? Value)[] entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        return Create(entries.Select(static e => KeyValuePair.Create(e.Key, e.Value is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(e.Value))));
    }

    /// <summary>Makes a record whose values are bytes.</summary>
    /// <param name="entries">As for texts.</param>
    /// <exception cref="ArgumentException">As for texts.</exception>
    public static TxtRecord Create(IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>?>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        List<KeyValuePair<string, ReadOnlyMemory<byte>?>> all = [];
        HashSet<string> seen = new(StringComparer.OrdinalIgnoreCase);
        List<byte> encoded = [];
        foreach ((string key, ReadOnlyMemory<byte>? value) in entries)
        {
            ArgumentException.ThrowIfNullOrEmpty(key, nameof(entries));
            int size = key.Length + (value is { } v ? 1 + v.Length : 0);
            if (key.AsSpan().ContainsAnyExceptInRange(' ', '~') || key.Contains('=', StringComparison.Ordinal))
                throw new ArgumentException($"A key of a TXT record is of printable ASCII without '=' (RFC 6763 section 6.4); \"{key}\" is not.", nameof(entries));
            if (!seen.Add(key))
                throw new ArgumentException($"The key \"{key}\" is there twice; a reader would take the first only.", nameof(entries));
            if (size > MaxStringSize)
                throw new ArgumentException($"The key \"{key}\" and its value take {size} bytes; at most {MaxStringSize} fit a string of a TXT record.", nameof(entries));
            encoded.Add((byte)size);
            encoded.AddRange(Encoding.ASCII.GetBytes(key));
            if (value is { } bytes)
            {
                encoded.Add((byte)'=');
                encoded.AddRange(bytes.Span);
            }

            all.Add(KeyValuePair.Create(key, value is { } copied ? copied.ToArray() : (ReadOnlyMemory<byte>?)null));
        }

        if (encoded.Count > MaxSize)
            throw new ArgumentException($"The TXT record takes {encoded.Count} bytes; at most {MaxSize} fit one packet beside the other records.", nameof(entries));
        return all.Count == 0 ? Empty : new TxtRecord(all, encoded.ToArray());
    }

    /// <summary>Whether the key is there, with a value or without.</summary>
    /// <param name="key">The key, in any case.</param>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>The value of a key; false: there is no such key, or it has no value.</summary>
    /// <param name="key">The key, in any case.</param>
    /// <param name="value">Its value; may be empty.</param>
    public bool TryGetValue(string key, out ReadOnlyMemory<byte> value)
    {
        bool isThere = _values.TryGetValue(key, out ReadOnlyMemory<byte>? found) && found is not null;
        value = found.GetValueOrDefault();
        return isThere;
    }

    /// <summary>The value of a key as text; false: there is no such key, it has no value, or its value is not UTF-8.</summary>
    /// <param name="key">The key, in any case.</param>
    /// <param name="value">Its value; may be empty.</param>
    public bool TryGetString(string key, [NotNullWhen(true)] out string? value)
    {
        value = TryGetValue(key, out ReadOnlyMemory<byte> bytes) && System.Text.Unicode.Utf8.IsValid(bytes.Span) ? Encoding.UTF8.GetString(bytes.Span) : null;
        return value is not null;
    }

    /// <summary>Whether both are the same bytes in the same order.</summary>
    /// <param name="other">The other record.</param>
    public bool Equals(TxtRecord? other) => other is not null && Encoded.Span.SequenceEqual(other.Encoded.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TxtRecord);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Encoded.Span);
        return hash.ToHashCode();
    }

    /// <summary>The keys and values for a person: `key=value`, separated by spaces; bytes that are not text as `\DDD`.</summary>
    public override string ToString() => string.Join(' ', _keys.Select(k => _values[k] is { } value ? $"{k}={Show(value.Span)}" : k));

    /// <summary>Reads a received record. RFC 6763 section 6.4: a string that begins with '=' and a key that was there before are ignored; a string cut off at the end is too.</summary>
    internal static TxtRecord Read(ReadOnlyMemory<byte> encoded)
    {
        if (encoded.Length > MaxReadSize)
            encoded = encoded[..MaxReadSize];
        List<KeyValuePair<string, ReadOnlyMemory<byte>?>> entries = [];
        HashSet<string> seen = new(StringComparer.OrdinalIgnoreCase);
        ReadOnlyMemory<byte> rest = encoded;
        while (rest.Length > 0 && rest.Span[0] < rest.Length)
        {
            ReadOnlyMemory<byte> text = rest.Slice(1, rest.Span[0]);
            rest = rest[(1 + text.Length)..];
            int at = text.Span.IndexOf((byte)'=');
            ReadOnlySpan<byte> name = at < 0 ? text.Span : text.Span[..at];
            if (name.IsEmpty || name.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
                continue;
            string key = Encoding.ASCII.GetString(name);
            if (seen.Add(key))
                entries.Add(KeyValuePair.Create(key, at < 0 ? (ReadOnlyMemory<byte>?)null : text[(at + 1)..]));
        }

        return new TxtRecord(entries, encoded);
    }

    private static string Show(ReadOnlySpan<byte> value)
    {
        bool isText = System.Text.Unicode.Utf8.IsValid(value) && !Encoding.UTF8.GetString(value).Any(char.IsControl);
        if (isText)
            return Encoding.UTF8.GetString(value);
        StringBuilder text = new();
        foreach (byte b in value)
            _ = b is >= (byte)' ' and <= (byte)'~' ? text.Append((char)b) : text.Append($"\\{b:D3}");
        return text.ToString();
    }
}
