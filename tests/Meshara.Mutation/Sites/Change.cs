using Mono.Cecil.Cil;

namespace Meshara.Mutation.Sites;

/// <summary>What one instruction may become.</summary>
/// <param name="At">The instruction.</param>
/// <param name="After">Where execution goes on after a variant; null: at the next instruction.</param>
/// <param name="Point">Where it stands in the source.</param>
/// <param name="Variants">Each is a mutant.</param>
internal sealed record Change(Instruction At, Instruction? After, SequencePoint? Point, IReadOnlyList<Variant> Variants);

/// <summary>What stands in the place of the instruction.</summary>
/// <param name="Name">For people.</param>
/// <param name="Steps">They take from the stack and leave on it what the original does.</param>
internal sealed record Variant(string Name, params Instruction[] Steps);
