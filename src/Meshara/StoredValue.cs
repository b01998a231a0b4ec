using System.Text;

namespace Meshara;

/// <summary>Brings values that may come from a damaged store into their ranges.</summary>
internal static class StoredValue
{
    /// <summary>In UTC, whole milliseconds, not before 1970: what a store gives back is equal to what it got.</summary>
    public static DateTimeOffset Time(DateTimeOffset value) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, value.ToUnixTimeMilliseconds()));

    /// <inheritdoc cref="Time(DateTimeOffset)"/>
    public static DateTimeOffset? Time(DateTimeOffset? value) => value is { } time ? Time(time) : null;

    /// <summary>Clamped; NaN, which says nothing, is 0.</summary>
    public static double Score(double value, double min, double max) => double.IsNaN(value) ? 0 : Math.Clamp(value, min, max);

    /// <summary>A copy of the first items.</summary>
    public static IReadOnlyList<T> List<T>(IReadOnlyList<T> items, int most)
    {
        ArgumentNullException.ThrowIfNull(items);
        return [.. items.Take(most)];
    }

    /// <summary>A copy of the last items.</summary>
    public static IReadOnlyList<T> Last<T>(IReadOnlyList<T> items, int most)
    {
        ArgumentNullException.ThrowIfNull(items);
        return [.. items.TakeLast(most)];
    }

    /// <summary>Cut, with a question mark for each control character and each half of a surrogate pair, which no UTF-8 can hold.</summary>
    public static string Text(string text, int most)
    {
        ArgumentNullException.ThrowIfNull(text);
        string cut = text.Length > most ? text[..most] : text;
        return IsClean(cut) ? cut : Clean(cut);
    }

    /// <summary>A copy of the key; null for none, and for an empty one, which a null array becomes on its way here.</summary>
    /// <exception cref="ArgumentException">Not <see cref="PeerStoreContent.TableKeySize"/> bytes.</exception>
    public static ReadOnlyMemory<byte>? TableKey(ReadOnlyMemory<byte>? key)
    {
        if (key is not { Length: > 0 } bytes)
            return null;

        return bytes.Length == PeerStoreContent.TableKeySize
            ? bytes.ToArray()
            : throw new ArgumentException($"The table key has {PeerStoreContent.TableKeySize} bytes, not {bytes.Length}.", nameof(key));
    }

    private static bool IsClean(string text)
    {
        foreach (char c in text)
        {
            if (c is < ' ' or > '~')
                return false;
        }

        return true;
    }

    private static string Clean(string text)
    {
        StringBuilder clean = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (!Rune.TryGetRuneAt(text, i, out Rune rune) || Rune.IsControl(rune))
            {
                clean.Append('?');
                continue;
            }

            clean.Append(rune.ToString());
            i += rune.Utf16SequenceLength - 1;
        }

        return clean.ToString();
    }
}
