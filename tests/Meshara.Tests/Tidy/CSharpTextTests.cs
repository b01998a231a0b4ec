using Xunit;

namespace Meshara.Tests.Tidy;

/// <summary>The scanner that the tidy tests stand on.</summary>
public sealed class CSharpTextTests
{
    [Theory]
    [InlineData("a // b\nc", "a|c")]
    [InlineData("a /* b\n */ c", "a|c")]
    [InlineData("a \"// no\" c", "a|\"// no\"|c")]
    [InlineData("a @\"x\\\" c", "a|@\"x\\\"|c")]
    [InlineData("a @\"x\"\"{\" c", "a|@\"x\"\"{\"|c")]
    [InlineData("a \"\\\"{\" c", "a|\"\\\"{\"|c")]
    [InlineData("a '\\'' '{' c", "a|'\\''|'{'|c")]
    [InlineData("a $\"{b[\"}\"]} {{\" c", "a|$\"{b[\"}\"]} {{\"|c")]
    [InlineData("a \"\"\"x \" { \"\"\" c", "a|\"\"\"x \" { \"\"\"|c")]
    [InlineData("a\n#if X {\nc", "a|c")]
    [InlineData("a=>b==c", "a|=>|b|==|c")]
    public void Code_Text_KeepsCodeAndWholeLiterals(string text, string expected) =>
        Assert.Equal(expected, string.Join('|', CSharpText.Code(text).Select(token => token.Text)));

    [Fact]
    public void Tokenize_Lines_CountsFromOne()
    {
        List<Token> tokens = CSharpText.Tokenize("a\n/* b\n b */\n\nc");

        Assert.Equal([(1, 1), (2, 3), (5, 5)], tokens.Select(token => (token.Line, token.EndLine)));
    }

    [Theory]
    [InlineData("class C { void M() { if (a) { } } }", "M")]
    [InlineData("class C { [A(B = 1)] void M<T>(int a = 1) where T : class { } int N() => 3; }", "M N")]
    [InlineData("class C { int F = 3; int[] G = { 1, 2 }; int P { get; } = new() { A = 1 }; int Q => 3; }", "")]
    [InlineData("class C { int P { get { return 1; } set { } } void M() { } }", "P M")]
    [InlineData("class C : B { C(int a) : base(a) { } ~C() { } }", "C C")]
    [InlineData("struct S { public static bool operator >=(S a, S b) { return true; } void M() { } }", "operator M")]
    [InlineData("record R(int A = 1) : B(A); record Q(int A) { public (int, int) M() { } }", "M")]
    [InlineData("enum E { A = 1, B } interface I { void M(); void N() { } }", "N")]
    [InlineData("namespace N { static class C { class D { void M() { } } void O() { } } }", "M O")]
    [InlineData("static class C { extension(string s) { public int M() { } } }", "M")]
    [InlineData("class C { int M(int a) => a switch { 1 => 2, _ => 3 }; void N() { } }", "M N")]
    public void Members_Declarations_FindsThoseWithStatements(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', CSharpMembers.Of(text).Select(member => member.Name)));

    [Fact]
    public void Members_Method_CountsFromModifierToLastBrace()
    {
        const string Text = "class C\n{\n    [A]\n    // why\n    public void M(\n        int a)\n    {\n        a();\n\n    }\n\n    int N() =>\n        3;\n}";

        Assert.Equal([new Member("M", 5, 6), new Member("N", 12, 2)], CSharpMembers.Of(Text));
    }
}
