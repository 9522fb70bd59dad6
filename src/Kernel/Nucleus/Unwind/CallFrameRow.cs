namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>Where a register's value in the calling frame is found: a register rule of DWARF 5, section 6.4.1.</summary>
internal enum CallFrameRule : byte
{
    /// <summary>Nothing was said. The ABI keeps rbx, rbp and r12 to r15; the others have no known value.</summary>
    Unspecified,

    /// <summary>The value is lost; for the return address: there is no caller.</summary>
    Undefined,

    /// <summary>The register still has it.</summary>
    SameValue,

    /// <summary>In memory at CFA + value.</summary>
    Offset,

    /// <summary>It is CFA + value.</summary>
    ValueOffset,

    /// <summary>In the register whose number is the value.</summary>
    Register,

    /// <summary>In memory at the result of the DWARF expression whose block starts at the value.</summary>
    Expression,

    /// <summary>It is the result of the DWARF expression whose block starts at the value.</summary>
    ValueExpression,
}

/// <summary>One row of the call frame table: how to find the calling frame's registers from those at one address.</summary>
internal unsafe struct CallFrameRow
{
    /// <summary>A <see cref="CallFrameRule"/> for each register of <see cref="UnwindRegisters"/>.</summary>
    public fixed byte Rules[UnwindRegisters.Count];

    /// <summary>The CFA is what the expression at <see cref="CfaValue"/> gives, not a register and an offset.</summary>
    public bool CfaIsExpression;

    /// <summary>Register the CFA is counted from.</summary>
    public int CfaRegister;

    /// <summary>What each rule needs.</summary>
    public fixed long Values[UnwindRegisters.Count];

    /// <summary>Offset from the register, or address of the expression's block.</summary>
    public long CfaValue;

    /// <summary>The frame is a signal handler's return trampoline: its caller's rip is the interrupted instruction itself.</summary>
    public bool IsSignalFrame;

    /// <summary>Column that holds the return address.</summary>
    public int ReturnColumn;

    /// <summary>Sets every rule to unspecified.</summary>
    public void Clear()
    {
        for (int i = 0; i < UnwindRegisters.Count; i++)
        {
            Rules[i] = (byte)CallFrameRule.Unspecified;
            Values[i] = 0;
        }

        CfaIsExpression = false;
        CfaRegister = -1;
        CfaValue = 0;
        IsSignalFrame = false;
        ReturnColumn = UnwindRegisters.Rip;
    }

    /// <summary>Takes over the rules of another row: all that DW_CFA_remember_state keeps.</summary>
    public void CopyRulesFrom(CallFrameRow* other)
    {
        for (int i = 0; i < UnwindRegisters.Count; i++)
        {
            CopyRule(other, i);
        }

        CfaIsExpression = other->CfaIsExpression;
        CfaRegister = other->CfaRegister;
        CfaValue = other->CfaValue;
    }

    /// <summary>Takes over the rule of one register.</summary>
    public void CopyRule(CallFrameRow* other, int register)
    {
        Rules[register] = other->Rules[register];
        Values[register] = other->Values[register];
    }

    /// <summary>
    /// Sets a rule. Registers this unwinder does not follow (vector registers) are passed over; a program keeps its place only by the
    /// others.
    /// </summary>
    public void Set(ulong register, CallFrameRule rule, long value)
    {
        if (register < UnwindRegisters.Count)
        {
            Rules[(int)register] = (byte)rule;
            Values[(int)register] = value;
        }
    }
}
