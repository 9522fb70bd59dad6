using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>
/// Walks the stack with what the image says about frames: a table for methods, DWARF for native code. Backtraces need it.
/// </summary>
/// <remarks>
/// It reads memory only through <c>ProbeMemory.TryRead64(address, out value)</c>, at addresses aligned to 8, so nothing that it meets can
/// fault: damage ends the walk with a reason. It uses about 2 KiB of stack.
/// </remarks>
internal static unsafe class Unwinder
{
    // rbx, rbp, r12 to r15: the registers that a function must preserve (System V AMD64 ABI, section 3.2.1).
    private const uint CalleeSaved = 1u << UnwindRegisters.Rbx | 1u << UnwindRegisters.Rbp | 0xfu << UnwindRegisters.R12;

    /// <summary>Steps from a frame to its caller's.</summary>
    /// <param name="tables">What the image says.</param>
    /// <param name="registers">The frame's registers, replaced by the caller's. Unchanged when unwinding stops.</param>
    public static UnwindStop Step(UnwindTables tables, UnwindRegisters* registers)
    {
        ulong address = registers->Values[UnwindRegisters.Rip];
        CallFrameRow row;
        UnwindStop stop = FindRow(tables, registers->IsExact ? address : address - 1, &row);
        return stop switch
        {
            UnwindStop.None => Apply(&row, registers),
            UnwindStop.NoInformation when registers->IsExact => LeaveLeaf(tables, registers),
            _ => stop,
        };
    }

    /// <summary>Finds the rules for an address.</summary>
    public static UnwindStop FindRow(UnwindTables tables, ulong address, CallFrameRow* row)
    {
        if (IsMethod(tables, address))
        {
            MethodTable.Find(tables.Methods, address, row);
            return UnwindStop.None;
        }

        UnwindStop stop = FrameDescription.Find(tables.Frames, address, out FrameDescription entry);
        if (stop != UnwindStop.None)
        {
            return stop;
        }

        return CallFrameProgram.TryRun(&entry, address, row) ? UnwindStop.None : UnwindStop.BadInformation;
    }

    private static bool IsMethod(UnwindTables tables, ulong address) => tables.Methods != null && tables.Methods->Contains(address);

    // Machine code of the stubs and a call through a bad pointer have no unwind information. Neither has pushed anything yet, if the top of
    // the stack is a return address at all.
    private static UnwindStop LeaveLeaf(UnwindTables tables, UnwindRegisters* registers)
    {
        ulong stackPointer = registers->Values[UnwindRegisters.Rsp];
        if (!DwarfReader.TryReadMemory(stackPointer, 8, out ulong returnAddress))
        {
            return UnwindStop.BadStack;
        }

        ulong caller = returnAddress - 1;
        if (!IsMethod(tables, caller) && FrameDescription.Find(tables.Frames, caller, out _) != UnwindStop.None)
        {
            return UnwindStop.NoInformation;
        }

        registers->Values[UnwindRegisters.Rip] = returnAddress;
        registers->Values[UnwindRegisters.Rsp] = stackPointer + 8;
        registers->IsExact = false;
        return UnwindStop.None;
    }

    [SkipLocalsInit]
    private static UnwindStop Apply(CallFrameRow* row, UnwindRegisters* registers)
    {
        ulong cfa;
        if (!row->CfaIsExpression)
        {
            cfa = registers->Values[row->CfaRegister] + (ulong)row->CfaValue;
        }
        else if (!DwarfExpression.TryEvaluate((ulong)row->CfaValue, registers, false, 0, out cfa))
        {
            return UnwindStop.BadInformation;
        }

        // The stack grows down, so a caller's frame lies higher, except that a signal may have come from another stack.
        ulong stackPointer = registers->Values[UnwindRegisters.Rsp];
        if ((cfa & 7) != 0 || (cfa <= stackPointer && !row->IsSignalFrame))
        {
            return UnwindStop.BadStack;
        }

        CallFrameRule returnRule = (CallFrameRule)row->Rules[row->ReturnColumn];
        if (returnRule is CallFrameRule.Undefined or CallFrameRule.Unspecified)
        {
            return UnwindStop.Outermost;
        }

        ulong* values = stackalloc ulong[UnwindRegisters.Count];
        for (int i = 0; i < UnwindRegisters.Count; i++)
        {
            UnwindStop stop = Recover(row, i, cfa, registers, out values[i]);
            if (stop != UnwindStop.None)
            {
                return stop;
            }
        }

        if (values[row->ReturnColumn] == 0)
        {
            return UnwindStop.Outermost;
        }

        ulong address = values[row->ReturnColumn];
        for (int i = 0; i < UnwindRegisters.Count; i++)
        {
            registers->Values[i] = values[i];
        }

        registers->Values[UnwindRegisters.Rip] = address;
        registers->IsExact = row->IsSignalFrame;
        return UnwindStop.None;
    }

    private static UnwindStop Recover(CallFrameRow* row, int register, ulong cfa, UnwindRegisters* registers, out ulong value)
    {
        value = registers->Values[register];
        long operand = row->Values[register];
        switch ((CallFrameRule)row->Rules[register])
        {
            case CallFrameRule.Unspecified:
                // By definition, the CFA is the caller's stack pointer.
                value = register == UnwindRegisters.Rsp ? cfa : value;
                return UnwindStop.None;
            case CallFrameRule.Undefined:
                // A caller rarely relies on a lost callee-saved register (outermost frames mark rbp so). 0 leads nowhere.
                value = (CalleeSaved & (1u << register)) != 0 ? 0 : value;
                return UnwindStop.None;
            case CallFrameRule.SameValue:
                return UnwindStop.None;
            case CallFrameRule.Offset:
                return DwarfReader.TryReadMemory(cfa + (ulong)operand, 8, out value) ? UnwindStop.None : UnwindStop.BadStack;
            case CallFrameRule.ValueOffset:
                value = cfa + (ulong)operand;
                return UnwindStop.None;
            case CallFrameRule.Register:
                if ((ulong)operand >= UnwindRegisters.Count)
                {
                    return UnwindStop.BadInformation;
                }

                value = registers->Values[(int)operand];
                return UnwindStop.None;
            case CallFrameRule.Expression:
                if (!DwarfExpression.TryEvaluate((ulong)operand, registers, true, cfa, out ulong location))
                {
                    return UnwindStop.BadInformation;
                }

                return DwarfReader.TryReadMemory(location, 8, out value) ? UnwindStop.None : UnwindStop.BadStack;
            default:
                return DwarfExpression.TryEvaluate((ulong)operand, registers, true, cfa, out value)
                    ? UnwindStop.None
                    : UnwindStop.BadInformation;
        }
    }
}
