using System.Net;
using System.Text;
using Meshara.Mdns.Wire;

namespace Meshara.Mdns.Engine;

/// <summary>A name that nobody else on the network may have: that of an instance or of a host. It is one on all links: a conflict on any changes it everywhere (RFC 6762 section 9).</summary>
internal sealed class OwnName
{
    /// <summary>Numbers tried before one is drawn: whoever answers each of them wants no name to be left.</summary>
    private const int Numbered = 3;

    private readonly string _base;
    private int _attempt;

    public OwnName(string label, DnsName parent, bool isHost)
    {
        _base = label;
        Parent = parent;
        IsHost = isHost;
        Label = label;
        Name = parent.Child(label);
    }

    /// <summary>What it stands under: the type of service, or <c>local</c>.</summary>
    public DnsName Parent { get; }

    /// <summary>The name of a host; else of an instance.</summary>
    public bool IsHost { get; }

    /// <summary>The label that was asked for.</summary>
    public string BaseLabel => _base;

    /// <summary>The label now.</summary>
    public string Label { get; private set; }

    /// <summary>The name now.</summary>
    public DnsName Name { get; private set; }

    /// <summary>How many publications use it.</summary>
    public int Users { get; set; }

    /// <summary>There were too many conflicts: each further attempt waits 5 s, until one succeeds (RFC 6762 section 8.1).</summary>
    public bool IsSlow { get; set; }

    /// <summary>Takes the next name: with 2, 3, 4 added, then with a number drawn (RFC 6762 section 9, RFC 6763 appendix D).</summary>
    public void Change(Random random)
    {
        _attempt++;
        int number = _attempt <= Numbered ? _attempt + 1 : random.Next(1_000, 1_000_000);
        Label = With(_base, IsHost ? $"-{number}" : $" ({number})");
        Name = Parent.Child(Label);
    }

    // Cut between characters, so that what is left is UTF-8.
    private static string With(string label, string suffix)
    {
        int room = DnsName.MaxLabel - Encoding.UTF8.GetByteCount(suffix);
        int length = 0;
        foreach (Rune rune in label.EnumerateRunes())
        {
            room -= rune.Utf8SequenceLength;
            if (room < 0)
                break;
            length += rune.Utf16SequenceLength;
        }

        return label[..length] + suffix;
    }
}

/// <summary>A service that is published.</summary>
internal sealed class Publication(PublicationId id, ServiceProfile profile, OwnName instance, OwnName host)
{
    public PublicationId Id { get; } = id;

    /// <summary>What was asked for, as of the last update.</summary>
    public ServiceProfile Profile { get; set; } = profile;

    public OwnName Instance { get; } = instance;

    public OwnName Host { get; } = host;

    /// <summary>Whether an address of this host is told.</summary>
    public bool Tells(IPAddress address)
    {
        if (Profile.Networks.Count == 0)
            return true;
        IPAddress bare = address.WithoutScope();
        return Profile.Networks.Any(n => n.Contains(bare));
    }

    /// <summary>Whether it is published at all on a link with these addresses.</summary>
    public bool IsOn(IReadOnlyList<IPAddress> addresses) => Profile.Networks.Count == 0 || addresses.Any(Tells);

    /// <summary>Whether its owner was told that it has these names.</summary>
    public bool IsReported { get; set; }

    /// <summary>When it was updated of late, the last ten times (RFC 6762 section 8.4).</summary>
    public Queue<TimeSpan> Updates { get; } = new();
}
