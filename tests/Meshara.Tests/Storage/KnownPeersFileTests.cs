using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Meshara.Storage;
using Meshara.Tests.Support;
using Xunit;

namespace Meshara.Tests.Storage;

public sealed class KnownPeersFileTests : IDisposable
{
    private static readonly PublicKey[] Keys = [.. Enumerable.Range(0, 8).Select(_ => NewKey())];

    private readonly TempFolder _folder = new();

    private string Path => _folder["known_peers"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_Missing_IsEmptyAndCreatesNothing()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        Assert.Empty(file.All);
        Assert.Null(file.Find(Keys[0].Id));
        Assert.False(file.Remove(Keys[0].Id));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Add_New_IsStoredPrivatelyAndReadAgain()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        Assert.True(file.Add(Peer(0, "Bob \"B\" \\ Smith", "192.168.0.1:4040", "[fe80::1%eth0]:1")));
        Assert.True(file.Add(new KnownPeer(Keys[1], [], null, KnownPeerOrigin.Trusted)));

        foreach (KnownPeersFile seen in new[] { file, KnownPeersFile.Load(Path) })
        {
            Assert.Equal(2, seen.All.Count);
            KnownPeer bob = seen.Find(Keys[0].Id)!;
            Assert.Equal("Bob \"B\" \\ Smith", bob.Name);
            Assert.Equal(KnownPeerOrigin.Added, bob.Origin);
            Assert.Equal([$"{bob.Id}@192.168.0.1:4040", $"{bob.Id}@[fe80::1%eth0]:1"], bob.Addresses.Select(a => a.ToString()));
            Assert.Equal(KnownPeerOrigin.Trusted, seen.Find(Keys[1].Id)!.Origin);
        }

        Assert.Equal([Path], Directory.GetFileSystemEntries(_folder.Path));
        Assert.StartsWith("# Peers that may join", File.ReadAllText(Path), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(Mode.File, Mode.Of(Path));
    }

    [Fact]
    public async Task Add_FileOfAnotherUser_KeepsModeAndOwner()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "Only root can give files away.");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Add(Peer(0, "bob", "host:1"));
        Mode.Set(Path, Mode.File | UnixFileMode.GroupRead);
        await Tool.OutputOfAsync("chown", "1234:2345", Path);

        Assert.True(file.Add(Peer(1, "carol", "host:2")));

        Assert.Equal("1234:2345 640", Encoding.ASCII.GetString(await Tool.OutputOfAsync("stat", "-c", "%u:%g %a", Path)).TrimEnd());
    }

    [Fact]
    public void Add_Same_ChangesNothing()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Add(Peer(0, "bob", "host:1"));
        byte[] before = File.ReadAllBytes(Path);
        DateTime written = File.GetLastWriteTimeUtc(Path);
        Assert.False(file.Add(Peer(0, "bob", "HOST:1", "host:1")));
        Assert.False(KnownPeersFile.Load(Path).Add(Peer(0, "bob", $"{Keys[0].Id}@host:1")));
        Assert.Equal(before, File.ReadAllBytes(Path));
        Assert.Equal(written, File.GetLastWriteTimeUtc(Path));
    }

    [Fact]
    public void AddAndRemove_HandEditedFile_KeepsCommentsOrderAndUnknownFields()
    {
        Put($"# my peers\r\n\r\n  {Keys[0].ToString().ToUpperInvariant()}\thost:1 since=2026 note=\"a # b\"   # Bob's laptop  \n\n{Keys[1]} origin=trusted\n# end");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        Assert.Equal([Keys[0].Id, Keys[1].Id], file.All.Select(p => p.Id));

        Assert.True(file.Add(Peer(0, null, "host:1", "host:2")));
        Assert.Equal(
            $"# my peers\r\n\r\n{Keys[0]} origin=added host:1 host:2 since=2026 note=\"a # b\" # Bob's laptop\n\n{Keys[1]} origin=trusted\n# end\n",
            File.ReadAllText(Path));

        Assert.True(file.Remove(Keys[1].Id));
        Assert.Null(file.Find(Keys[1].Id));
        Assert.Equal(
            $"# my peers\r\n\r\n{Keys[0]} origin=added host:1 host:2 since=2026 note=\"a # b\" # Bob's laptop\n\n# end\n",
            File.ReadAllText(Path));
    }

    [Fact]
    public void Load_WithoutOrigin_AddressesSayIt()
    {
        Put($"\uFEFF{Keys[0]} host\r\n{Keys[1]} name=carol\r\n{Keys[2]} /ip4/1.2.3.4/tcp/5/p2p/{Keys[2].Id} {Keys[2].Id}@host:6\r\n");
        KnownPeersFile file = KnownPeersFile.Load(Path);
        Assert.Equal([KnownPeerOrigin.Added, KnownPeerOrigin.Trusted, KnownPeerOrigin.Added], file.All.Select(p => p.Origin));
        Assert.Equal("carol", file.All[1].Name);
        Assert.Equal("host:4040", file.All[0].Addresses[0].HostAndPort);
        Assert.Equal(["1.2.3.4:5", "host:6"], file.All[2].Addresses.Select(a => a.HostAndPort));
    }

    [Theory]
    [InlineData("hello", "line 2", "not the public key")]
    [InlineData("KEY:1", "line 2", "not the public key")]
    [InlineData("KEY host:70000", "line 2", "1 to 65535")]
    [InlineData("KEY 1.2.3", "line 2", "not an IPv4")]
    [InlineData("KEY 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff@host:1", "line 2", "another id")]
    [InlineData("KEY 12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA@host:1", "line 2", "libp2p")]
    [InlineData("KEY origin=maybe", "line 2", "neither")]
    [InlineData("KEY origin=added origin=added", "line 2", "two origins")]
    [InlineData("KEY name=a name=b", "line 2", "two names")]
    [InlineData("KEY name=", "line 2", "1 to 64")]
    [InlineData("KEY name=\"a b", "line 2", "closing quote")]
    [InlineData("KEY name=\"a\\", "line 2", "closing quote")]
    [InlineData("KEY name=a\u0007", "line 2", "control character")]
    [InlineData("# \e[2J", "line 2", "control character")]
    [InlineData("KEY\nKEY name=again", "line 3", "line 2")]
    [InlineData("a\rb", "line 2", "control character")]
    public void Load_BadLine_ErrorNamesFileAndLineAndNothingIsTouched(string line, string number, string expected)
    {
        Put($"# first\n{line.Replace("KEY", Keys[0].ToString(), StringComparison.Ordinal)}\n");
        AssertRefused(number, expected);
    }

    [Fact]
    public void Load_NotUtf8_Error()
    {
        File.WriteAllBytes(Path, [(byte)'#', 0xFF, (byte)'\n']);
        Mode.Set(Path, Mode.File);
        AssertRefused("line 1", "UTF-8");
    }

    [Fact]
    public void Load_PrivateKeyOrOtherCurve_Error()
    {
        Put("-----BEGIN PRIVATE KEY-----\n");
        AssertRefused("line 1", "public key");
        string offCurve = Keys[0].ToString()[..^2] + (Keys[0].ToString().EndsWith("00", StringComparison.Ordinal) ? "01" : "00");
        Put(offCurve);
        AssertRefused("line 1", "public key");
    }

    [Fact]
    public void Load_TooManyAddresses_Error()
    {
        Put($"{Keys[0]} {string.Join(' ', Enumerable.Range(1, KnownPeer.MaxAddresses + 1).Select(i => $"host:{i}"))}");
        AssertRefused("line 1", "more than 16 addresses");
    }

    [Fact]
    public void Load_TooManyLines_ErrorAndTheLimitItselfIsRead()
    {
        Put(string.Concat(Enumerable.Repeat("#\n", KnownPeersFile.MaxLines)));
        KnownPeersFile full = KnownPeersFile.Load(Path);
        MesharaException e = Assert.Throws<MesharaException>(() => full.Add(Peer(0, null)));
        Assert.Equal(MesharaErrorCode.DataDirectory, e.Code);
        Assert.Contains("is full", e.Message, StringComparison.Ordinal);
        Assert.Empty(full.All);

        Put(string.Concat(Enumerable.Repeat("#\n", KnownPeersFile.MaxLines + 1)));
        AssertRefused("more than 100000 lines", "");
    }

    [Fact]
    public void Load_LongLine_Error()
    {
        Put("#" + new string('x', 20_000));
        AssertRefused("line 1", "16384 are the most");
    }

    [Fact]
    public void Load_LargerThanTheLimit_ErrorBeforeItIsRead()
    {
        using (FileStream sparse = File.Create(Path))
            sparse.SetLength(KnownPeersFile.MaxBytes + 1L);

        Mode.Set(Path, Mode.File);
        long before = GC.GetAllocatedBytesForCurrentThread();
        MesharaException e = Assert.Throws<MesharaException>(() => KnownPeersFile.Load(Path));
        Assert.Contains("are the most", e.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void Load_WritableByOthers_Error()
    {
        Mode.Require();
        Put($"{Keys[0]}");
        Mode.Set(Path, Mode.File | UnixFileMode.OtherWrite);
        AssertRefused("chmod 600", "");
    }

    [Fact]
    public void Load_Directory_Error()
    {
        Directory.CreateDirectory(Path);
        MesharaException e = Assert.Throws<MesharaException>(() => KnownPeersFile.Load(Path));
        Assert.Equal(MesharaErrorCode.DataDirectory, e.Code);
        Assert.Contains("is a directory", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Add_EditedMeanwhile_KeepsTheEdit()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Add(Peer(0, null));
        File.AppendAllText(Path, $"{Keys[1]} name=edited # by hand\n");
        Assert.Null(file.Find(Keys[1].Id));

        Assert.True(file.Add(Peer(2, null)));
        Assert.Equal("edited", file.Find(Keys[1].Id)!.Name);
        Assert.Equal([Keys[0].Id, Keys[1].Id, Keys[2].Id], KnownPeersFile.Load(Path).All.Select(p => p.Id));
        Assert.Contains("# by hand", File.ReadAllText(Path), StringComparison.Ordinal);
    }

    [Fact]
    public void Add_BrokenMeanwhile_ErrorAndFileAndPinsStay()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        file.Add(Peer(0, null));
        File.AppendAllText(Path, "garbage\n");
        byte[] before = File.ReadAllBytes(Path);
        Assert.Equal(MesharaErrorCode.DataDirectory, Assert.Throws<MesharaException>(() => file.Add(Peer(1, null))).Code);
        Assert.Throws<MesharaException>(() => file.Remove(Keys[0].Id));
        Assert.Equal(before, File.ReadAllBytes(Path));
        Assert.NotNull(file.Find(Keys[0].Id));
        Assert.Null(file.Find(Keys[1].Id));
    }

    [Fact]
    public void Add_CannotWrite_ErrorAndPinsStay()
    {
        string folder = _folder["gone"];
        Directory.CreateDirectory(folder);
        KnownPeersFile file = KnownPeersFile.Load(System.IO.Path.Combine(folder, "known_peers"));
        file.Add(Peer(0, null));
        Directory.Delete(folder, recursive: true);
        MesharaException e = Assert.Throws<MesharaException>(() => file.Add(Peer(1, null)));
        Assert.Equal(MesharaErrorCode.DataDirectory, e.Code);
        Assert.Contains("could not be written", e.Message, StringComparison.Ordinal);
        Assert.Equal([Keys[0].Id], file.All.Select(p => p.Id));
    }

    [Fact]
    public void Add_NotStorable_ArgumentException()
    {
        KnownPeersFile file = KnownPeersFile.Load(null);
        Assert.Throws<ArgumentException>(() => file.Add(Peer(0, "a\nb")));
        Assert.Throws<ArgumentException>(() => file.Add(Peer(0, "\ud800")));
        Assert.Throws<ArgumentException>(() => file.Add(Peer(0, "")));
        Assert.Throws<ArgumentException>(() => file.Add(Peer(0, new string('a', 65))));
        Assert.Throws<ArgumentException>(() => file.Add(Peer(0, null, $"{Keys[1].Id}@host:1")));
        Assert.Throws<ArgumentException>(() => file.Add(Peer(0, null, [.. Enumerable.Range(1, 17).Select(i => $"host:{i}")])));
        Assert.Empty(file.All);
    }

    [Fact]
    public async Task Add_ManyThreads_NothingIsLost()
    {
        KnownPeersFile file = KnownPeersFile.Load(Path);
        await Task.WhenAll(Keys.Select((_, i) => Task.Run(() => Assert.True(file.Add(Peer(i, null)))))).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(Keys.Length, file.All.Count);
        Assert.Equal(file.All, KnownPeersFile.Load(Path).All);
    }

    [Fact]
    public void All_IsASnapshot()
    {
        KnownPeersFile file = KnownPeersFile.Load(null);
        file.Add(Peer(0, null));
        IReadOnlyList<KnownPeer> all = file.All;
        file.Add(Peer(1, null));
        Assert.Single(all);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AddAndRemove_AnySequence_BehavesAsADictionaryAndSurvivesReloading(bool inMemory)
    {
        Gen<string> name = Gen.OneOf(
            Gen.Elements("", "bob", "Bob Smith", "a\"b", "back\\slash\\", "ümläut", "#x", "x=y", "名", "\"", "\\\"", "😀"),
            ArbMap.Default.GeneratorFor<string>().Where(s => s is not null && KnownPeer.IsName(s)));
        Gen<(bool Remove, KnownPeer Peer)> step =
            from key in Gen.Choose(0, Keys.Length - 1)
            from called in name
            from ports in Gen.Choose(1, 3).ListOf()
            from trusted in Gen.Elements(true, false)
            from choice in Gen.Choose(0, 3)
            select (choice == 0, new KnownPeer(
                Keys[key], [.. ports.Take(8).Select(p => new PeerAddress("host", p))], called.Length == 0 ? null : called,
                trusted ? KnownPeerOrigin.Trusted : KnownPeerOrigin.Added));
        int round = 0;
        Prop.ForAll(step.ListOf().ToArbitrary(), steps =>
        {
            string? path = inMemory ? null : _folder[$"{round++}"];
            KnownPeersFile file = KnownPeersFile.Load(path);
            Dictionary<NodeId, KnownPeer> model = [];
            foreach ((bool remove, KnownPeer peer) in steps.Take(inMemory ? 100 : 10))
            {
                KnownPeer stored = peer with { Addresses = [.. peer.Addresses.Select(a => a with { Id = peer.Id }).Distinct()] };
                bool expected = remove ? model.Remove(peer.Id) : !(model.TryGetValue(peer.Id, out KnownPeer? old) && old.Equals(stored));
                if (!remove)
                    model[peer.Id] = stored;

                if ((remove ? file.Remove(peer.Id) : file.Add(peer)) != expected)
                    return false;
            }

            KnownPeersFile again = inMemory ? file : KnownPeersFile.Load(path);
            return again.All.Count == model.Count && again.All.SequenceEqual(file.All)
                && model.All(m => m.Value.Equals(again.Find(m.Key)));
        }).Check(Seeded.Config.WithMaxTest(inMemory ? 60 : 25));
    }

    private static PublicKey NewKey()
    {
        using NodeIdentity identity = NodeIdentity.Create();
        return identity.PublicKey;
    }

    private static KnownPeer Peer(int key, string? name, params string[] addresses) =>
        new(Keys[key], [.. addresses.Select(PeerAddress.Parse)], name, KnownPeerOrigin.Added);

    private void Put(string content)
    {
        File.WriteAllText(Path, content, new UTF8Encoding(false));
        Mode.Set(Path, Mode.File);
    }

    private void AssertRefused(params string[] expected)
    {
        byte[] before = File.ReadAllBytes(Path);
        MesharaException e = Assert.Throws<MesharaException>(() => KnownPeersFile.Load(Path));
        Assert.Equal(MesharaErrorCode.DataDirectory, e.Code);
        Assert.Contains($"'{Path}'", e.Message, StringComparison.Ordinal);
        Assert.All(expected, text => Assert.Contains(text, e.Message, StringComparison.Ordinal));
        Assert.DoesNotContain(e.Message, char.IsControl);
        Assert.Equal(before, File.ReadAllBytes(Path));
        Assert.Equal([Path], Directory.GetFileSystemEntries(_folder.Path));
    }
}
