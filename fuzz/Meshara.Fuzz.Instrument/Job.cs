using System.Globalization;
using System.Text;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Meshara.Fuzz.Instrument;

/// <summary>Rewrites assemblies of one folder. Edges are numbered through all of them, those of a type one after the other.</summary>
internal sealed class Job(string folder)
{
    private const string Hooks = "Meshara.Fuzz.Hooks.dll";

    private readonly StringBuilder _types = new();
    private readonly SortedSet<string> _constants = new(StringComparer.Ordinal);
    private int _edges, _compares, _methods;

    /// <summary>What was done, for people.</summary>
    public string Summary => $"{_methods} methods, {_edges} edges, {_compares} compares, {_constants.Count} constants";

    /// <summary>Rewrites one assembly.</summary>
    /// <param name="file">Its name in the folder.</param>
    /// <param name="only">The beginning of the full names of the types to rewrite; null: all.</param>
    public void Rewrite(string file, string? only)
    {
        using DefaultAssemblyResolver resolver = new();
        resolver.AddSearchDirectory(folder);
        string path = Path.Combine(folder, file);
        using MemoryStream bytes = new(File.ReadAllBytes(path));
        using ModuleDefinition hooks = ModuleDefinition.ReadModule(Path.Combine(folder, Hooks));
        using ModuleDefinition module = ModuleDefinition.ReadModule(bytes, new ReaderParameters { AssemblyResolver = resolver });
        HookReferences references = new(hooks, module);
        foreach (TypeDefinition type in module.Types.Where(t => only is null || t.FullName.StartsWith(only, StringComparison.Ordinal)))
        {
            int first = _edges;
            foreach (MethodDefinition method in MethodsOf(type).Where(IsWritten))
                Rewrite(method, type.FullName, references);
            if (_edges > first)
                _types.Append(CultureInfo.InvariantCulture, $"{file}\t{type.FullName}\t{first}\t{_edges - first}\n");
        }

        AddRawData(module, only);
        module.Write(path);

        // Lines of the source would be wrong from here on.
        File.Delete(Path.ChangeExtension(path, ".pdb"));
    }

    /// <summary>edges.tsv: assembly, type, first edge, edges. constants.tsv: type, bytes in hex.</summary>
    public void WriteTables()
    {
        File.WriteAllText(Path.Combine(folder, "edges.tsv"), _types.ToString());
        File.WriteAllLines(Path.Combine(folder, "constants.tsv"), _constants);
    }

    private void Rewrite(MethodDefinition method, string type, HookReferences hooks)
    {
        foreach (Instruction instruction in method.Body.Instructions)
            AddConstant(type, instruction);
        method.Body.SimplifyMacros();
        _compares += CompareRewriter.Rewrite(method, hooks);
        _edges += EdgeRewriter.Rewrite(method, hooks, _edges);
        _methods++;
        method.Body.OptimizeMacros();
    }

    private static IEnumerable<MethodDefinition> MethodsOf(TypeDefinition type) =>
        type.Methods.Where(m => m.HasBody).Concat(type.NestedTypes.SelectMany(MethodsOf));

    // What the compiler makes of records and properties has nothing to be covered. Local functions are written by people.
    private static bool IsWritten(MethodDefinition method) =>
        !method.CustomAttributes.Any(a => a.AttributeType.Name == "CompilerGeneratedAttribute") || method.Name.Contains(">g__", StringComparison.Ordinal);

    private void AddConstant(string type, Instruction instruction)
    {
        switch (instruction.Operand)
        {
            // With blanks it is for people.
            case string { Length: > 0 and <= 40 } text when !text.Contains(' ', StringComparison.Ordinal):
                Add(type, Encoding.UTF8.GetBytes(text));
                break;
            case int value and (> 255 or < -255):
                Add(type, BigEndian(value, value is > short.MinValue and <= ushort.MaxValue ? 2 : 4));
                break;
            case long value:
                Add(type, BigEndian(value, 8));
                break;
        }
    }

    // Texts as UTF-8 and other tables of bytes, whoever uses them: fields of a type of the compiler's.
    private void AddRawData(ModuleDefinition module, string? only)
    {
        if (only is not null)
            return;
        foreach (FieldDefinition field in module.Types.Where(t => t.Name.StartsWith("<PrivateImplementationDetails>", StringComparison.Ordinal)).SelectMany(t => t.Fields))
        {
            if (field.InitialValue is { Length: > 0 and <= 40 } value)
                Add("*", value[^1] == 0 && value.Length > 1 ? value[..^1] : value);
        }
    }

    private void Add(string type, byte[] value) => _constants.Add($"{type}\t{Convert.ToHexStringLower(value)}");

    private static byte[] BigEndian(long value, int size)
    {
        byte[] bytes = new byte[size];
        for (int i = size - 1; i >= 0; i--, value >>= 8)
            bytes[i] = (byte)value;
        return bytes;
    }
}
