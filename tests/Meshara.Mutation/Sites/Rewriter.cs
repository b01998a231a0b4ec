using System.Globalization;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;

namespace Meshara.Mutation.Sites;

/// <summary>A folder of the source whose code is changed.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Folder">Below the root of the repository, with a slash at its end.</param>
internal sealed record Room(string Name, string Folder);

/// <summary>Puts every mutant of some folders into one copy of an assembly, each behind its number.</summary>
internal sealed class Rewriter
{
    /// <summary>The method that holds what a changed static constructor did, so that it can be done again.</summary>
    public const string Again = "MutationAgain";

    private readonly Room[] _rooms;
    private readonly string _root;
    private readonly List<Mutant> _mutants = [];
    private readonly Dictionary<FieldDefinition, int> _reads = [];
    private readonly Dictionary<string, string[]> _sources = [];
    private readonly Dictionary<string, int> _alike = [];
    private readonly ModuleDefinition _module;
    private readonly Switch _switch;
    private readonly HashSet<TypeDefinition> _initialized = [];
    private int _last;

    private Rewriter(ModuleDefinition module, Room[] rooms, string root)
    {
        _module = module;
        _rooms = rooms;
        _root = root;
        _switch = new Switch(module);
    }

    /// <summary>Reads <paramref name="original"/> with its symbols and writes the copy. Returns what is in it.</summary>
    /// <param name="original">The assembly as it was built; its pdb is beside it.</param>
    /// <param name="copy">Where the changed one goes.</param>
    /// <param name="rooms">What to change.</param>
    /// <param name="root">The repository, for the text of the lines.</param>
    public static IReadOnlyList<Mutant> Write(string original, string copy, Room[] rooms, string root)
    {
        using DefaultAssemblyResolver resolver = new();
        resolver.AddSearchDirectory(Path.GetDirectoryName(original));
        resolver.AddSearchDirectory(Path.GetDirectoryName(typeof(object).Assembly.Location));
        using ModuleDefinition module = ModuleDefinition.ReadModule(original, new ReaderParameters { ReadSymbols = true, AssemblyResolver = resolver });
        Rewriter rewriter = new(module, rooms, root);
        TypeDefinition[] types = [.. module.GetTypes()];
        foreach (TypeDefinition type in types)
            foreach (MethodDefinition method in type.Methods.Where(m => m.HasBody))
                rewriter.Change(method);
        rewriter.MarkReads(types);
        foreach (TypeDefinition type in rewriter._initialized)
            Reopen(type);
        rewriter._switch.Add();
        module.Write(copy);
        return rewriter._mutants;
    }

    private void Change(MethodDefinition method)
    {
        if (!Scope.Wanted(method) || RoomOf(method) is not { } room)
            return;
        method.Body.SimplifyMacros();
        MethodSites sites = new(method);
        foreach (Change change in sites.Find())
        {
            Add(method, room, change);
            if (method is { IsConstructor: true, IsStatic: true })
                _initialized.Add(method.DeclaringType);
        }

        method.Body.OptimizeMacros();
    }

    /// <summary>Puts the changes of one instruction before it: each is asked for its number in turn, and the original comes last.</summary>
    private void Add(MethodDefinition method, (Room Room, string File) room, Change change)
    {
        ILProcessor il = method.Body.GetILProcessor();
        Instruction at = change.At;
        Instruction original = Instruction.Create(OpCodes.Nop);
        original.OpCode = at.OpCode;
        original.Operand = at.Operand;
        Instruction after = change.After ?? at.Next;
        (string place, string line) = LineOf(method, room, change.Point);
        FieldDefinition? field = method is { IsConstructor: true, IsStatic: true } ? Flow.StoredNext(at) : null;

        Instruction last = at;
        Instruction? rest = null;
        foreach (Variant variant in change.Variants)
        {
            int id = ++_last;
            int seen = field is null ? id : ReadsOf(field);
            Mutant mutant = new(id, room.Room.Name, place, Scope.NameOf(method), line, variant.Name, method is { IsConstructor: true, IsStatic: true } ? method.DeclaringType.FullName.Replace('/', '+') : null, seen);
            string alike = mutant.Key;
            _mutants.Add(mutant with { Number = _alike[alike] = _alike.GetValueOrDefault(alike) + 1 });

            Instruction call = il.Create(OpCodes.Call, _switch.Hit);
            Instruction next = Instruction.Create(OpCodes.Nop);
            if (rest is null)
            {
                // The instruction itself becomes the question: whoever jumps to it, or begins a block with it, still does.
                at.OpCode = OpCodes.Ldc_I4;
                at.Operand = id;
            }
            else
            {
                last = Insert(il, last, il.Create(OpCodes.Ldc_I4, id));
                rest.Operand = last;
            }

            last = Insert(il, last, call);
            last = rest = Insert(il, last, il.Create(OpCodes.Brfalse, next));
            foreach (Instruction step in variant.Steps)
                last = Insert(il, last, step);
            last = Insert(il, last, il.Create(OpCodes.Br, after));
        }

        last = Insert(il, last, original);
        rest!.Operand = original;
    }

    private static Instruction Insert(ILProcessor il, Instruction after, Instruction instruction)
    {
        il.InsertAfter(after, instruction);
        return instruction;
    }

    private int ReadsOf(FieldDefinition field)
    {
        if (!_reads.TryGetValue(field, out int site))
            _reads.Add(field, site = ++_last);
        return site;
    }

    /// <summary>A static field is set once and read for ever: a test meets it by reading.</summary>
    private void MarkReads(IEnumerable<TypeDefinition> types)
    {
        foreach (MethodDefinition method in types.SelectMany(t => t.Methods).Where(m => m.HasBody))
        {
            Instruction[] reads = [.. method.Body.Instructions.Where(i => i.OpCode.Code is Code.Ldsfld or Code.Ldsflda)];
            foreach (Instruction read in reads)
            {
                if (((FieldReference)read.Operand).Resolve() is not { } field || !_reads.TryGetValue(field, out int site) || method == field.DeclaringType.Methods.FirstOrDefault(m => m is { IsConstructor: true, IsStatic: true }))
                    continue;
                method.Body.SimplifyMacros();
                ILProcessor il = method.Body.GetILProcessor();
                Instruction original = il.Create(OpCodes.Nop);
                (original.OpCode, original.Operand) = (read.OpCode, read.Operand);
                (read.OpCode, read.Operand) = (OpCodes.Ldc_I4, site);
                Instruction last = Insert(il, read, il.Create(OpCodes.Call, _switch.Hit));
                last = Insert(il, last, il.Create(OpCodes.Pop));
                Insert(il, last, original);
                method.Body.OptimizeMacros();
            }
        }
    }

    /// <summary>Moves a static constructor's code into a method that can be called again.</summary>
    private static void Reopen(TypeDefinition type)
    {
        foreach (FieldDefinition field in type.Fields.Where(f => f.IsStatic))
            field.IsInitOnly = false;   // else the compiler at run time takes the first value for a constant
        MethodDefinition initializer = type.Methods.Single(m => m is { IsConstructor: true, IsStatic: true });
        MethodDefinition again = new(Again, MethodAttributes.Public | MethodAttributes.Static, initializer.ReturnType) { NoInlining = true };
        again.Body.InitLocals = initializer.Body.InitLocals;
        foreach (VariableDefinition variable in initializer.Body.Variables)
            again.Body.Variables.Add(variable);
        foreach (Instruction instruction in initializer.Body.Instructions)
            again.Body.Instructions.Add(instruction);
        foreach (ExceptionHandler handler in initializer.Body.ExceptionHandlers)
            again.Body.ExceptionHandlers.Add(handler);
        type.Methods.Add(again);
        initializer.Body = new MethodBody(initializer);
        ILProcessor il = initializer.Body.GetILProcessor();
        il.Emit(OpCodes.Call, again);
        il.Emit(OpCodes.Ret);
    }

    private (Room Room, string File)? RoomOf(MethodDefinition method)
    {
        string? file = method.DebugInformation.SequencePoints.FirstOrDefault(p => !p.IsHidden)?.Document.Url.Replace('\\', '/');
        if (file is null || file.Contains("/obj/", StringComparison.Ordinal))
            return null;
        foreach (Room room in _rooms)
        {
            int at = file.IndexOf("/" + room.Folder, StringComparison.Ordinal);
            if (at >= 0)
                return (room, file[(at + 1)..]);
        }

        return null;
    }

    private (string Place, string Line) LineOf(MethodDefinition method, (Room Room, string File) room, SequencePoint? point)
    {
        point ??= method.DebugInformation.SequencePoints.First(p => !p.IsHidden);

        // The constructors of a partial class hold what stands in several files.
        string url = point.Document.Url.Replace('\\', '/');
        int at = url.IndexOf("/" + room.Room.Folder, StringComparison.Ordinal);
        string file = at >= 0 ? url[(at + 1)..] : room.File;
        if (!_sources.TryGetValue(file, out string[]? lines))
            _sources.Add(file, lines = File.ReadAllLines(Path.Combine(_root, file)));
        string text = point.StartLine <= lines.Length ? lines[point.StartLine - 1].Trim() : "";
        return (string.Create(CultureInfo.InvariantCulture, $"{file}:{point.StartLine}"), text.Replace('|', '¦'));
    }
}
