using System.Diagnostics.CodeAnalysis;

namespace Meshara.Mdns;

/// <summary>The written form of a service type (RFC 6763 section 7).</summary>
internal static class ServiceTypes
{
    /// <summary>What is asked to list all types on a network (RFC 6763 section 9).</summary>
    public const string All = "_services._dns-sd._udp";

    /// <summary><c>_name._tcp</c> or <c>_name._udp</c> without what may follow it (<c>.local</c>, a last dot); false: it is none.</summary>
    public static bool TryNormalize(string? text, [NotNullWhen(true)] out string? type)
    {
        type = null;
        if (text is null)
        {
            return false;
        }

        string bare = Bare(text);
        int dot = bare.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0 || !IsName(bare.AsSpan(0, dot)) || bare[(dot + 1)..].ToUpperInvariant() is not ("_TCP" or "_UDP"))
        {
            return false;
        }

        type = bare;
        return true;
    }

    /// <summary>As <see cref="TryNormalize"/>, for one who browses: the list of all types too.</summary>
    public static bool TryNormalizeBrowsed(string? text, [NotNullWhen(true)] out string? type)
    {
        bool isAll = text is not null && string.Equals(Bare(text), All, StringComparison.OrdinalIgnoreCase);
        type = isAll ? All : null;
        return isAll || TryNormalize(text, out type);
    }

    private static string Bare(string text)
    {
        string bare = text.EndsWith('.') ? text[..^1] : text;
        return bare.EndsWith(".local", StringComparison.OrdinalIgnoreCase) ? bare[..^".local".Length] : bare;
    }

    private static bool IsName(ReadOnlySpan<char> name)
    {
        // RFC 6763 section 7.2 bounds what is registered at 15 characters; longer ones are in the field (iOS apps) and refused by nobody.
        if (name.Length is < 2 or > 63 || name[0] != '_')
        {
            return false;
        }

        foreach (char c in name[1..])
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
            {
                return false;
            }
        }

        return true;
    }
}
