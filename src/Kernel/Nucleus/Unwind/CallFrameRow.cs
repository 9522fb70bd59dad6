namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>How to find a register's value in the calling frame: a register rule of DWARF 5, section 6.4.1.</summary>
internal enum CallFrameRule : byte
{
    /// <summary>No rule was given. The ABI preserves rbx, rbp and r12 to r15; the others have no known value.</summary>
    Unspecified,

    /// <summary>The value is lost. For the return address: there is no caller.</summary>
    Undefined,

    /// <summary>The register still holds it.</summary>
    SameValue,

    /// <summary>In memory at CFA + value.</summary>
    Offset,

    /// <summary>It is CFA + value.</summary>
    ValueOffset,

    /// <summary>In the register whose number is the value.</summary>
    Register,

    /// <summary>In memory at the address that the DWARF expression gives whose block starts at the value.</summary>
    Expression,

    /// <summary>It is the result of the DWARF expression whose block starts at the value.</summary>
    ValueExpression,
}

/// <summary>One row of the call frame table: how to find the calling frame's registers from those at one address.</summary>
internal unsafe struct CallFrameRow
{
    /// <summary>A <see cref="CallFrameRule"/> for each register of <see cref="UnwindRegisters"/>.</summary>
    public fixed byte Rules[UnwindRegisters.Count];

    /// <summary>The expression at <see cref="CfaValue"/> gives the CFA, instead of a register and an offset.</summary>
    public bool CfaIsExpression;

    /// <summary>The register that the CFA is relative to.</summary>
    public int CfaRegister;

    /// <summary>The operand of each rule.</summary>
    public fixed long Values[UnwindRegisters.Count];

    /// <summary>Offset from the register, or address of the expression's block.</summary>
    public long CfaValue;

    /// <summary>The frame is a signal handler's return trampoline: its caller's rip is exactly the interrupted instruction.</summary>
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

    /// <summary>Copies the rules of another row: everything that DW_CFA_remember_state saves.</summary>
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

    /// <summary>Copies the rule of one register.</summary>
    public void CopyRule(CallFrameRow* other, int register)
    {
        Rules[register] = other->Rules[register];
        Values[register] = other->Values[register];
    }

    /// <summary>
    /// Sets a rule. Ignores registers that this unwinder does not track (vector registers); finding the callers needs only the others.
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
