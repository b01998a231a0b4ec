using System.Text.RegularExpressions;

using Xunit;

namespace Meshara.Tests.Tidy;

/// <summary>The ban list of house.md, as far as BannedSymbols.txt and the analyzers do not keep it.</summary>
public sealed partial class BanTests
{
    /// <summary>Members the library never calls, by their beginning or whole; the reason behind each.</summary>
    private static readonly (string Member, string Why)[] BannedMembers =
    [
        ("System.Runtime.CompilerServices.AsyncVoidMethodBuilder::", "async void, also as a lambda: a fault nobody sees"),
        ("System.Threading.Tasks.Task::ContinueWith(", "a fault nobody sees"),
        ("System.Threading.Tasks.Task::WaitAsync(System.TimeSpan)", "no TimeProvider"),
        ("System.Threading.Tasks.Task::WaitAsync(System.TimeSpan, System.Threading.CancellationToken)", "no TimeProvider"),
        ("System.Threading.PeriodicTimer::.ctor(System.TimeSpan)", "no TimeProvider"),
        ("System.Threading.Timer::.ctor(", "no TimeProvider"),
        ("System.Timers.Timer::.ctor(", "no TimeProvider"),
        ("System.Threading.Thread::.ctor(", "no thread of our own"),
        ("System.Threading.Thread::Sleep(", "nobody blocks"),
        ("System.Threading.Monitor::Wait(", "nobody blocks"),
        ("System.Threading.ManualResetEventSlim::Wait(", "nobody blocks"),
        ("System.Threading.SemaphoreSlim::Wait(", "nobody blocks"),
        ("System.Threading.Tasks.Task::Wait(", "nobody blocks"),
        ("System.Reflection.MethodBase::Invoke(", "reflection for dispatch"),
        ("System.Activator::CreateInstance(", "reflection for dispatch"),
    ];

    [Fact]
    public void Sources_OfRepository_KeepTheBanList() =>
        Assert.Empty(Repository.Sources.SelectMany(path => BannedCode.Find(path, Repository.Read(path))));

    [Theory]
    [InlineData("async void M() { }", "async void")]
    [InlineData("_ = SendAsync(a);", "thrown away")]
    [InlineData("_ = link.RunAsync<int>(a)\n;", "thrown away")]
    [InlineData("_ = Task.Run(() => { });", "thrown away")]
    [InlineData("a.ContinueWith(b);", "ContinueWith")]
    [InlineData("Thread.Sleep(1);", "Thread.Sleep")]
    [InlineData("throw new NotImplementedException();", "NotImplementedException")]
    [InlineData("// TO" + "DO: later", "note to self")]
    [InlineData("namespace A { }", "braces")]
    [InlineData("a.Check(Config.QuickThrowOnFailure);", "a seed")]
    [InlineData("RandomNumberGenerator.Fill(a);", "RandomNumberGenerator")]
    public void Find_BannedCode_NamesIt(string text, string why)
    {
        string finding = Assert.Single(BannedCode.Find("src/Meshara/Net/A.cs", text));

        Assert.StartsWith("src/Meshara/Net/A.cs(1): ", finding, StringComparison.Ordinal);
        Assert.Contains(why, finding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("src/Meshara/Net/A.cs", "namespace A; async Task M() { _ = await SendAsync(a); _ = a switch { _ => b() }; }")]
    [InlineData("src/Meshara/Net/A.cs", "int a = b switch { 1 => 2, _ = 3 }; // a mastodon's todo list")]
    [InlineData("src/Meshara/Net/A.cs", "string a = \"Thread.Sleep(1); ContinueWith\";")]
    [InlineData("src/Meshara/Net/A.cs", "_ = a.Remove(b, c => d.RunAsync());")]
    [InlineData("src/Meshara/Security/A.cs", "RandomNumberGenerator.Fill(a);")]
    [InlineData("tests/Meshara.Tests/A.cs", "RandomNumberGenerator.Fill(a);")]
    public void Find_AllowedCode_IsSilent(string path, string text) => Assert.Empty(BannedCode.Find(path, text));

    [Fact]
    public void Library_Assembly_CallsNothingBanned()
    {
        SortedDictionary<string, TypeUse> uses = IlReferences.Of(typeof(NodeId).Assembly);

        Assert.Contains(uses.Values, use => use.Members.Count > 0);
        Assert.Empty(Banned(uses));
    }

    [Fact]
    public void Library_BannedCall_IsFound()
    {
        TypeUse use = new();
        use.Members.UnionWith(
        [
            "System.Threading.Tasks.Task::WaitAsync(System.TimeSpan)",
            "System.Threading.Tasks.Task::WaitAsync(System.TimeSpan, System.TimeProvider)",
            "System.Threading.Tasks.Task::ContinueWith(System.Action)",
        ]);
        SortedDictionary<string, TypeUse> uses = new(StringComparer.Ordinal) { ["A"] = use };

        Assert.Equal(2, Banned(uses).Count());
    }

    [Fact]
    public void Files_OfRepository_NameNoPathOfAMachine()
    {
        string root = Repository.Root.TrimEnd(Path.DirectorySeparatorChar);
        string[] patterns = ["*.cs", "*.csproj", "*.props", "*.targets", "*.sln", "*.md", "*.json", "*.yml", "*.txt", "*.sh", "run", ".editorconfig"];
        List<string> files = [.. patterns.SelectMany(pattern => Repository.Files("", pattern)).Order(StringComparer.Ordinal)];

        Assert.Contains(".ci/run", files);
        IEnumerable<string> wrong =
            from path in files
            from line in Repository.Read(path).Split('\n').Index()
            where MachinePath().IsMatch(line.Item) || (IsTelling(root) && line.Item.Contains(root, StringComparison.Ordinal))
            select $"{path}({line.Index + 1}): {line.Item.Trim()}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("/ho" + "me/alice/src", true)]
    [InlineData("see C:\\Us" + "ers\\alice", true)]
    [InlineData("/ro" + "ot/.nuget", true)]
    [InlineData("https://example.org/users/alice, ~/data, /tmp, /etc/hosts", false)]
    public void MachinePath_Text_Result(string text, bool expected) => Assert.Equal(expected, MachinePath().IsMatch(text));

    private static IEnumerable<string> Banned(SortedDictionary<string, TypeUse> uses) =>
        from use in uses
        from member in use.Value.Members
        from ban in BannedMembers
        where ban.Member.EndsWith(')') ? member == ban.Member : member.StartsWith(ban.Member, StringComparison.Ordinal)
        select $"{use.Key} calls {member}: {ban.Why}";

    // A checkout at `/src` or `/app` says nothing about a machine, and `src` is all over the files.
    private static bool IsTelling(string root) => root.Length >= 8 && root.AsSpan().IndexOfAny('/', '\\') != root.AsSpan().LastIndexOfAny('/', '\\');

    [GeneratedRegex(@"(?<![\w/.:-])/(home|Users|root|work)/[\w.]|\b[A-Za-z]:\\Users\\\w", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex MachinePath();
}
