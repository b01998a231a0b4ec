using Mono.Cecil;

namespace Meshara.Fuzz.Instrument;

/// <summary>The hooks, as one module refers to them.</summary>
internal sealed class HookReferences
{
    private const string Bytes = "System.ReadOnlySpan`1<System.Byte>", Span = "System.Span`1<System.Byte>", Chars = "System.ReadOnlySpan`1<System.Char>";
    private const string Extensions = "System.Boolean System.MemoryExtensions::";
    private const string String = "System.Boolean System.String::";

    // What compares texts, and the hook that does the same and takes a note: its name and its parameters.
    private static readonly (string Method, string Hook, string[] Parameters)[] Known =
    [
        ($"{Extensions}SequenceEqual<System.Byte>(System.ReadOnlySpan`1<!!0>,System.ReadOnlySpan`1<!!0>)", "SequenceEqual", [Bytes, Bytes]),
        ($"{Extensions}SequenceEqual<System.Byte>(System.Span`1<!!0>,System.ReadOnlySpan`1<!!0>)", "SequenceEqual", [Span, Bytes]),
        ($"{Extensions}SequenceEqual<System.Char>(System.ReadOnlySpan`1<!!0>,System.ReadOnlySpan`1<!!0>)", "SequenceEqual", [Chars, Chars]),
        ($"{Extensions}StartsWith<System.Byte>(System.ReadOnlySpan`1<!!0>,System.ReadOnlySpan`1<!!0>)", "StartsWith", [Bytes, Bytes]),
        ($"{Extensions}StartsWith<System.Char>(System.ReadOnlySpan`1<!!0>,System.ReadOnlySpan`1<!!0>)", "StartsWith", [Chars, Chars]),
        ($"{Extensions}StartsWith({Chars},{Chars},System.StringComparison)", "StartsWith", [Chars, Chars, "System.StringComparison"]),
        ($"{Extensions}Equals({Chars},{Chars},System.StringComparison)", "Equals", [Chars, Chars, "System.StringComparison"]),
        ($"{String}op_Equality(System.String,System.String)", "Equals", ["System.String", "System.String"]),
        ($"{String}Equals(System.String,System.String)", "Equals", ["System.String", "System.String"]),
        ($"{String}op_Inequality(System.String,System.String)", "NotEqual", ["System.String", "System.String"]),
        ($"{String}Equals(System.String,System.String,System.StringComparison)", "Equals", ["System.String", "System.String", "System.StringComparison"]),
        ($"{String}Equals(System.String)", "EqualsOf", ["System.String", "System.String"]),
        ($"{String}Equals(System.String,System.StringComparison)", "EqualsOf", ["System.String", "System.String", "System.StringComparison"]),
        ($"{String}StartsWith(System.String,System.StringComparison)", "StartsWithOf", ["System.String", "System.String", "System.StringComparison"]),
    ];

    private readonly Dictionary<string, MethodReference> _texts = new(StringComparer.Ordinal);

    public HookReferences(ModuleDefinition hooks, ModuleDefinition module)
    {
        TypeDefinition compares = hooks.GetType("Meshara.Fuzz.Hooks.Compares");
        Hit = module.ImportReference(hooks.GetType("Meshara.Fuzz.Hooks.Coverage").Methods.Single(m => m.Name == "Hit"));
        Compare32 = module.ImportReference(compares.Methods.Single(m => m.Name == "Compare" && m.Parameters[0].ParameterType.MetadataType == MetadataType.Int32));
        Compare64 = module.ImportReference(compares.Methods.Single(m => m.Name == "Compare" && m.Parameters[0].ParameterType.MetadataType == MetadataType.Int64));
        foreach ((string method, string hook, string[] parameters) in Known)
            _texts.Add(method, module.ImportReference(compares.Methods.Single(m => m.Name == hook && m.Parameters.Select(p => p.ParameterType.FullName).SequenceEqual(parameters))));
    }

    public MethodReference Hit { get; }

    public MethodReference Compare32 { get; }

    public MethodReference Compare64 { get; }

    /// <summary>What to call instead; null: nothing else.</summary>
    public MethodReference? Instead(MethodReference method) => _texts.GetValueOrDefault(method.FullName);
}
