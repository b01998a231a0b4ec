using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Fuzz.Instrument;

/// <summary>Counts the way into a method, into its handlers, and both ways out of each branch: what is in between follows from these.</summary>
internal static class EdgeRewriter
{
    /// <summary>Returns the number of edges.</summary>
    /// <param name="method">Without short forms of instructions.</param>
    /// <param name="hooks">What to call.</param>
    /// <param name="first">The number of its first edge.</param>
    public static int Rewrite(MethodDefinition method, HookReferences hooks, int first)
    {
        ILProcessor il = method.Body.GetILProcessor();
        int edge = first;
        foreach (Instruction instruction in method.Body.Instructions.ToArray())
        {
            if (instruction.Next is not { } next)
                continue;
            if (instruction.OpCode.FlowControl == FlowControl.Cond_Branch && instruction.Operand is Instruction target && target != next)
            {
                instruction.Operand = Detour(instruction, next, [target])[0];
            }
            else if (instruction.Operand is Instruction[] targets)
            {
                instruction.Operand = Detour(instruction, next, targets);
            }
        }

        foreach (ExceptionHandler handler in method.Body.ExceptionHandlers.Where(h => h.HandlerType is ExceptionHandlerType.Catch or ExceptionHandlerType.Filter))
        {
            Instruction old = handler.HandlerStart, hit = Hit();
            Insert(old, hit);
            handler.HandlerStart = hit;

            // Where one handler ends another one may begin.
            foreach (ExceptionHandler other in method.Body.ExceptionHandlers)
            {
                other.TryEnd = other.TryEnd == old ? hit : other.TryEnd;
                other.HandlerEnd = other.HandlerEnd == old ? hit : other.HandlerEnd;
            }
        }

        // Before all else, so that a loop back to the first instruction does not count.
        Insert(method.Body.Instructions[0], Hit());
        return edge - first;

        Instruction Hit() => il.Create(OpCodes.Ldc_I4, edge++);

        void Insert(Instruction before, Instruction hit)
        {
            il.InsertBefore(before, hit);
            il.InsertAfter(hit, il.Create(OpCodes.Call, hooks.Hit));
        }

        // After the branch: the way straight on is counted and jumps over the rest, which counts each other way and goes there. All stays in
        // the block of `try` where the branch is.
        Instruction[] Detour(Instruction branch, Instruction next, Instruction[] targets)
        {
            Instruction last = branch;
            After(Hit(), il.Create(OpCodes.Call, hooks.Hit), il.Create(OpCodes.Br, next));
            Dictionary<Instruction, Instruction> ways = [];
            foreach (Instruction target in targets.Where(t => !ways.ContainsKey(t)))
            {
                Instruction hit = Hit();
                ways.Add(target, hit);
                After(hit, il.Create(OpCodes.Call, hooks.Hit), il.Create(OpCodes.Br, target));
            }

            return [.. targets.Select(t => ways[t])];

            void After(params ReadOnlySpan<Instruction> added)
            {
                foreach (Instruction instruction in added)
                {
                    il.InsertAfter(last, instruction);
                    last = instruction;
                }
            }
        }
    }
}
