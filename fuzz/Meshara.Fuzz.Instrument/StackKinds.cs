using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Fuzz.Instrument;

/// <summary>What lies on the evaluation stack, as far as compares want to know it.</summary>
internal enum Kind
{
    /// <summary>A reference, a pointer, a fraction, a truth value or unknown.</summary>
    Other,

    /// <summary>32 bits.</summary>
    Int,

    /// <summary>64 bits.</summary>
    Long,
}

/// <summary>Follows the stack through a method.</summary>
internal sealed class StackKinds
{
    private readonly MethodDefinition _method;
    private readonly Dictionary<Instruction, Kind[]> _before = [];
    private readonly Stack<Instruction> _open = new();

    private StackKinds(MethodDefinition method) => _method = method;

    /// <summary>The two operands of each compare, where they are followed; a method that cannot be followed has none.</summary>
    public static IReadOnlyDictionary<Instruction, (Kind Left, Kind Right)> BeforeCompares(MethodDefinition method)
    {
        StackKinds kinds = new(method);
        try
        {
            kinds.Follow();
        }
        catch (InvalidOperationException)
        {
            return new Dictionary<Instruction, (Kind, Kind)>();
        }

        return kinds._before.Where(b => IsCompare(b.Key.OpCode.Code) && b.Value.Length >= 2).ToDictionary(b => b.Key, b => (b.Value[^2], b.Value[^1]));
    }

    private static bool IsCompare(Code code) => code is Code.Ceq or Code.Clt or Code.Clt_Un or Code.Cgt or Code.Cgt_Un
        or Code.Beq or Code.Bne_Un or Code.Bge or Code.Bge_Un or Code.Bgt or Code.Bgt_Un or Code.Ble or Code.Ble_Un or Code.Blt or Code.Blt_Un;

    private void Follow()
    {
        Reach(_method.Body.Instructions[0], []);
        foreach (ExceptionHandler handler in _method.Body.ExceptionHandlers)
        {
            Reach(handler.HandlerStart, handler.HandlerType is ExceptionHandlerType.Catch or ExceptionHandlerType.Filter ? [Kind.Other] : []);
            if (handler.FilterStart is { } filter)
                Reach(filter, [Kind.Other]);
        }

        while (_open.TryPop(out Instruction? instruction))
        {
            List<Kind> stack = [.. _before[instruction]];
            Step(instruction, stack);
            FlowControl flow = instruction.OpCode.FlowControl;
            if (instruction.OpCode.Code is Code.Leave)
                stack.Clear();
            foreach (Instruction target in instruction.Operand as Instruction[] ?? (instruction.Operand is Instruction one ? [one] : []))
                Reach(target, stack);
            if (flow is not (FlowControl.Branch or FlowControl.Return or FlowControl.Throw) && instruction.Next is { } next)
                Reach(next, stack);
        }
    }

    // The first way to an instruction counts: the others bring the same, but for references.
    private void Reach(Instruction instruction, IReadOnlyList<Kind> stack)
    {
        if (_before.TryAdd(instruction, [.. stack]))
            _open.Push(instruction);
    }

    private void Step(Instruction instruction, List<Kind> stack)
    {
        OpCode code = instruction.OpCode;
        switch (code.Code)
        {
            case Code.Dup:
                Kind top = Pop(stack);
                stack.AddRange([top, top]);
                break;
            case Code.Add or Code.Sub or Code.Mul or Code.Div or Code.Div_Un or Code.Rem or Code.Rem_Un or Code.And or Code.Or or Code.Xor
                or Code.Add_Ovf or Code.Add_Ovf_Un or Code.Sub_Ovf or Code.Sub_Ovf_Un or Code.Mul_Ovf or Code.Mul_Ovf_Un:
                Kind right = Pop(stack), left = Pop(stack);
                stack.Add(left == right ? left : Kind.Other);
                break;
            case Code.Shl or Code.Shr or Code.Shr_Un:
                Pop(stack);
                break;
            case Code.Neg or Code.Not or Code.Nop:
                break;
            case Code.Call or Code.Callvirt or Code.Newobj or Code.Calli:
                Call(instruction, stack);
                break;
            case Code.Ret:
                stack.Clear();
                break;
            default:
                int pops = Pops(code);
                for (int i = 0; i < pops; i++)
                    Pop(stack);
                for (int i = Pushes(code); i > 0; i--)
                    stack.Add(Pushed(instruction));
                break;
        }
    }

    private static Kind Pop(List<Kind> stack)
    {
        if (stack.Count == 0)
            throw new InvalidOperationException("The stack is empty.");
        Kind top = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return top;
    }

    private static void Call(Instruction instruction, List<Kind> stack)
    {
        IMethodSignature called = (IMethodSignature)instruction.Operand;
        bool isNew = instruction.OpCode.Code == Code.Newobj;
        int pops = called.Parameters.Count + (called.HasThis && !called.ExplicitThis && !isNew ? 1 : 0) + (instruction.OpCode.Code == Code.Calli ? 1 : 0);
        for (int i = 0; i < pops; i++)
            Pop(stack);
        if (isNew)
            stack.Add(Kind.Other);
        else if (called.ReturnType.MetadataType != MetadataType.Void)
            stack.Add(KindOf(called.ReturnType));
    }

    private static int Pops(OpCode code) => code.StackBehaviourPop switch
    {
        StackBehaviour.Pop0 => 0,
        StackBehaviour.Pop1 or StackBehaviour.Popi or StackBehaviour.Popref => 1,
        StackBehaviour.Popref_popi_popi or StackBehaviour.Popref_popi_popi8 or StackBehaviour.Popref_popi_popr4
            or StackBehaviour.Popref_popi_popr8 or StackBehaviour.Popref_popi_popref or StackBehaviour.Popi_popi_popi => 3,
        StackBehaviour.PopAll => 0,
        _ => 2,
    };

    private static int Pushes(OpCode code) => code.StackBehaviourPush switch
    {
        StackBehaviour.Push0 => 0,
        StackBehaviour.Push1_push1 => 2,
        _ => 1,
    };

    private Kind Pushed(Instruction instruction) => instruction.OpCode.Code switch
    {
        Code.Ldc_I4 or Code.Conv_I1 or Code.Conv_I2 or Code.Conv_I4 or Code.Conv_U1 or Code.Conv_U2 or Code.Conv_U4
            or Code.Conv_Ovf_I1 or Code.Conv_Ovf_I2 or Code.Conv_Ovf_I4 or Code.Conv_Ovf_U1 or Code.Conv_Ovf_U2 or Code.Conv_Ovf_U4
            or Code.Conv_Ovf_I4_Un or Code.Conv_Ovf_U4_Un
            or Code.Ldelem_I1 or Code.Ldelem_I2 or Code.Ldelem_I4 or Code.Ldelem_U1 or Code.Ldelem_U2 or Code.Ldelem_U4
            or Code.Ldind_I1 or Code.Ldind_I2 or Code.Ldind_I4 or Code.Ldind_U1 or Code.Ldind_U2 or Code.Ldind_U4 => Kind.Int,
        Code.Ldc_I8 or Code.Conv_I8 or Code.Conv_U8 or Code.Conv_Ovf_I8 or Code.Conv_Ovf_U8 or Code.Conv_Ovf_I8_Un or Code.Conv_Ovf_U8_Un
            or Code.Ldelem_I8 or Code.Ldind_I8 => Kind.Long,
        Code.Ldarg => KindOf(((ParameterDefinition)instruction.Operand).ParameterType),
        Code.Ldloc => KindOf(((VariableDefinition)instruction.Operand).VariableType),
        Code.Ldfld or Code.Ldsfld => KindOf(((FieldReference)instruction.Operand).FieldType),
        Code.Ldelem_Any or Code.Ldobj or Code.Unbox_Any => KindOf((TypeReference)instruction.Operand),
        _ => Kind.Other,
    };

    private static Kind KindOf(TypeReference type) => type.MetadataType switch
    {
        MetadataType.Char or MetadataType.SByte or MetadataType.Byte or MetadataType.Int16 or MetadataType.UInt16 or MetadataType.Int32 or MetadataType.UInt32 => Kind.Int,
        MetadataType.Int64 or MetadataType.UInt64 => Kind.Long,

        // Enumerations of the same assembly; a truth value has nothing to find.
        MetadataType.ValueType when type is TypeDefinition { IsEnum: true } definition => KindOf(definition.Fields.Single(f => !f.IsStatic).FieldType),
        _ => Kind.Other,
    };
}
