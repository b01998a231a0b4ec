namespace Meshara.Tests.Tidy;

/// <summary>A method, constructor, operator or property with a body: its name and the lines from its first modifier to its last brace.</summary>
internal readonly record struct Member(string Name, int Line, int Lines);

/// <summary>Finds the members of a C# file by its braces.</summary>
internal static class CSharpMembers
{
    private static readonly string[] TypeWords = ["class", "struct", "interface", "enum", "record", "namespace", "extension"];

    private static readonly string[] Modifiers =
        ["public", "private", "protected", "internal", "static", "async", "override", "virtual", "sealed", "abstract", "new", "partial", "readonly", "ref"];

    /// <summary>Members that hold statements. Fields and properties of one expression are tables more often than code and are left out.</summary>
    public static List<Member> Of(string text)
    {
        List<Member> members = [];
        List<Token> code = CSharpText.Code(text);
        for (int at = 0; at < code.Count;)
        {
            at = Declaration(code, at, members);
        }

        return members;
    }

    // Reads one declaration from `at` and returns where the next begins.
    private static int Declaration(List<Token> code, int at, List<Member> members)
    {
        at = SkipAttributes(code, at);
        Header header = new();
        for (int start = at; at < code.Count; at++)
        {
            Token token = code[at];
            if (token.Is("(") || token.Is("["))
            {
                header.Open(code, at);
                at = Close(code, at);
            }
            else if (token.Is(";"))
            {
                header.AddTo(members, code[start], token);
                return at + 1;
            }
            else if (token.Is("}"))
            {
                return at + 1; // of the enclosing type: nothing of ours was open
            }
            else if (!token.Is("{"))
            {
                header.Read(token, at == start);
            }
            else if (header.IsType)
            {
                return header.IsEnum ? Close(code, at) + 1 : Body(code, at + 1, members);
            }
            else
            {
                header.HasBlock = true;
                at = Close(code, at);
                bool initializer = at + 1 < code.Count && code[at + 1].Is("=");
                if (!header.IsExpression && !initializer)
                {
                    header.AddTo(members, code[start], code[Math.Min(at, code.Count - 1)]);
                    return at + 1;
                }
            }
        }

        return at;
    }

    private static int Body(List<Token> code, int at, List<Member> members)
    {
        while (at < code.Count && !code[at].Is("}"))
        {
            at = Declaration(code, at, members);
        }

        return at + 1;
    }

    private static int SkipAttributes(List<Token> code, int at)
    {
        while (at < code.Count && code[at].Is("["))
        {
            at = Close(code, at) + 1;
        }

        return at;
    }

    // The index of the bracket that closes the one at `at`; the end of the file when it is missing.
    private static int Close(List<Token> code, int at)
    {
        int depth = 0;
        for (; at < code.Count; at++)
        {
            if (code[at].Kind != TokenKind.Symbol)
            {
                continue;
            }

            depth += code[at].Text is "(" or "[" or "{" ? 1 : code[at].Text is ")" or "]" or "}" ? -1 : 0;
            if (depth == 0)
            {
                break;
            }
        }

        return at;
    }

    // What the tokens before the body say about a declaration.
    private sealed class Header
    {
        private string _name = "?";
        private bool _named;
        private bool _constraints;
        private bool _assigned;
        private int _angles;

        public bool IsType { get; private set; }

        public bool IsEnum { get; private set; }

        public bool IsExpression { get; private set; }

        public bool HasBlock { get; set; }

        private bool HasParameters { get; set; }

        public void Read(Token token, bool first)
        {
            bool isWord = token.Kind == TokenKind.Word;
            _constraints |= token.Is("where");
            if (isWord && !HasParameters && !_constraints && !IsExpression && Array.IndexOf(TypeWords, token.Text) >= 0)
            {
                IsType |= first || token.Text != "extension";
                IsEnum |= token.Text == "enum";
            }

            _assigned |= token.Is("=") && !IsExpression && !HasBlock;
            IsExpression |= token.Is("=") || token.Is("=>");
            _angles += token.Is("<") ? 1 : token.Is(">") ? -1 : 0;
            if (isWord && !_named && !IsExpression && _angles == 0)
            {
                _name = token.Text;
            }
        }

        public void Open(List<Token> code, int at)
        {
            if (IsExpression || !code[at].Is("("))
            {
                return;
            }

            HasParameters = true;
            // After a modifier it is a type written as a tuple; the name is still to come.
            _named |= at > 0 && Array.IndexOf(Modifiers, code[at - 1].Text) < 0;
        }

        public void AddTo(List<Member> members, Token first, Token last)
        {
            bool isMethod = HasParameters && IsExpression && !_assigned;
            bool isBlock = HasBlock && !IsExpression;
            if (!IsType && (isMethod || isBlock))
            {
                members.Add(new Member(_name, first.Line, last.EndLine - first.Line + 1));
            }
        }
    }
}
