using dnlib.DotNet;
using dnlib.DotNet.Emit;

namespace Xenlet.Fuzz;

/// <summary>
/// Makes instrumented code count basic blocks. SharpFuzz counts the step from the block that ran last, and keeps that block in one variable
/// for all threads; with two threads every order of their blocks looks like a new step. Where the last block is never stored, each
/// block is counted for itself.
/// </summary>
internal static class BlockCounts
{
    /// <summary>Rewrites an instrumented assembly.</summary>
    public static void Rewrite(string file)
    {
        using ModuleDefMD module = ModuleDefMD.Load(File.ReadAllBytes(file));
        foreach (MethodDef method in module.GetTypes().SelectMany(type => type.Methods).Where(method => method.HasBody))
        {
            foreach (Instruction instruction in method.Body.Instructions.Where(StoresLastBlock))
            {
                instruction.OpCode = OpCodes.Pop;
                instruction.Operand = null;
            }
        }

        module.Write(file);
    }

    private static bool StoresLastBlock(Instruction instruction) =>
        instruction.OpCode == OpCodes.Stsfld
        && instruction.Operand is IField { Name.String: "PrevLocation", DeclaringType.FullName: "SharpFuzz.Common.Trace" };
}
