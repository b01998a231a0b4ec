using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Mutation.Sites;

/// <summary>The class that is added to the copy: which mutant is on, and which sites were met.</summary>
internal sealed class Switch
{
    /// <summary>Its name in the copy.</summary>
    public const string TypeName = "MutationSwitch";

    /// <summary>How often an active mutant may be met before its test is ended with an exception: an endless loop mostly runs through its own cause.</summary>
    public const int MaxFired = 3_000_000;

    private readonly ModuleDefinition _module;
    private readonly TypeDefinition _type;
    private readonly FieldDefinition _active;
    private readonly FieldDefinition _fired;
    private readonly FieldDefinition _seen;

    public Switch(ModuleDefinition module)
    {
        _module = module;
        _type = new TypeDefinition("", TypeName, TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.BeforeFieldInit, module.TypeSystem.Object);
        _active = Field("Active", module.TypeSystem.Int32);
        _fired = Field("Fired", module.TypeSystem.Int32);
        _seen = Field("Seen", new ArrayType(module.TypeSystem.Byte));
        Hit = new MethodDefinition("Hit", MethodAttributes.Public | MethodAttributes.Static, module.TypeSystem.Boolean) { AggressiveInlining = true };
        Hit.Parameters.Add(new ParameterDefinition(module.TypeSystem.Int32));
    }

    /// <summary><c>bool Hit(int site)</c>: notes the visit; whether this mutant is the active one.</summary>
    public MethodDefinition Hit { get; }

    /// <summary>Adds the class to the module.</summary>
    public void Add()
    {
        MethodDefinition fire = new("Fire", MethodAttributes.Public | MethodAttributes.Static, _module.TypeSystem.Void) { NoInlining = true };
        ILProcessor il = fire.Body.GetILProcessor();
        Instruction end = il.Create(OpCodes.Ret);
        il.Emit(OpCodes.Ldsfld, _fired);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Stsfld, _fired);
        il.Emit(OpCodes.Ldsfld, _fired);
        il.Emit(OpCodes.Ldc_I4, MaxFired);
        il.Emit(OpCodes.Blt, end);
        il.Emit(OpCodes.Ldstr, "The mutant was met without end.");
        il.Emit(OpCodes.Newobj, _module.ImportReference(typeof(InvalidOperationException).GetConstructor([typeof(string)])));
        il.Emit(OpCodes.Throw);
        il.Append(end);
        _type.Methods.Add(fire);

        il = Hit.Body.GetILProcessor();
        Instruction no = il.Create(OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Ldsfld, _seen);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Stelem_I1);
        il.Emit(OpCodes.Ldsfld, _active);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Bne_Un, no);
        il.Emit(OpCodes.Call, fire);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Ret);
        il.Append(no);
        il.Emit(OpCodes.Ret);
        _type.Methods.Add(Hit);
        _module.Types.Add(_type);
    }

    private FieldDefinition Field(string name, TypeReference type)
    {
        FieldDefinition field = new(name, FieldAttributes.Public | FieldAttributes.Static, type);
        _type.Fields.Add(field);
        return field;
    }
}
