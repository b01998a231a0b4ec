using System.Runtime.CompilerServices;
using System.Text;

namespace Meshara.Fuzz.Hooks;

/// <summary>What the code compared and found different: what an input lacks to get further.</summary>
public static class Compares
{
    private const int MostNumbers = 512;
    private const int MostTexts = 128;
    private const int LongestText = 64;

    private static readonly (long Left, long Right)[] NumberRing = new (long, long)[MostNumbers];
    private static readonly (byte[] Left, byte[] Right)[] TextRing = new (byte[], byte[])[MostTexts];
    private static bool _watching;
    private static int _numberCount, _textCount;

    /// <summary>Numbers, each pair as often as it was compared; of more than can be kept, the last.</summary>
    public static ReadOnlySpan<(long Left, long Right)> Numbers => NumberRing.AsSpan(0, Math.Min(_numberCount, MostNumbers));

    /// <summary>Bytes, and texts as UTF-8.</summary>
    public static ReadOnlySpan<(byte[] Left, byte[] Right)> Texts => TextRing.AsSpan(0, Math.Min(_textCount, MostTexts));

    /// <summary>Takes notes from now on, or no longer. To begin forgets the earlier ones.</summary>
    public static void Watch(bool isOn)
    {
        _watching = isOn;
        if (isOn)
            (_numberCount, _textCount) = (0, 0);
    }

    /// <summary>Two numbers of 32 bits are compared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Compare(int left, int right)
    {
        if (_watching)
            Note(left, right);
    }

    /// <summary>Two numbers of 64 bits are compared.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Compare(long left, long right)
    {
        if (_watching)
            Note(left, right);
    }

    public static bool SequenceEqual(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Note(left, right);
        return left.SequenceEqual(right);
    }

    public static bool SequenceEqual(Span<byte> left, ReadOnlySpan<byte> right)
    {
        Note(left, right);
        return left.SequenceEqual(right);
    }

    public static bool SequenceEqual(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        Note(left, right);
        return left.SequenceEqual(right);
    }

    public static bool StartsWith(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        Note(left, right);
        return left.StartsWith(right);
    }

    public static bool StartsWith(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        Note(left, right);
        return left.StartsWith(right);
    }

    public static bool StartsWith(ReadOnlySpan<char> left, ReadOnlySpan<char> right, StringComparison comparison)
    {
        Note(left, right);
        return left.StartsWith(right, comparison);
    }

    public static bool Equals(ReadOnlySpan<char> left, ReadOnlySpan<char> right, StringComparison comparison)
    {
        Note(left, right);
        return left.Equals(right, comparison);
    }

    public static bool Equals(string? left, string? right)
    {
        Note(left, right);
        return string.Equals(left, right);
    }

    public static bool Equals(string? left, string? right, StringComparison comparison)
    {
        Note(left, right);
        return string.Equals(left, right, comparison);
    }

    public static bool NotEqual(string? left, string? right)
    {
        Note(left, right);
        return left != right;
    }

    public static bool EqualsOf(string left, string? right)
    {
        Note(left, right);
        return left.Equals(right);
    }

    public static bool EqualsOf(string left, string? right, StringComparison comparison)
    {
        Note(left, right);
        return left.Equals(right, comparison);
    }

    public static bool StartsWithOf(string left, string right, StringComparison comparison)
    {
        Note(left, right);
        return left.StartsWith(right, comparison);
    }

    private static void Note(long left, long right)
    {
        if (left != right)
            NumberRing[_numberCount++ % MostNumbers] = (left, right);
    }

    private static void Note(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (_watching && !left.SequenceEqual(right))
            TextRing[_textCount++ % MostTexts] = (Cut(left), Cut(right));
    }

    private static void Note(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        if (_watching && !left.SequenceEqual(right))
            TextRing[_textCount++ % MostTexts] = (Cut(left), Cut(right));
    }

    private static byte[] Cut(ReadOnlySpan<byte> text) => text[..Math.Min(text.Length, LongestText)].ToArray();

    // Half a surrogate pair becomes a question mark.
    private static byte[] Cut(ReadOnlySpan<char> text) => Encoding.UTF8.GetBytes(text[..Math.Min(text.Length, LongestText)].ToArray());
}
