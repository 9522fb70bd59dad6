using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>
/// Evaluates the DWARF expressions (DWARF 5, section 2.5) in call frame rules: glibc's for a signal frame, and the linker's for a PLT.
/// </summary>
internal static unsafe class DwarfExpression
{
    private const int StackLimit = 16;
    private const int StepLimit = 256;

    /// <summary>Evaluates the block at an address: a ULEB128 length, then the operations.</summary>
    /// <param name="block">Address of the block.</param>
    /// <param name="registers">The frame's registers.</param>
    /// <param name="hasInitial">Whether the stack starts with a value: for a register's rule, the CFA.</param>
    /// <param name="initial">That value.</param>
    /// <param name="result">The value left on top of the stack.</param>
    [SkipLocalsInit]
    public static bool TryEvaluate(ulong block, UnwindRegisters* registers, bool hasInitial, ulong initial, out ulong result)
    {
        result = 0;
        DwarfReader lengthReader = new(block, ulong.MaxValue);
        ulong length = lengthReader.ReadUnsignedLeb();
        ulong start = lengthReader.Position;
        if (lengthReader.Failed || length > ulong.MaxValue - start)
        {
            return false;
        }

        ulong* stack = stackalloc ulong[StackLimit + 1];
        int depth = 0;
        if (hasInitial)
        {
            stack[depth++] = initial;
        }

        DwarfReader reader = new(start, start + length);
        for (int step = 0; !reader.AtEnd; step++)
        {
            byte operation = reader.ReadByte();
            if (step == StepLimit || depth > StackLimit
                || !TryApply(operation, ref reader, start, start + length, registers, stack, ref depth))
            {
                return false;
            }
        }

        if (reader.Failed || depth == 0)
        {
            return false;
        }

        result = stack[depth - 1];
        return true;
    }

    // Leaves room for one push: the stack has one more entry than its limit.
    private static bool TryApply(
        byte operation, ref DwarfReader reader, ulong start, ulong end, UnwindRegisters* registers, ulong* stack, ref int depth)
    {
        if (operation is >= 0x30 and <= 0x4f)
        {
            stack[depth++] = (ulong)(operation - 0x30); // DW_OP_lit0...
            return true;
        }

        if (operation is >= 0x70 and <= 0x80)
        {
            long offset = reader.ReadSignedLeb(); // DW_OP_breg0...
            stack[depth++] = registers->Values[operation - 0x70] + (ulong)offset;
            return true;
        }

        return operation < 0x12
            ? TryApplyConstant(operation, ref reader, stack, ref depth)
            : TryApplyOperator(operation, ref reader, start, end, stack, ref depth);
    }

    private static bool TryApplyConstant(byte operation, ref DwarfReader reader, ulong* stack, ref int depth)
    {
        ulong value;
        switch (operation)
        {
            case 0x03: // DW_OP_addr
                value = reader.ReadLittleEndian(8);
                break;
            case 0x06: // DW_OP_deref
                return depth > 0 && DwarfReader.TryReadMemory(stack[depth - 1], 8, out stack[depth - 1]);
            case 0x08: // DW_OP_const1u
                value = reader.ReadLittleEndian(1);
                break;
            case 0x09: // DW_OP_const1s
                value = (ulong)reader.ReadSigned(1);
                break;
            case 0x0a: // DW_OP_const2u
                value = reader.ReadLittleEndian(2);
                break;
            case 0x0b: // DW_OP_const2s
                value = (ulong)reader.ReadSigned(2);
                break;
            case 0x0c: // DW_OP_const4u
                value = reader.ReadLittleEndian(4);
                break;
            case 0x0d: // DW_OP_const4s
                value = (ulong)reader.ReadSigned(4);
                break;
            case 0x0e: // DW_OP_const8u
            case 0x0f: // DW_OP_const8s
                value = reader.ReadLittleEndian(8);
                break;
            case 0x10: // DW_OP_constu
                value = reader.ReadUnsignedLeb();
                break;
            case 0x11: // DW_OP_consts
                value = (ulong)reader.ReadSignedLeb();
                break;
            default:
                return false;
        }

        stack[depth++] = value;
        return true;
    }

    private static bool TryApplyOperator(byte operation, ref DwarfReader reader, ulong start, ulong end, ulong* stack, ref int depth)
    {
        switch (operation)
        {
            case 0x12: // DW_OP_dup
                return TryPick(0, stack, ref depth);
            case 0x13: // DW_OP_drop
                depth--;
                return depth >= 0;
            case 0x14: // DW_OP_over
                return TryPick(1, stack, ref depth);
            case 0x15: // DW_OP_pick
                return TryPick(reader.ReadByte(), stack, ref depth);
            case 0x23: // DW_OP_plus_uconst
                ulong addend = reader.ReadUnsignedLeb();
                return depth > 0 && Replace(stack, depth, stack[depth - 1] + addend);
            case 0x28: // DW_OP_bra
                long distance = reader.ReadSigned(2);
                if (depth == 0)
                {
                    return false;
                }

                return stack[--depth] == 0 || TryJump(ref reader, start, end, distance);
            case 0x2f: // DW_OP_skip
                return TryJump(ref reader, start, end, reader.ReadSigned(2));
            case 0x19: // DW_OP_abs
                return depth > 0 && Replace(stack, depth, (long)stack[depth - 1] < 0 ? 0 - stack[depth - 1] : stack[depth - 1]);
            case 0x1f: // DW_OP_neg
                return depth > 0 && Replace(stack, depth, 0 - stack[depth - 1]);
            case 0x20: // DW_OP_not
                return depth > 0 && Replace(stack, depth, ~stack[depth - 1]);
            case 0x96: // DW_OP_nop
                return true;
            default:
                return depth >= 2 && TryApplyBinary(operation, stack, ref depth);
        }
    }

    private static bool TryApplyBinary(byte operation, ulong* stack, ref int depth)
    {
        ulong right = stack[depth - 1];
        ulong left = stack[depth - 2];
        bool shiftsOut = right >= 64;
        ulong value;
        switch (operation)
        {
            case 0x16: // DW_OP_swap
                stack[depth - 1] = left;
                stack[depth - 2] = right;
                return true;
            case 0x1a: // DW_OP_and
                value = left & right;
                break;
            case 0x1c: // DW_OP_minus
                value = left - right;
                break;
            case 0x1e: // DW_OP_mul
                value = left * right;
                break;
            case 0x21: // DW_OP_or
                value = left | right;
                break;
            case 0x22: // DW_OP_plus
                value = left + right;
                break;
            case 0x24: // DW_OP_shl
                value = shiftsOut ? 0 : left << (int)right;
                break;
            case 0x25: // DW_OP_shr
                value = shiftsOut ? 0 : left >> (int)right;
                break;
            case 0x26: // DW_OP_shra
                value = (ulong)((long)left >> (shiftsOut ? 63 : (int)right));
                break;
            case 0x27: // DW_OP_xor
                value = left ^ right;
                break;
            case 0x29: // DW_OP_eq
                value = left == right ? 1ul : 0;
                break;
            case 0x2a: // DW_OP_ge
                value = (long)left >= (long)right ? 1ul : 0;
                break;
            case 0x2b: // DW_OP_gt
                value = (long)left > (long)right ? 1ul : 0;
                break;
            case 0x2c: // DW_OP_le
                value = (long)left <= (long)right ? 1ul : 0;
                break;
            case 0x2d: // DW_OP_lt
                value = (long)left < (long)right ? 1ul : 0;
                break;
            case 0x2e: // DW_OP_ne
                value = left != right ? 1ul : 0;
                break;
            default:
                return false;
        }

        depth--;
        stack[depth - 1] = value;
        return true;
    }

    private static bool TryPick(int index, ulong* stack, ref int depth)
    {
        if (index >= depth)
        {
            return false;
        }

        stack[depth] = stack[depth - 1 - index];
        depth++;
        return true;
    }

    private static bool Replace(ulong* stack, int depth, ulong value)
    {
        stack[depth - 1] = value;
        return true;
    }

    private static bool TryJump(ref DwarfReader reader, ulong start, ulong end, long distance)
    {
        ulong target = reader.Position + (ulong)distance;
        if (reader.Failed || target < start || target > end)
        {
            return false;
        }

        reader = new DwarfReader(target, end);
        return true;
    }
}
