using System.Globalization;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Mutation.Sites;

/// <summary>Limits: a number becomes the next one. Not where it is a truth value, an enumeration, a size of an array or part of a text.</summary>
internal static class Constants
{
    public static IEnumerable<Variant> Variants(Instruction at, MethodDefinition method)
    {
        if (at.Previous is { OpCode.Code: Code.Ldsflda } || Flow.Throws(at) || !IsNumber(at, method))
            yield break;
        switch (at.Operand)
        {
            case int value when value < int.MaxValue:
                yield return new Variant(string.Create(CultureInfo.InvariantCulture, $"{value} becomes {value + 1}"), Instruction.Create(OpCodes.Ldc_I4, value + 1));
                break;
            case long value when value < long.MaxValue:
                yield return new Variant(string.Create(CultureInfo.InvariantCulture, $"{value} becomes {value + 1}"), Instruction.Create(OpCodes.Ldc_I8, value + 1));
                break;
            case double value:
                yield return new Variant(string.Create(CultureInfo.InvariantCulture, $"{value} becomes {value + 1}"), Instruction.Create(OpCodes.Ldc_R8, value + 1));
                break;
        }
    }

    private static bool IsNumber(Instruction at, MethodDefinition method)
    {
        Instruction value = at;
        while (Flow.TakerOf(value) is { } taker)
        {
            (Instruction by, int above) = taker;
            switch (by.OpCode.Code)
            {
                case Code.Conv_I8 or Code.Conv_U8 or Code.Conv_R8 or Code.Conv_U1 or Code.Conv_U2 or Code.Conv_I4 or Code.Conv_U4:
                    value = by;
                    continue;
                // A bound that moves by one is the comparison's other boundary, which is a mutant already.
                case Code.Ceq or Code.Beq or Code.Bne_Un or Code.Switch:
                case Code.Add or Code.Sub or Code.Mul or Code.Div or Code.Div_Un or Code.Rem or Code.Rem_Un or Code.Add_Ovf or Code.Sub_Ovf or Code.Mul_Ovf or Code.And or Code.Or or Code.Xor:
                    return Counts(Flow.MakerOf(by, above == 0 ? 1 : 0), method);
                case Code.Shl or Code.Shr or Code.Shr_Un:
                    return true;
                case Code.Stloc:
                    return IsNumeric(((VariableDefinition)by.Operand).VariableType);
                case Code.Stfld or Code.Stsfld:
                    // Not the state of an iterator or an async method.
                    return !((FieldReference)by.Operand).Name.StartsWith("<>", StringComparison.Ordinal) && IsNumeric(Flow.Closed(((FieldReference)by.Operand).FieldType, ((FieldReference)by.Operand).DeclaringType, null));
                case Code.Ret:
                    return IsNumeric(method.ReturnType);
                case Code.Call or Code.Callvirt or Code.Newobj:
                    return IsNumber((MethodReference)by.Operand, above);
                case Code.Ldelem_U1 or Code.Ldelem_I4 or Code.Ldelem_Ref or Code.Ldelem_Any or Code.Ldelema:
                    return above == 0;
                default:
                    return false;
            }
        }

        return false;
    }

    private static bool IsNumber(MethodReference called, int above)
    {
        string type = called.DeclaringType.FullName;
        if (above >= called.Parameters.Count || type.Contains("InterpolatedStringHandler", StringComparison.Ordinal) || type.StartsWith("<PrivateImplementationDetails>", StringComparison.Ordinal)
            || type.Contains("CollectionsMarshal", StringComparison.Ordinal) || type.StartsWith("Microsoft.Extensions.Logging", StringComparison.Ordinal))
            return false;
        if (called.Name == ".ctor" && (type.StartsWith("System.Collections.", StringComparison.Ordinal) || type.StartsWith("System.ReadOnlySpan", StringComparison.Ordinal) || type.StartsWith("System.Span", StringComparison.Ordinal)))
            return false;
        ParameterDefinition parameter = called.Parameters[called.Parameters.Count - 1 - above];
        return IsNumeric(Flow.Closed(parameter.ParameterType, called.DeclaringType, called));
    }

    private static bool Counts(Instruction? other, MethodDefinition method)
    {
        if (other?.OpCode.Code == Code.Dup)
            return true;
        return other is not null && Flow.TypeOf(other, method) is { } type && IsNumeric(type);
    }

    private static bool IsNumeric(TypeReference type) => type.MetadataType is MetadataType.Byte or MetadataType.SByte or MetadataType.Int16 or MetadataType.UInt16
        or MetadataType.Int32 or MetadataType.UInt32 or MetadataType.Int64 or MetadataType.UInt64 or MetadataType.Double or MetadataType.Single;
}
