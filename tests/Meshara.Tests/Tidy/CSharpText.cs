namespace Meshara.Tests.Tidy;

internal enum TokenKind
{
    Word,
    Symbol,
    Literal,
    Comment,
    Directive,
}

/// <summary>One token and the lines it covers, counted from 1.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, int EndLine)
{
    public bool Is(string text) => Kind is TokenKind.Word or TokenKind.Symbol && Text == text;
}

/// <summary>A C# lexer that knows just enough to tell code from comments and literals. Not a compiler: what it reads compiles already.</summary>
internal static class CSharpText
{
    private static readonly string[] TwoCharacterSymbols = ["=>", "==", "!=", "<=", ">=", "+=", "-=", "??", "::"];

    /// <summary>Words and symbols only, in order.</summary>
    public static List<Token> Code(string text) =>
        Tokenize(text).FindAll(token => token.Kind is TokenKind.Word or TokenKind.Symbol or TokenKind.Literal);

    public static List<Token> Tokenize(string text)
    {
        List<Token> tokens = [];
        int line = 1;
        for (int at = 0; at < text.Length;)
        {
            if (char.IsWhiteSpace(text[at]))
            {
                line += text[at] == '\n' ? 1 : 0;
                at++;
                continue;
            }

            (TokenKind kind, int end) = Next(text, at);
            string token = text[at..end];
            int endLine = line + token.Count(c => c == '\n');
            tokens.Add(new Token(kind, token, line, endLine));
            (line, at) = (endLine, end);
        }

        return tokens;
    }

    private static (TokenKind Kind, int End) Next(string text, int at)
    {
        if (StartsWith(text, at, "//"))
        {
            return (TokenKind.Comment, EndOfLine(text, at));
        }

        if (StartsWith(text, at, "/*"))
        {
            int close = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
            return (TokenKind.Comment, close < 0 ? text.Length : close + 2);
        }

        if (text[at] == '#')
        {
            return (TokenKind.Directive, EndOfLine(text, at));
        }

        int literal = EndOfLiteral(text, at);
        if (literal > at)
        {
            return (TokenKind.Literal, literal);
        }

        if (IsWord(text[at]) || text[at] == '@')
        {
            int end = at + 1;
            while (end < text.Length && IsWord(text[end]))
            {
                end++;
            }

            return (TokenKind.Word, end);
        }

        bool two = TwoCharacterSymbols.Any(symbol => StartsWith(text, at, symbol));
        return (TokenKind.Symbol, at + (two ? 2 : 1));
    }

    /// <summary>Where the string or character literal that begins here ends; <paramref name="at"/> if none begins here.</summary>
    private static int EndOfLiteral(string text, int at)
    {
        if (text[at] == '\'')
        {
            return EndOfQuoted(text, at + 1, '\'', verbatim: false, interpolated: false);
        }

        int quote = at;
        while (quote < text.Length && text[quote] is '$' or '@')
        {
            quote++;
        }

        if (quote >= text.Length || text[quote] != '"')
        {
            return at;
        }

        int quotes = Run(text, quote, '"');
        if (quotes >= 3)
        {
            string fence = new('"', quotes);
            int close = text.IndexOf(fence, quote + quotes, StringComparison.Ordinal);
            return close < 0 ? text.Length : close + quotes;
        }

        string prefix = text[at..quote];
        return EndOfQuoted(text, quote + 1, '"', prefix.Contains('@', StringComparison.Ordinal), prefix.Contains('$', StringComparison.Ordinal));
    }

    private static int EndOfQuoted(string text, int at, char quote, bool verbatim, bool interpolated)
    {
        while (at < text.Length)
        {
            char c = text[at];
            if (c == quote)
            {
                if (!verbatim || at + 1 >= text.Length || text[at + 1] != quote)
                {
                    return at + 1;
                }

                at += 2;
            }
            else if (c == '\\' && !verbatim)
            {
                at += 2;
            }
            else if (c == '{' && interpolated)
            {
                at = StartsWith(text, at, "{{") ? at + 2 : EndOfHole(text, at + 1);
            }
            else
            {
                at++;
            }
        }

        return text.Length;
    }

    private static int EndOfHole(string text, int at)
    {
        for (int depth = 1; at < text.Length;)
        {
            int literal = EndOfLiteral(text, at);
            if (literal > at)
            {
                at = literal;
                continue;
            }

            depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
            at++;
            if (depth == 0)
            {
                break;
            }
        }

        return at;
    }

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_';

    private static bool StartsWith(string text, int at, string what) =>
        string.CompareOrdinal(text, at, what, 0, what.Length) == 0;

    private static int EndOfLine(string text, int at)
    {
        int end = text.IndexOf('\n', at);
        return end < 0 ? text.Length : end;
    }

    private static int Run(string text, int at, char c)
    {
        int end = at;
        while (end < text.Length && text[end] == c)
        {
            end++;
        }

        return end - at;
    }
}
