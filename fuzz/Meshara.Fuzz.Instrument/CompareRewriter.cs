using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Fuzz.Instrument;

/// <summary>Takes a note of what is compared, before it is.</summary>
internal static class CompareRewriter
{
    /// <summary>Returns the number of compares.</summary>
    public static int Rewrite(MethodDefinition method, HookReferences hooks)
    {
        ILProcessor il = method.Body.GetILProcessor();
        IReadOnlyDictionary<Instruction, (Kind Left, Kind Right)> kinds = StackKinds.BeforeCompares(method);
        VariableDefinition?[] saved = new VariableDefinition?[4];
        int count = 0;
        foreach (Instruction instruction in method.Body.Instructions.ToArray())
        {
            if (instruction.OpCode.Code is Code.Call or Code.Callvirt && hooks.Instead((MethodReference)instruction.Operand) is { } instead)
            {
                (instruction.OpCode, instruction.Operand) = (OpCodes.Call, instead);
                count++;
            }
            else if (kinds.TryGetValue(instruction, out (Kind Left, Kind Right) pair) && pair.Left == pair.Right && pair.Left != Kind.Other)
            {
                count += Insert(instruction, pair.Left == Kind.Long) ? 1 : 0;
            }
        }

        return count;

        bool Insert(Instruction compare, bool isLong)
        {
            MethodReference hook = isLong ? hooks.Compare64 : hooks.Compare32;
            Instruction constant = compare.Previous;
            if (constant.OpCode.Code is Code.Ldc_I4 or Code.Ldc_I8)
            {
                // The left one lies below: the constant is put on it twice. 0, 1 and -1 are found without help.
                if (constant.Operand is >= -1 and <= 1 or >= -1L and <= 1L)
                    return false;
                Put(constant, il.Create(OpCodes.Dup), Copy(constant), il.Create(OpCodes.Call, hook));
                return true;
            }

            VariableDefinition left = Saved(isLong, 0), right = Saved(isLong, 1);
            Instruction first = il.Create(OpCodes.Stloc, right);
            Put(
                compare, first, il.Create(OpCodes.Stloc, left), il.Create(OpCodes.Ldloc, left), il.Create(OpCodes.Ldloc, right), il.Create(OpCodes.Call, hook),
                il.Create(OpCodes.Ldloc, left), il.Create(OpCodes.Ldloc, right));
            return true;
        }

        void Put(Instruction before, params ReadOnlySpan<Instruction> added)
        {
            foreach (Instruction instruction in added)
                il.InsertBefore(before, instruction);
        }

        Instruction Copy(Instruction constant) => constant.Operand is long value ? il.Create(OpCodes.Ldc_I8, value) : il.Create(OpCodes.Ldc_I4, (int)constant.Operand);

        VariableDefinition Saved(bool isLong, int which)
        {
            int at = (isLong ? 2 : 0) + which;
            if (saved[at] is { } variable)
                return variable;
            variable = new VariableDefinition(isLong ? method.Module.TypeSystem.Int64 : method.Module.TypeSystem.Int32);
            method.Body.Variables.Add(variable);
            return saved[at] = variable;
        }
    }
}
