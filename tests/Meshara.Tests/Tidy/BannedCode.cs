namespace Meshara.Tests.Tidy;

/// <summary>What house.md bans and no analyzer finds, looked for in the text of one file.</summary>
internal static class BannedCode
{
    // Split, so that this file does not find itself.
    private static readonly string[] NotesToSelf = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "XX" + "X"];

    // The last one makes nothing but the seed of its jitter.
    private static readonly string[] MayMakeRandomness = ["src/Meshara/Security/", "src/Meshara/NodeIdentity.cs", "src/Meshara.Mdns/MdnsService.cs"];

    /// <summary>Each finding as `path(line): why`.</summary>
    public static IEnumerable<string> Find(string path, string text)
    {
        List<Token> all = CSharpText.Tokenize(text);
        foreach (Token token in all.Where(token => token.Kind == TokenKind.Comment))
        {
            if (Array.Exists(NotesToSelf, note => ContainsWord(token.Text, note)))
            {
                yield return $"{path}({token.Line}): a note to self; do it or open an issue";
            }
        }

        List<Token> code = all.FindAll(token => token.Kind is TokenKind.Word or TokenKind.Symbol);
        for (int at = 0; at < code.Count; at++)
        {
            if (Reason(path, code, at) is string why)
            {
                yield return $"{path}({code[at].Line}): {why}";
            }
        }
    }

    private static string? Reason(string path, List<Token> code, int at) => code[at].Text switch
    {
        "async" when Follows(code, at, "void") => "async void: a fault nobody sees",
        "_" when Follows(code, at, "=") && DiscardsTask(code, at + 2) => "a task thrown away: a fault nobody sees",
        "ContinueWith" => "ContinueWith: a fault nobody sees; await it",
        "Thread" when Follows(code, at, ".", "Sleep") => "Thread.Sleep: nobody blocks and no test sleeps",
        "NotImplementedException" => "NotImplementedException: nothing unfinished is merged",
        "RandomNumberGenerator" when IsLibrary(path) && !Array.Exists(MayMakeRandomness, path.StartsWith) =>
            "RandomNumberGenerator outside Security/, NodeIdentity.cs and MdnsService.cs: randomness is seeded and handed in",
        "QuickThrowOnFailure" when path != "tests/Meshara.Tests/Support/Seeded.cs" => "a property that draws something else each time; Seeded.Config has a seed",
        "namespace" when IsBlockNamespace(code, at) => "a namespace with braces; use the file-scoped form",
        _ => null,
    };

    // `_ = …Async(…)`, `_ = Task.Run(…)` and the like, unless the first word awaits it.
    private static bool DiscardsTask(List<Token> code, int at)
    {
        if (at >= code.Count || code[at].Is("await"))
        {
            return false;
        }

        int depth = 0;
        for (; at + 1 < code.Count && !(depth == 0 && code[at].Is(";")); at++)
        {
            string text = code[at].Text;
            depth += text is "(" or "[" or "{" ? 1 : text is ")" or "]" or "}" ? -1 : 0;
            bool task = text.EndsWith("Async", StringComparison.Ordinal) || text is "StartNew"
                || (text == "Run" && at >= 2 && code[at - 2].Is("Task"));
            if (depth < 0)
            {
                return false; // the discard of a pattern or an argument
            }

            if (task && depth == 0 && (code[at + 1].Is("(") || code[at + 1].Is("<")))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsBlockNamespace(List<Token> code, int at)
    {
        int end = code.FindIndex(at, token => token.Is(";") || token.Is("{"));
        return end >= 0 && code[end].Is("{");
    }

    private static bool IsLibrary(string path) => path.StartsWith("src/", StringComparison.Ordinal);

    private static bool Follows(List<Token> code, int at, params ReadOnlySpan<string> texts)
    {
        foreach (string text in texts)
        {
            if (++at >= code.Count || !code[at].Is(text))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ContainsWord(string text, string word)
    {
        for (int at = text.IndexOf(word, StringComparison.Ordinal); at >= 0; at = text.IndexOf(word, at + 1, StringComparison.Ordinal))
        {
            bool before = at == 0 || !char.IsLetterOrDigit(text[at - 1]);
            bool after = at + word.Length == text.Length || !char.IsLetterOrDigit(text[at + word.Length]);
            if (before && after)
            {
                return true;
            }
        }

        return false;
    }
}
