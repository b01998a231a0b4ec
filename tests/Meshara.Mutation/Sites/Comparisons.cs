using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Mutation.Sites;

/// <summary>Signs and boundaries: each comparison becomes its opposite, and one that orders also takes in, or leaves out, its bound.</summary>
internal static class Comparisons
{
    private const string Negated = "negated", Boundary = "other boundary";

    private static readonly Dictionary<Code, (OpCode Opposite, OpCode? Boundary)> Jumps = new()
    {
        [Code.Brtrue] = (OpCodes.Brfalse, null),
        [Code.Brfalse] = (OpCodes.Brtrue, null),
        [Code.Beq] = (OpCodes.Bne_Un, null),
        [Code.Bne_Un] = (OpCodes.Beq, null),
        [Code.Blt] = (OpCodes.Bge, OpCodes.Ble),
        [Code.Ble] = (OpCodes.Bgt, OpCodes.Blt),
        [Code.Bgt] = (OpCodes.Ble, OpCodes.Bge),
        [Code.Bge] = (OpCodes.Blt, OpCodes.Bgt),
        [Code.Blt_Un] = (OpCodes.Bge_Un, OpCodes.Ble_Un),
        [Code.Ble_Un] = (OpCodes.Bgt_Un, OpCodes.Blt_Un),
        [Code.Bgt_Un] = (OpCodes.Ble_Un, OpCodes.Bge_Un),
        [Code.Bge_Un] = (OpCodes.Blt_Un, OpCodes.Bgt_Un),
    };

    private static readonly Dictionary<string, string> OtherBound = new()
    {
        ["op_LessThan"] = "op_LessThanOrEqual",
        ["op_LessThanOrEqual"] = "op_LessThan",
        ["op_GreaterThan"] = "op_GreaterThanOrEqual",
        ["op_GreaterThanOrEqual"] = "op_GreaterThan",
    };

    public static bool IsBranch(Instruction at) => Jumps.ContainsKey(at.OpCode.Code);

    public static IEnumerable<Variant> Branches(Instruction at)
    {
        (OpCode opposite, OpCode? boundary) = Jumps[at.OpCode.Code];
        yield return new Variant(Negated, Instruction.Create(opposite, (Instruction)at.Operand));
        if (boundary is { } other)
            yield return new Variant(Boundary, Instruction.Create(other, (Instruction)at.Operand));
    }

    public static IEnumerable<Variant> Values(Instruction at)
    {
        if (at.OpCode.Code == Code.Ceq && at.Previous is { OpCode.Code: Code.Ldc_I4, Operand: 0 } zero && IsSign(zero.Previous))
            yield break;   // `a >= b` is `!(a < b)`: changed there
        yield return new Variant(Negated, Instruction.Create(at.OpCode), Instruction.Create(OpCodes.Ldc_I4_0), Instruction.Create(OpCodes.Ceq));
        if (at.OpCode.Code == Code.Ceq || at.Previous?.OpCode.Code == Code.Ldnull)
            yield break;
        OpCode mirror = at.OpCode.Code switch
        {
            Code.Clt => OpCodes.Cgt,
            Code.Clt_Un => OpCodes.Cgt_Un,
            Code.Cgt => OpCodes.Clt,
            _ => OpCodes.Clt_Un,
        };
        yield return new Variant(Boundary, Instruction.Create(mirror), Instruction.Create(OpCodes.Ldc_I4_0), Instruction.Create(OpCodes.Ceq));
    }

    public static IEnumerable<Variant> Operators(Instruction at, MethodReference called)
    {
        yield return new Variant(Negated, Instruction.Create(OpCodes.Call, called), Instruction.Create(OpCodes.Ldc_I4_0), Instruction.Create(OpCodes.Ceq));
        if (!OtherBound.TryGetValue(called.Name, out string? name))
            yield break;
        MethodReference other = new(name, called.ReturnType, called.DeclaringType) { HasThis = called.HasThis };
        foreach (ParameterDefinition parameter in called.Parameters)
            other.Parameters.Add(new ParameterDefinition(parameter.ParameterType));
        yield return new Variant(Boundary, Instruction.Create(OpCodes.Call, other));
    }

    private static bool IsSign(Instruction? at) =>
        at?.OpCode.Code is Code.Ceq or Code.Clt or Code.Clt_Un or Code.Cgt or Code.Cgt_Un
        || at?.Operand is MethodReference { Name: var name } && name.StartsWith("op_", StringComparison.Ordinal);
}
