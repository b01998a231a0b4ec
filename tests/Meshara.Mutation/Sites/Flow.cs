using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Mutation.Sites;

/// <summary>What happens to a value on the stack, within straight code.</summary>
internal static class Flow
{
    /// <summary>The instruction that takes what <paramref name="at"/> leaves, and how many values lie above it then; null beyond a branch.</summary>
    public static (Instruction By, int Above)? TakerOf(Instruction at)
    {
        int above = 0;
        for (Instruction? next = at.Next; next is not null; next = next.Next)
        {
            int pops = Pops(next);
            if (pops < 0)
                return null;
            if (pops > above)
                return (next, above);
            if (next.OpCode.FlowControl is FlowControl.Branch or FlowControl.Cond_Branch or FlowControl.Return or FlowControl.Throw)
                return null;
            above += Pushes(next) - pops;
        }

        return null;
    }

    /// <summary>The instruction that left the value which lies <paramref name="below"/> values under the top before <paramref name="at"/>.</summary>
    public static Instruction? MakerOf(Instruction at, int below)
    {
        int wanted = below;
        for (Instruction? before = at.Previous; before is not null; before = before.Previous)
        {
            if (before.OpCode.FlowControl is FlowControl.Branch or FlowControl.Cond_Branch or FlowControl.Return or FlowControl.Throw)
                return null;
            int pushes = Pushes(before);
            if (pushes > wanted)
                return before;
            int pops = Pops(before);
            if (pops < 0)
                return null;
            wanted += pops - pushes;
        }

        return null;
    }

    /// <summary>The next static field that is set after <paramref name="at"/>: in a static constructor, the one that its code is for.</summary>
    public static FieldDefinition? StoredNext(Instruction at)
    {
        for (Instruction? next = at; next is not null; next = next.Next)
            if (next.OpCode.Code == Code.Stsfld && ((FieldReference)next.Operand).Resolve() is { } field && !field.Name.StartsWith("<>", StringComparison.Ordinal))
                return field;
        return null;
    }

    /// <summary>Whether code from <paramref name="at"/> on does nothing but leave the method, with a simple value or an exception.</summary>
    public static bool Leaves(Instruction at)
    {
        Instruction? next = at;
        for (int i = 0; i < 40 && next is not null; i++, next = next.Next)
        {
            if (next.OpCode.Code == Code.Ret)
                return i <= 3;
            if (next.OpCode.Code == Code.Throw)
                return true;
            if (next.OpCode.FlowControl is FlowControl.Branch or FlowControl.Cond_Branch)
                return false;
        }

        return false;
    }

    /// <summary>Whether code from <paramref name="at"/> on, without a branch, ends in an exception: its constants are text for people.</summary>
    public static bool Throws(Instruction at)
    {
        for (Instruction? next = at; next is not null; next = next.Next)
        {
            if (next.OpCode.Code == Code.Throw)
                return true;
            if (next.OpCode.FlowControl is FlowControl.Branch or FlowControl.Cond_Branch or FlowControl.Return)
                return false;
        }

        return false;
    }

    /// <summary>The type of what an instruction leaves; null where it cannot be told.</summary>
    public static TypeReference? TypeOf(Instruction made, MethodDefinition method) => made.Operand switch
    {
        FieldReference field when made.OpCode.Code is Code.Ldfld or Code.Ldsfld => Closed(field.FieldType, field.DeclaringType, null),
        MethodReference called when made.OpCode.Code is Code.Call or Code.Callvirt => Closed(called.ReturnType, called.DeclaringType, called),
        VariableDefinition variable when made.OpCode.Code == Code.Ldloc => variable.VariableType,
        ParameterDefinition parameter when made.OpCode.Code == Code.Ldarg => parameter.ParameterType,
        _ => made.OpCode.Code switch
        {
            Code.Ldlen or Code.Ldelem_I4 or Code.Ldelem_U1 or Code.Ldelem_U2 or Code.Ldind_U1 or Code.Ldind_I4 or Code.Ldc_I4
                or Code.Add or Code.Sub or Code.Mul or Code.Div or Code.Rem or Code.And or Code.Or or Code.Shl or Code.Shr or Code.Shr_Un => method.Module.TypeSystem.Int32,
            Code.Conv_I4 or Code.Conv_U1 or Code.Conv_U2 or Code.Conv_U4 or Code.Conv_Ovf_I4 => method.Module.TypeSystem.Int32,
            Code.Conv_I8 or Code.Conv_U8 or Code.Ldc_I8 => method.Module.TypeSystem.Int64,
            Code.Conv_R8 or Code.Ldc_R8 => method.Module.TypeSystem.Double,
            _ => null,
        },
    };

    /// <summary>The type where generic arguments are known.</summary>
    public static TypeReference Closed(TypeReference type, TypeReference declaring, MethodReference? called) => type is GenericParameter parameter
        ? parameter.Type == GenericParameterType.Type && declaring is GenericInstanceType generic ? generic.GenericArguments[parameter.Position]
        : parameter.Type == GenericParameterType.Method && called is GenericInstanceMethod instance ? instance.GenericArguments[parameter.Position]
        : type
        : type;

    private static int Pushes(Instruction at) => at.OpCode.StackBehaviourPush switch
    {
        StackBehaviour.Push0 => 0,
        StackBehaviour.Push1_push1 => 2,
        StackBehaviour.Varpush => ((MethodReference)at.Operand).ReturnType.MetadataType == MetadataType.Void ? 0 : 1,
        _ => 1,
    };

    private static int Pops(Instruction at)
    {
        switch (at.OpCode.StackBehaviourPop)
        {
            case StackBehaviour.Pop0:
                return 0;
            case StackBehaviour.Pop1 or StackBehaviour.Popi or StackBehaviour.Popref:
                return 1;
            case StackBehaviour.Pop1_pop1 or StackBehaviour.Popi_pop1 or StackBehaviour.Popi_popi or StackBehaviour.Popi_popi8
                or StackBehaviour.Popi_popr4 or StackBehaviour.Popi_popr8 or StackBehaviour.Popref_pop1 or StackBehaviour.Popref_popi:
                return 2;
            case StackBehaviour.Popi_popi_popi or StackBehaviour.Popref_popi_popi or StackBehaviour.Popref_popi_popi8
                or StackBehaviour.Popref_popi_popr4 or StackBehaviour.Popref_popi_popr8 or StackBehaviour.Popref_popi_popref:
                return 3;
            case StackBehaviour.Varpop when at.OpCode.Code == Code.Ret:
                return 1;
            case StackBehaviour.Varpop when at.Operand is MethodReference called:
                return called.Parameters.Count + (called.HasThis && at.OpCode.Code != Code.Newobj ? 1 : 0);
            default:
                return -1;
        }
    }
}
