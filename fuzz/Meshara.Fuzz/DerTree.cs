using System.Formats.Asn1;

namespace Meshara.Fuzz;

/// <summary>DER as a tree, so that it can be changed and all lengths are right again.</summary>
internal sealed class DerTree
{
    private const int MaxDepth = 12;

    private byte _tag;
    private byte[] _content = [];
    private List<DerTree>? _parts;

    /// <summary>Reads one value; null: it is none.</summary>
    public static DerTree? Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            return Read(der, 0, out int length) is { } tree && length == der.Length ? tree : null;
        }
        catch (AsnContentException)
        {
            return null;
        }
    }

    /// <summary>Changes a value somewhere in it: its tag, its content, how often it is there.</summary>
    public void Change(Mutator mutator, DerTree other)
    {
        List<DerTree> all = [.. All()], others = [.. other.All()];
        DerTree chosen = mutator.Pick(all), taken = mutator.Pick(others);
        switch (mutator.Below(6))
        {
            case 0:
                chosen._tag = mutator.Below(2) == 0 ? taken._tag : (byte)mutator.Below(256);
                break;
            case 1 when chosen._parts is { Count: > 0 } parts:
                parts.RemoveAt(mutator.Below(parts.Count));
                break;
            case 2 when chosen._parts is { } parts:
                parts.Insert(mutator.Below(parts.Count + 1), taken.Copy());
                break;
            case 3:
                (chosen._tag, chosen._content, chosen._parts) = (taken._tag, taken._content, taken.Copy()._parts);
                break;
            default:
                (chosen._content, chosen._parts) = (mutator.Mutate(chosen.Content(), taken.Content()), null);
                break;
        }
    }

    /// <summary>In DER.</summary>
    public byte[] Write()
    {
        byte[] content = Content();
        byte[] length = content.Length switch
        {
            < 0x80 => [(byte)content.Length],
            < 0x100 => [0x81, (byte)content.Length],
            < 0x10000 => [0x82, (byte)(content.Length >> 8), (byte)content.Length],
            _ => [0x83, (byte)(content.Length >> 16), (byte)(content.Length >> 8), (byte)content.Length],
        };
        return [_tag, .. length, .. content];
    }

    private static DerTree? Read(ReadOnlyMemory<byte> der, int depth, out int length)
    {
        if (depth > MaxDepth || !AsnDecoder.TryReadEncodedValue(der.Span, AsnEncodingRules.BER, out Asn1Tag tag, out int offset, out int contentLength, out length) || tag.TagValue > 30)
        {
            length = 0;
            return null;
        }

        ReadOnlyMemory<byte> content = der.Slice(offset, contentLength);
        DerTree tree = new() { _tag = der.Span[0], _content = content.ToArray() };
        tree._parts = tag.IsConstructed ? Parts(content, depth) : null;
        return tree;
    }

    private static List<DerTree>? Parts(ReadOnlyMemory<byte> content, int depth)
    {
        List<DerTree> parts = [];
        while (content.Length > 0)
        {
            if (Read(content, depth + 1, out int length) is not { } part)
                return null;
            parts.Add(part);
            content = content[length..];
        }

        return parts;
    }

    private byte[] Content() => _parts is null ? _content : [.. _parts.SelectMany(static part => part.Write())];

    private DerTree Copy() => new() { _tag = _tag, _content = _content, _parts = _parts is null ? null : [.. _parts.Select(static part => part.Copy())] };

    private IEnumerable<DerTree> All() => _parts is null ? [this] : _parts.SelectMany(static part => part.All()).Prepend(this);
}
