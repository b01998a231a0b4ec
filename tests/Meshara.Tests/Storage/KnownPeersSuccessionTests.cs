using Meshara.Storage;
using Xunit;

namespace Meshara.Tests.Storage;

/// <summary>A pin whose peer has a new key.</summary>
public sealed class KnownPeersSuccessionTests : IDisposable
{
    private static readonly PublicKey[] Keys = [.. Enumerable.Range(0, 8).Select(_ => NewKey())];
    private static readonly DateTimeOffset Until = new(2026, 12, 21, 2, 49, 31, TimeSpan.Zero);
    private readonly TempFolder _folder = new();

    private string Path => _folder["known_peers"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Succeed_Pinned_TheLineIsTheNewKeysAndNamesTheOld()
    {
        Write($"# mine\n{Keys[0]} name=bob origin=added host:1 later=thing # note\n{Keys[1]}\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);

        Assert.True(file.Succeed(Keys[0].Id, Keys[2], Until.AddMilliseconds(123), createIfMissing: false));

        Assert.Equal(
            $"# mine\n{Keys[2]} name=bob origin=added host:1 previous={Keys[0].Id}/2026-12-21T02:49:31Z later=thing # note\n{Keys[1]}\n",
            File.ReadAllText(Path));
        KnownPeer peer = KnownPeersFile.Load(Path).Find(Keys[2].Id)!;
        Assert.Equal([new PreviousKey(Keys[0].Id, Until)], peer.Previous);
        Assert.Equal(peer, file.Find(Keys[2].Id));
        Assert.Null(file.Find(Keys[0].Id));
    }

    [Fact]
    public void Succeed_BothKeysHaveALine_BecomesOne()
    {
        string sixteen = string.Join(' ', Enumerable.Range(1, 16).Select(i => $"new:{i}"));
        Write($"{Keys[2]} origin=trusted {sixteen} a=1\n{Keys[0]} name=bob origin=added old:1 new:3 b=2 # note\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);

        Assert.True(file.Succeed(Keys[0].Id, Keys[2], Until, createIfMissing: false));

        Assert.Equal($"{Keys[2]} name=bob origin=added {sixteen} previous={Keys[0].Id}/2026-12-21T02:49:31Z b=2 a=1 # note\n", File.ReadAllText(Path));
        Assert.Equal(file.All, KnownPeersFile.Load(Path).All);
    }

    [Fact]
    public void Succeed_Twice_SaysItOnce()
    {
        Write($"{Keys[0]}\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Succeed(Keys[0].Id, Keys[1], Until, createIfMissing: false);
        file.Succeed(Keys[0].Id, Keys[1], Until, createIfMissing: false);
        file.Succeed(Keys[1].Id, Keys[2], Until.AddDays(1), createIfMissing: false);

        Assert.Equal([Keys[0].Id, Keys[1].Id], Assert.Single(KnownPeersFile.Load(Path).All).Previous.Select(p => p.Id));
    }

    [Fact]
    public void Succeed_FiveTimes_KeepsTheLastFour()
    {
        Write($"{Keys[0]}\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        for (int i = 0; i < 5; i++)
        {
            file.Succeed(Keys[i].Id, Keys[i + 1], Until, createIfMissing: false);
        }

        Assert.Equal(Keys[1..5].Select(k => k.Id), Assert.Single(KnownPeersFile.Load(Path).All).Previous.Select(p => p.Id));
    }

    [Fact]
    public void Succeed_NeitherPinned_OnlyWhereItIsAsked()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        Assert.False(file.Succeed(Keys[0].Id, Keys[1], Until, createIfMissing: false));
        Assert.False(File.Exists(Path));

        Assert.True(file.Succeed(Keys[0].Id, Keys[1], Until, createIfMissing: true));

        KnownPeer peer = Assert.Single(KnownPeersFile.Load(Path).All);
        Assert.Equal((KnownPeerOrigin.Trusted, Keys[0].Id), (peer.Origin, peer.Previous[0].Id));
    }

    [Fact]
    public void Add_KeyThatIsPreviousElsewhere_IsItsOwnPinAgain()
    {
        Write($"{Keys[0]}\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Succeed(Keys[0].Id, Keys[1], Until, createIfMissing: false);

        Assert.True(file.Add(new KnownPeer(Keys[0], [], null, KnownPeerOrigin.Trusted)));

        Assert.All(KnownPeersFile.Load(Path).All, p => Assert.Empty(p.Previous));
        Assert.Equal(2, file.All.Count);
    }

    [Fact]
    public void Add_PinWithOlderKeys_KeepsThemAndReplaceDoesNot()
    {
        Write($"{Keys[0]}\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Succeed(Keys[0].Id, Keys[1], Until, createIfMissing: false);
        Assert.True(file.Add(new KnownPeer(Keys[1], [], "bob", KnownPeerOrigin.Trusted)));
        Assert.Single(file.Find(Keys[1].Id)!.Previous);
        Assert.False(file.Add(new KnownPeer(Keys[1], [], "bob", KnownPeerOrigin.Trusted)));

        Assert.True(file.Replace(Keys[1].Id, Keys[2]));

        Assert.Empty(Assert.Single(KnownPeersFile.Load(Path).All).Previous);
    }

    [Theory]
    [InlineData("previous=")]
    [InlineData("previous=abc/2026-12-21T02:49:31Z")]
    [InlineData("previous=ID/2026-12-21")]
    [InlineData("previous=ID/2026-12-21T02:49:31+01:00")]
    [InlineData("previous=OWN/2026-12-21T02:49:31Z")]
    [InlineData("previous=ID/2026-12-21T02:49:31Z previous=ID/2026-12-21T02:49:31Z")]
    public void Load_WrongPrevious_NamesTheLine(string field)
    {
        string text = $"{Keys[0]} {field.Replace("ID", Keys[1].Id.ToString(), StringComparison.Ordinal).Replace("OWN", Keys[0].Id.ToString(), StringComparison.Ordinal)}\n";
        Write(text);

        MesharaException e = Assert.Throws<MesharaException>(() => KnownPeersFile.Load(Path));

        Assert.Contains("line 1", e.Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(Path));
    }

    private static PublicKey NewKey()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }

    private void Write(string text)
    {
        File.WriteAllText(Path, text);
        Mode.Set(Path, Mode.File);
    }
}
