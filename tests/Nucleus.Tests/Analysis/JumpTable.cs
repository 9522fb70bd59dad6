using System.Buffers.Binary;
using Iced.Intel;

namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>
/// Resolves the jump of a C# <c>switch</c> as ILC compiles it: after a bounds check, a 32-bit distance is loaded from a table of constants
/// and added to an address within the function.
/// </summary>
/// <remarks>
/// <code>
/// cmp  index, last        and any use of the index
/// ja   default
/// mov  eax, index
/// lea  rcx, [rip + table]
/// mov  ecx, [rcx + rax*4]
/// lea  rdx, [rip + base]
/// add  rcx, rdx
/// jmp  rcx
/// </code>
/// Other instructions may stand between these; none may change the registers in between, and no branch may enter behind the check. The
/// index may also be a local in memory, compared there and loaded right behind the check: nothing has stored to it in between.
/// </remarks>
internal static class JumpTable
{
    private const int LongestPattern = 24;
    private const ulong LongestTable = 4096;

    /// <summary>Resolves the indirect jump at an index of a function's instructions.</summary>
    /// <param name="code">The whole function.</param>
    /// <param name="jump">Index of the jump.</param>
    /// <param name="image">Where the table is.</param>
    /// <returns>The targets, or null when this is no such jump.</returns>
    public static IReadOnlyList<ulong>? TryResolve(IReadOnlyList<Instruction> code, int jump, CodeImage image)
    {
        if (code[jump].Op0Kind != OpKind.Register)
        {
            return null;
        }

        Register target = code[jump].Op0Register;
        int add = FindDefinition(code, jump, target);
        if (add < 0 || code[add].Mnemonic != Mnemonic.Add || code[add].Op1Kind != OpKind.Register)
        {
            return null;
        }

        // Either register may be the loaded distance.
        Register left = code[add].Op0Register;
        Register right = code[add].Op1Register;
        return TryResolve(code, jump, add, left, right, image) ?? TryResolve(code, jump, add, right, left, image);
    }

    private static List<ulong>? TryResolve(
        IReadOnlyList<Instruction> code, int jump, int add, Register distance, Register origin, CodeImage image)
    {
        int load = FindDefinition(code, add, distance);
        ulong? functionBase = FindAddress(code, add, origin);
        if (load < 0 || functionBase is null || code[load].Code != Code.Mov_r32_rm32 || code[load].Op1Kind != OpKind.Memory
            || code[load].MemoryIndexScale != 4 || code[load].MemoryDisplacement64 != 0)
        {
            return null;
        }

        ulong? table = FindAddress(code, load, code[load].MemoryBase);
        ulong? count = FindCount(code, load, jump, code[load].MemoryIndex);
        if (table is null || count is null or > LongestTable)
        {
            return null;
        }

        ReadOnlySpan<byte> entries = image.Read(table.Value, (int)count.Value * 4).Span;
        List<ulong> targets = [];
        for (; entries.Length > 0; entries = entries[4..])
        {
            targets.Add(functionBase.Value + BinaryPrimitives.ReadUInt32LittleEndian(entries));
        }

        return targets.Count > 0 ? targets : null;
    }

    // The value of a register that an instruction reads, when it is an address fixed by the code.
    private static ulong? FindAddress(IReadOnlyList<Instruction> code, int reader, Register register)
    {
        int definition = FindDefinition(code, reader, register);
        return definition >= 0 && code[definition].Mnemonic == Mnemonic.Lea && code[definition].IsIPRelativeMemoryOperand
            ? code[definition].IPRelativeMemoryAddress
            : null;
    }

    // How many values the index can have: one more than what it was compared with, itself or before it was copied.
    private static ulong? FindCount(IReadOnlyList<Instruction> code, int load, int jump, Register index)
    {
        int copy = FindDefinition(code, load, index);
        if (FindCheck(code, load, jump, index) is { } count)
        {
            return count;
        }

        if (copy < 0 || code[copy].Code is not (Code.Mov_r32_rm32 or Code.Mov_rm32_r32))
        {
            return null;
        }

        return code[copy].Op1Kind switch
        {
            OpKind.Register => FindCheck(code, copy, jump, code[copy].Op1Register),
            OpKind.Memory => FindCheckInMemory(code, copy, jump),
            _ => null,
        };
    }

    // The check of a 32-bit local directly before the instruction that loads it.
    private static ulong? FindCheckInMemory(IReadOnlyList<Instruction> code, int load, int jump)
    {
        if (load < 2 || code[load - 1].Mnemonic != Mnemonic.Ja || IsEntered(code, load - 1, jump))
        {
            return null;
        }

        Instruction compare = code[load - 2];
        Instruction read = code[load];
        return compare.Code is Code.Cmp_rm32_imm8 or Code.Cmp_rm32_imm32 && compare.Op0Kind == OpKind.Memory
            && compare.MemoryBase == read.MemoryBase && compare.MemoryIndex == read.MemoryIndex
            && compare.MemoryIndexScale == read.MemoryIndexScale && compare.MemoryDisplacement64 == read.MemoryDisplacement64
            && compare.MemorySegment == read.MemorySegment && read.MemoryBase is Register.RBP or Register.RSP
            ? (ulong)(uint)compare.GetImmediate(1) + 1
            : null;
    }

    // The check behind which a register has not changed until an instruction reads it.
    private static ulong? FindCheck(IReadOnlyList<Instruction> code, int reader, int jump, Register register)
    {
        int definition = FindDefinition(code, reader, register);
        for (int i = reader - 1; i > 0 && i > definition + 1 && i > reader - LongestPattern; i--)
        {
            Instruction compare = code[i - 1];
            if (code[i].Mnemonic == Mnemonic.Ja && compare.Mnemonic == Mnemonic.Cmp && compare.Op0Kind == OpKind.Register
                && compare.Op0Register.GetSize() >= 4 && compare.Op0Register.GetFullRegister() == register.GetFullRegister()
                && compare.Op1Kind is OpKind.Immediate8to32 or OpKind.Immediate32 or OpKind.Immediate8to64 or OpKind.Immediate32to64)
            {
                return IsEntered(code, i, jump) ? null : compare.GetImmediate(1) + 1;
            }
        }

        return null;
    }

    // Whether any branch of the function leads behind the check, up to the jump.
    private static bool IsEntered(IReadOnlyList<Instruction> code, int check, int jump) => code.Any(instruction =>
        instruction.Op0Kind == OpKind.NearBranch64
        && instruction.NearBranchTarget > code[check].IP && instruction.NearBranchTarget <= code[jump].IP);

    // The last instruction before another, in the order of the code, that writes a register; -1: none near.
    private static int FindDefinition(IReadOnlyList<Instruction> code, int reader, Register register)
    {
        InstructionInfoFactory factory = new();
        for (int i = reader - 1; i >= 0 && i > reader - LongestPattern; i--)
        {
            if (factory.GetInfo(code[i]).GetUsedRegisters().Any(used =>
                used.Register.GetFullRegister() == register.GetFullRegister()
                && used.Access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite or OpAccess.ReadCondWrite))
            {
                return i;
            }
        }

        return -1;
    }
}
