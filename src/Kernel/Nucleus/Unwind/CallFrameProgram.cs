namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>Runs the instructions of a CIE and an FDE (DWARF 5, section 6.4.2) up to an address.</summary>
internal unsafe struct CallFrameProgram
{
    // gcc nests one level; hand-written code in glibc nests two.
    private const int RememberLimit = 4;

    private const byte AdvanceLoc = 0x40;
    private const byte Offset = 0x80;
    private const byte Restore = 0xc0;

    private CallFrameRow _initial;
    private CallFrameRow _remembered0;
    private CallFrameRow _remembered1;
    private CallFrameRow _remembered2;
    private CallFrameRow _remembered3;
    private int _depth;

    /// <summary>Finds the row for an address.</summary>
    /// <param name="entry">The FDE and its CIE.</param>
    /// <param name="address">The address, within the FDE's range.</param>
    /// <param name="row">Receives the row.</param>
    /// <returns>False if the instructions are damaged or unknown.</returns>
    public static bool TryRun(FrameDescription* entry, ulong address, CallFrameRow* row)
    {
        CallFrameProgram program;
        return TryRun(&program, entry, address, row);
    }

    private static bool TryRun(CallFrameProgram* program, FrameDescription* entry, ulong address, CallFrameRow* row)
    {
        program->_depth = 0;
        row->Clear();
        row->IsSignalFrame = entry->IsSignalFrame;
        row->ReturnColumn = (int)entry->ReturnColumn;

        // A DW_CFA_restore within the CIE itself has only this to restore to.
        program->_initial.Clear();
        DwarfReader reader = new(entry->InitialInstructions, entry->InitialInstructionsEnd);
        if (!program->TryExecute(ref reader, entry, ulong.MaxValue, row))
        {
            return false;
        }

        program->_initial.CopyRulesFrom(row);
        reader = new(entry->Instructions, entry->InstructionsEnd);
        return program->TryExecute(ref reader, entry, address, row) && (row->CfaIsExpression || row->CfaRegister >= 0);
    }

    private bool TryExecute(ref DwarfReader reader, FrameDescription* entry, ulong address, CallFrameRow* row)
    {
        ulong location = entry->Start;
        while (!reader.AtEnd)
        {
            byte instruction = reader.ReadByte();
            byte operand = (byte)(instruction & 0x3f);
            switch (instruction & 0xc0)
            {
                case AdvanceLoc:
                    location += operand * entry->CodeAlignment;
                    break;
                case Offset:
                    row->Set(operand, CallFrameRule.Offset, (long)reader.ReadUnsignedLeb() * entry->DataAlignment);
                    break;
                case Restore:
                    RestoreRule(row, operand);
                    break;
                default:
                    if (!TryExecuteExtended(ref reader, instruction, entry, ref location, row))
                    {
                        return false;
                    }

                    break;
            }

            if (reader.Failed || location > address)
            {
                break;
            }
        }

        return !reader.Failed;
    }

    private bool TryExecuteExtended(
        ref DwarfReader reader, byte instruction, FrameDescription* entry, ref ulong location, CallFrameRow* row)
    {
        long dataAlignment = entry->DataAlignment;
        switch (instruction)
        {
            case 0x00: // DW_CFA_nop
                return true;
            case 0x01: // DW_CFA_set_loc
                location = reader.ReadEncoded(entry->PointerEncoding, 0);
                return true;
            case 0x02: // DW_CFA_advance_loc1
                location += reader.ReadLittleEndian(1) * entry->CodeAlignment;
                return true;
            case 0x03: // DW_CFA_advance_loc2
                location += reader.ReadLittleEndian(2) * entry->CodeAlignment;
                return true;
            case 0x04: // DW_CFA_advance_loc4
                location += reader.ReadLittleEndian(4) * entry->CodeAlignment;
                return true;
            case 0x05: // DW_CFA_offset_extended
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.Offset, (long)reader.ReadUnsignedLeb() * dataAlignment);
                return true;
            case 0x06: // DW_CFA_restore_extended
                RestoreRule(row, reader.ReadUnsignedLeb());
                return true;
            case 0x07: // DW_CFA_undefined
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.Undefined, 0);
                return true;
            case 0x08: // DW_CFA_same_value
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.SameValue, 0);
                return true;
            case 0x09: // DW_CFA_register
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.Register, (long)reader.ReadUnsignedLeb());
                return true;
            case 0x0a: // DW_CFA_remember_state
                return TryRemember(row);
            case 0x0b: // DW_CFA_restore_state
                return TryRecall(row);
            case 0x0c: // DW_CFA_def_cfa
                DefineCfa(row, reader.ReadUnsignedLeb(), (long)reader.ReadUnsignedLeb());
                return true;
            case 0x0d: // DW_CFA_def_cfa_register
                DefineCfa(row, reader.ReadUnsignedLeb(), row->CfaValue);
                return true;
            case 0x0e: // DW_CFA_def_cfa_offset
                row->CfaValue = (long)reader.ReadUnsignedLeb();
                return true;
            case 0x0f: // DW_CFA_def_cfa_expression
                row->CfaIsExpression = true;
                row->CfaValue = SkipExpression(ref reader);
                return true;
            case 0x10: // DW_CFA_expression
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.Expression, SkipExpression(ref reader));
                return true;
            case 0x11: // DW_CFA_offset_extended_sf
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.Offset, reader.ReadSignedLeb() * dataAlignment);
                return true;
            case 0x12: // DW_CFA_def_cfa_sf
                DefineCfa(row, reader.ReadUnsignedLeb(), reader.ReadSignedLeb() * dataAlignment);
                return true;
            case 0x13: // DW_CFA_def_cfa_offset_sf
                row->CfaValue = reader.ReadSignedLeb() * dataAlignment;
                return true;
            case 0x14: // DW_CFA_val_offset
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.ValueOffset, (long)reader.ReadUnsignedLeb() * dataAlignment);
                return true;
            case 0x15: // DW_CFA_val_offset_sf
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.ValueOffset, reader.ReadSignedLeb() * dataAlignment);
                return true;
            case 0x16: // DW_CFA_val_expression
                row->Set(reader.ReadUnsignedLeb(), CallFrameRule.ValueExpression, SkipExpression(ref reader));
                return true;
            case 0x2e: // DW_CFA_GNU_args_size: where a landing pad puts the stack; a backtrace does not need it
                reader.ReadUnsignedLeb();
                return true;
            default:
                return false;
        }
    }

    private static void DefineCfa(CallFrameRow* row, ulong register, long offset)
    {
        row->CfaIsExpression = false;
        row->CfaRegister = register < UnwindRegisters.Count ? (int)register : -1;
        row->CfaValue = offset;
    }

    private static long SkipExpression(ref DwarfReader reader)
    {
        long start = (long)reader.Position;
        reader.Skip(reader.ReadUnsignedLeb());
        return start;
    }

    private void RestoreRule(CallFrameRow* row, ulong register)
    {
        if (register < UnwindRegisters.Count)
        {
            fixed (CallFrameRow* initial = &_initial)
            {
                row->CopyRule(initial, (int)register);
            }
        }
    }

    private bool TryRemember(CallFrameRow* row)
    {
        if (_depth == RememberLimit)
        {
            return false;
        }

        fixed (CallFrameRow* remembered = &_remembered0)
        {
            remembered[_depth++].CopyRulesFrom(row);
        }

        return true;
    }

    private bool TryRecall(CallFrameRow* row)
    {
        if (_depth == 0)
        {
            return false;
        }

        fixed (CallFrameRow* remembered = &_remembered0)
        {
            row->CopyRulesFrom(&remembered[--_depth]);
        }

        return true;
    }
}
