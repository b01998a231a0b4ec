using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Meshara.Core.Policy;
using Meshara.Storage;

namespace Meshara.Discovery;

/// <summary>The text of a static peers file, and of a list over HTTPS: <c>{ "static_peers": [ { "name": …, "multiaddr": … } ] }</c>. Pure.</summary>
/// <remarks>Hostile inputs T1 to T4. Fields that this version does not know are passed over; comments (<c>//</c>, <c>/* */</c>) and a comma after the last
/// entry are accepted, because people write such files. An address is changed in place: no other byte of the file moves.</remarks>
internal static class StaticPeersText
{
    public const int MaxBytes = 1 << 20;
    public const int MaxPeers = 4096;
    public const int MaxDepth = 64;

    private const string Example = "{ \"static_peers\": [ { \"name\": \"…\", \"multiaddr\": \"/ip4/…/tcp/…/p2p/…\" } ] }";
    private const int MaxMessage = 200;

    private static ReadOnlySpan<byte> Bom => [0xEF, 0xBB, 0xBF];

    /// <summary>Reads the list.</summary>
    /// <param name="bytes">The whole file, with or without a byte order mark.</param>
    /// <param name="needsIds">Whether each entry must say who its peer is, by its id or its public key.</param>
    /// <param name="peers">In the order of the file; empty when something is wrong.</param>
    /// <returns>The first fault; null: none.</returns>
    public static StaticPeersFault? Parse(ReadOnlySpan<byte> bytes, bool needsIds, out IReadOnlyList<StaticPeer> peers)
    {
        peers = [];
        if (WhyNotText(bytes) is { } fault)
        {
            return fault;
        }

        int bom = bytes.StartsWith(Bom) ? Bom.Length : 0;
        Parser parser = new(bytes[bom..], needsIds);
        try
        {
            if (parser.Read() is { } wrong)
            {
                return wrong;
            }
        }
        catch (JsonException e)
        {
            return FromJson(bytes[bom..], e);
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, written as an escape.
            return parser.Here("this text is not valid Unicode. Correct its \\u escapes");
        }

        peers = [.. parser.Peers.Select(p => p with { Offset = p.Offset + bom })];
        return null;
    }

    /// <summary>The same file with other addresses.</summary>
    /// <param name="bytes">The file as it was parsed.</param>
    /// <param name="changes">Entries of <see cref="Parse"/> and where their peers are now.</param>
    public static byte[] Change(ReadOnlySpan<byte> bytes, IEnumerable<(StaticPeer Peer, PeerAddress Now)> changes)
    {
        ArrayBufferWriter<byte> written = new(bytes.Length + 256);
        int from = 0;
        foreach ((StaticPeer peer, PeerAddress now) in changes.OrderBy(c => c.Peer.Offset))
        {
            written.Write(bytes[from..peer.Offset]);
            written.Write(JsonEncodedText.Encode(Rewrite(peer, now)).EncodedUtf8Bytes);
            from = peer.Offset + peer.Length;
        }

        written.Write(bytes[from..]);
        return written.WrittenSpan.ToArray();
    }

    /// <summary>The address of an entry in the form in which it stands there, with another host and port; what says who answers stays as it is written.</summary>
    internal static string Rewrite(StaticPeer peer, PeerAddress now)
    {
        string text = peer.Text.Trim();
        if (peer.Form == StaticPeerForm.Address)
        {
            return string.Concat(text.AsSpan(0, text.IndexOf('@', StringComparison.Ordinal) + 1), now.HostAndPort);
        }

        string[] parts = text.Split('/');
        int port = parts[1] == "ip6zone" ? 6 : 4;
        string host = now.Host == peer.Address.Host ? string.Join('/', parts[..(port - 1)]) : MultiaddrHost(now.Host);
        string rest = string.Concat(parts[(port + 1)..].Select(p => $"/{p}"));
        return string.Create(CultureInfo.InvariantCulture, $"{host}/tcp/{now.Port}{rest}");
    }

    private static string MultiaddrHost(string host)
    {
        int scope = host.IndexOf('%', StringComparison.Ordinal);
        return scope >= 0 ? $"/ip6zone/{host[(scope + 1)..]}/ip6/{host[..scope]}"
            : HostName.IsIPv6(host) ? $"/ip6/{host}"
            : HostName.IsIPv4(host) ? $"/ip4/{host}"
            : $"/dns/{host}";
    }

    private static StaticPeersFault? WhyNotText(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytes)
        {
            return new StaticPeersFault($"it has {bytes.Length} bytes, {MaxBytes} are the most. Shorten it", 0, 0);
        }

        if ((bytes.StartsWith(Bom) ? bytes[Bom.Length..] : bytes).Trim(" \t\r\n"u8).IsEmpty)
        {
            return new StaticPeersFault($"it is empty. Write {Example}", 0, 0);
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || bytes.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            return new StaticPeersFault("it is UTF-16 text. Save it as UTF-8", 0, 0);
        }

        for (int at = Utf8.IsValid(bytes) ? bytes.Length : 0; at < bytes.Length;)
        {
            if (Rune.DecodeFromUtf8(bytes[at..], out _, out int length) != OperationStatus.Done)
            {
                return At(bytes, at, "this is not UTF-8 text. Save the file as UTF-8");
            }

            at += length;
        }

        return null;
    }

    private static StaticPeersFault FromJson(ReadOnlySpan<byte> json, JsonException e)
    {
        int start = 0;
        for (long line = 0; line < e.LineNumber; line++)
        {
            start += json[start..].IndexOf((byte)'\n') + 1;
        }

        int place = e.Message.LastIndexOf(" LineNumber:", StringComparison.Ordinal);
        StringBuilder what = new();
        foreach (char c in (place < 0 ? e.Message : e.Message[..place]).TrimEnd('.'))
        {
            // The framework's message repeats what stands in the file.
            what.Append(what.Length >= MaxMessage ? "" : char.IsControl(c) || c > '~' ? "?" : c.ToString());
        }

        return At(json, (int)Math.Min(start + (e.BytePositionInLine ?? 0), json.Length), $"it is not JSON: {what}. Correct it there or shortly before");
    }

    private static StaticPeersFault At(ReadOnlySpan<byte> json, int offset, string what)
    {
        ReadOnlySpan<byte> before = json[..offset];
        ReadOnlySpan<byte> line = before[(before.LastIndexOf((byte)'\n') + 1)..];
        line = line.StartsWith(Bom) ? line[Bom.Length..] : line;
        int column = 1;
        foreach (byte b in line)
        {
            column += (b & 0xC0) == 0x80 ? 0 : 1;
        }

        return new StaticPeersFault(what, before.Count((byte)'\n') + 1, column);
    }

    // One field of an entry: its text and where that stands.
    private readonly record struct Field(string Text, int Offset, int Length)
    {
        public int Quote => Offset - 1;
    }

    private ref struct Parser(ReadOnlySpan<byte> json, bool needsIds)
    {
        private readonly ReadOnlySpan<byte> _json = json;
        private readonly Dictionary<string, StaticPeer> _byAddress = new(StringComparer.Ordinal);
        private Utf8JsonReader _reader = new(json, new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = MaxDepth });

        public List<StaticPeer> Peers { get; } = [];

        public readonly StaticPeersFault Here(string what) => StaticPeersText.At(_json, (int)_reader.TokenStartIndex, what);

        public StaticPeersFault? Read()
        {
            if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
            {
                return Here($"the file must hold an object, {Example}");
            }

            bool seen = false;
            StaticPeersFault? misspelt = null;
            while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isList = _reader.ValueTextEquals("static_peers"u8);
                if (isList && seen)
                {
                    return Here("\"static_peers\" stands there twice. Make one list of the two");
                }

                seen |= isList;
                if (!isList && misspelt is null && IsNearly(Encoding.UTF8.GetString(_reader.ValueSpan)))
                {
                    misspelt = Here($"{Printable.Quote(Encoding.UTF8.GetString(_reader.ValueSpan))} must be written \"static_peers\"");
                }

                _reader.Read();
                if (!isList)
                {
                    _reader.Skip();
                }
                else if (ReadList() is { } wrong)
                {
                    return wrong;
                }
            }

            // What comes after the object is a fault of the syntax.
            while (_reader.Read())
            {
            }

            return seen ? null : misspelt ?? new StaticPeersFault($"it has no \"static_peers\". Write {Example}", 0, 0);
        }

        // Static_Peers, staticPeers, static-peers.
        private static bool IsNearly(string name) =>
            name.Length <= MaxMessage && string.Concat(name.Where(char.IsAsciiLetter)).Equals("staticpeers", StringComparison.OrdinalIgnoreCase);

        private StaticPeersFault? ReadList()
        {
            if (_reader.TokenType != JsonTokenType.StartArray)
            {
                return Here("\"static_peers\" must be a list: [ … ]");
            }

            while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
            {
                if (Peers.Count == MaxPeers)
                {
                    return Here($"there are more than {MaxPeers} peers. Take some out");
                }

                if (_reader.TokenType != JsonTokenType.StartObject)
                {
                    return Here("a peer must be an object: { \"name\": \"…\", \"multiaddr\": \"…\" }");
                }

                if (ReadPeer() is { } wrong)
                {
                    return wrong;
                }
            }

            return null;
        }

        private StaticPeersFault? ReadPeer()
        {
            int start = (int)_reader.TokenStartIndex;
            Field? name = null, multiaddr = null, address = null, key = null;
            while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
            {
                StaticPeersFault? wrong = _reader.ValueTextEquals("name"u8) ? ReadField("name", ref name)
                    : _reader.ValueTextEquals("multiaddr"u8) ? ReadField("multiaddr", ref multiaddr)
                    : _reader.ValueTextEquals("address"u8) ? ReadField("address", ref address)
                    : _reader.ValueTextEquals("public_key"u8) ? ReadField("public_key", ref key)
                    : PassOver();
                if (wrong is not null)
                {
                    return wrong;
                }
            }

            return (name, address, multiaddr) switch
            {
                ({ } n, _, _) when !KnownPeer.IsName(n.Text) => At(n.Quote, $"a name has 1 to {KnownPeer.MaxName} characters and no control characters"),
                (_, null, null) => At(start, "the peer has neither \"multiaddr\" nor \"address\". Write one of them"),
                (_, { } a, { }) => At(a.Quote, "the peer has both \"multiaddr\" and \"address\". Write one of them"),
                (_, _, { } m) when !m.Text.AsSpan().TrimStart().StartsWith('/') => At(m.Quote, $"{Printable.Quote(m.Text)} is no multiaddr: /ip4/…/tcp/…/p2p/… is expected. Write host:port as \"address\""),
                (_, { } a, _) when a.Text.AsSpan().TrimStart().StartsWith('/') => At(a.Quote, $"{Printable.Quote(a.Text)} is no host:port. Write it as \"multiaddr\""),
                _ => Add(name?.Text, (multiaddr ?? address)!.Value, multiaddr is null ? StaticPeerForm.Address : StaticPeerForm.Multiaddr, key),
            };
        }

        private StaticPeersFault? PassOver()
        {
            _reader.Read();
            _reader.Skip();
            return null;
        }

        private StaticPeersFault? ReadField(string name, ref Field? field)
        {
            if (field is not null)
            {
                return Here($"\"{name}\" stands there twice. Take one out");
            }

            _reader.Read();
            if (_reader.TokenType == JsonTokenType.Null)
            {
                // As programs write what they leave out.
                return null;
            }

            if (_reader.TokenType != JsonTokenType.String)
            {
                return Here($"\"{name}\" must be a text in double quotes");
            }

            field = new Field(_reader.GetString()!, (int)_reader.TokenStartIndex + 1, _reader.ValueSpan.Length);
            return null;
        }

        private readonly StaticPeersFault? Add(string? name, Field field, StaticPeerForm form, Field? key)
        {
            if (!PeerAddressParser.TryParse(field.Text, out PeerAddress? address, out string? why))
            {
                return At(field.Quote, $"{Printable.Quote(field.Text)} is not an address: {why}");
            }

            if (IPAddress.TryParse(address.Host, out IPAddress? ip) && !AddressKinds.MayName(ip, from: null))
            {
                return At(field.Quote, $"{Printable.Quote(field.Text)} is a wildcard, multicast or broadcast address, and nobody can be dialled there. Write the peer's own");
            }

            if (ReadKey(key, address, out NodeId? id) is { } wrong)
            {
                return wrong;
            }

            address = address with { Id = id };
            if (id is null && needsIds)
            {
                return At(field.Quote, $"it does not say who must answer at {address}. Add \"public_key\", or the id: /p2p/<node id> at the end, id@ at the beginning of host:port");
            }

            StaticPeer peer = new(address, name, form, field.Text) { Offset = field.Offset, Length = field.Length };
            if (id is not null && !_byAddress.TryAdd(address.HostAndPort, peer) && _byAddress[address.HostAndPort] is { } other && other.Address.Id != id)
            {
                return At(field.Quote, $"{address.HostAndPort} is claimed by {id} here and by {other.Address.Id} in line {At(other.Offset - 1, "").Line}. Only one can be there: correct the other");
            }

            Peers.Add(peer);
            return null;
        }

        private readonly StaticPeersFault? ReadKey(Field? field, PeerAddress address, out NodeId? id)
        {
            id = address.Id;
            if (field is not { } written)
            {
                return null;
            }

            try
            {
                PublicKey key = PublicKey.Parse(written.Text);
                if (id is { } named && named != key.Id)
                {
                    return At(written.Quote, $"the address names the id {named}, and this public key has the id {key.Id}. Correct one of them");
                }

                id = key.Id;
                return null;
            }
            catch (FormatException e)
            {
                return At(written.Quote, $"\"public_key\": {e.Message.TrimEnd('.')}");
            }
        }

        private readonly StaticPeersFault At(int offset, string what) => StaticPeersText.At(_json, offset, what);
    }
}
