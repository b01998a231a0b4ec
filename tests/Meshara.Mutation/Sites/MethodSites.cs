using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Meshara.Mutation.Sites;

/// <summary>Finds what can be changed in one method: signs and boundaries of comparisons, early returns, constants, calls for their effect.</summary>
internal sealed class MethodSites(MethodDefinition method)
{
    private static readonly string[] Signs = ["op_Equality", "op_Inequality", "op_LessThan", "op_LessThanOrEqual", "op_GreaterThan", "op_GreaterThanOrEqual"];

    private readonly HashSet<Instruction> _finally = FinallyBlocks(method);

    /// <summary>All of them, in the order of the code.</summary>
    public IReadOnlyList<Change> Find()
    {
        List<Change> found = [];
        SequencePoint? point = null;
        Dictionary<int, SequencePoint> points = method.DebugInformation.SequencePoints.GroupBy(p => p.Offset).ToDictionary(g => g.Key, g => g.First());
        foreach (Instruction at in method.Body.Instructions)
        {
            if (points.TryGetValue(at.Offset, out SequencePoint? here))
                point = here;
            // The end of an exception filter is the compiler's `!= 0`.
            if (at.Next?.OpCode.Code == Code.Endfilter)
                continue;
            if (point is null or { IsHidden: true } || _finally.Contains(at) || at.Previous?.OpCode.OpCodeType == OpCodeType.Prefix)
                continue;
            (IReadOnlyList<Variant> variants, Instruction? after) = Variants(at);
            if (variants.Count > 0)
                found.Add(new Change(at, after, point, variants));
        }

        return found;
    }

    private (IReadOnlyList<Variant> Variants, Instruction? After) Variants(Instruction at)
    {
        if (Comparisons.IsBranch(at))
            return ([.. BranchVariants(at)], null);
        if (at.OpCode.Code is Code.Ceq or Code.Clt or Code.Clt_Un or Code.Cgt or Code.Cgt_Un)
            return ([.. Comparisons.Values(at)], null);
        if (at.OpCode.Code is Code.Ldc_I4 or Code.Ldc_I8 or Code.Ldc_R8)
            return ([.. Constants.Variants(at, method)], null);
        if (at.OpCode.Code is not (Code.Call or Code.Callvirt))
            return ([], null);

        MethodReference called = (MethodReference)at.Operand;
        if (Signs.Contains(called.Name) && called.Parameters.Count == 2)
            return ([.. Comparisons.Operators(at, called)], null);
        bool isVoid = called.ReturnType.MetadataType == MetadataType.Void;
        bool dropped = !isVoid && at.Next?.OpCode.Code == Code.Pop;
        if ((!isVoid && !dropped) || Scope.IsTextOrPlumbing(called) || Flow.Throws(at))
            return ([], null);
        int taken = called.Parameters.Count + (called.HasThis ? 1 : 0);
        Variant gone = new($"no {called.Name}", [.. Enumerable.Range(0, taken).Select(_ => Instruction.Create(OpCodes.Pop))]);
        return ([gone], dropped ? at.Next!.Next : null);
    }

    private IEnumerable<Variant> BranchVariants(Instruction at)
    {
        Instruction target = (Instruction)at.Operand;
        bool simple = at.OpCode.Code is Code.Brtrue or Code.Brfalse;
        if (simple && IsPlumbing(at))
            yield break;
        foreach (Variant variant in Comparisons.Branches(at))
            yield return variant;
        bool leavesThere = Flow.Leaves(target), leavesHere = at.Next is { } next && Flow.Leaves(next);
        if (leavesThere == leavesHere)
            yield break;
        List<Instruction> steps = [Instruction.Create(OpCodes.Pop)];
        if (!simple)
            steps.Add(Instruction.Create(OpCodes.Pop));
        steps.Add(Instruction.Create(OpCodes.Br, leavesThere ? at.Next! : target));
        yield return new Variant("no early return", [.. steps]);
    }

    /// <summary>Loops over a sequence, waiting for a task, the cache of a lambda, `?.` and `??`, and tests whose sign is changed one instruction before.</summary>
    private static bool IsPlumbing(Instruction at)
    {
        Instruction? before = at.Previous;
        return before?.OpCode.Code switch
        {
            Code.Call or Code.Callvirt => before.Operand is MethodReference { Name: var name } && (name is "MoveNext" or "get_IsCompleted" or "ShouldAppend" || Signs.Contains(name)),
            Code.Ceq or Code.Clt or Code.Clt_Un or Code.Cgt or Code.Cgt_Un => true,
            Code.Dup => true,
            _ => false,
        };
    }

    private static HashSet<Instruction> FinallyBlocks(MethodDefinition method)
    {
        HashSet<Instruction> inside = [];
        foreach (ExceptionHandler handler in method.Body.ExceptionHandlers.Where(h => h.HandlerType is ExceptionHandlerType.Finally or ExceptionHandlerType.Fault))
            for (Instruction? at = handler.HandlerStart; at is not null && at != handler.HandlerEnd; at = at.Next)
                inside.Add(at);
        return inside;
    }
}
