using System.Buffers.Binary;

namespace Xenlet.Linker.Unwinding;

/// <summary>
/// How the frames of a method are left. Methods are many and their prologs few: 46,000 methods share 300 rules, so a rule is kept once.
/// </summary>
/// <remarks>
/// <para>
/// What ILC writes is a small part of DWARF: the CFA is rsp or rbp and an offset, and callee-saved registers lie in words below it.
/// Anything else is refused, since the table has no place for it.
/// </para>
/// <para>
/// The bytes, as <see cref="UnwindFunctions"/> and src/Kernel/Nucleus/Unwind/MethodTable.cs read them: the number of saved registers; for
/// each, in the order in which they are saved, its place in the runtime's REGDISPLAY and its slot, a byte each; then the rows, the last
/// first, of eight bytes each: the CFA's offset, whose highest bit says that rbp is meant; the distance, 16 bits; the number of registers
/// saved by then, a byte; and a byte of zero. The last of them has distance 0.
/// </para>
/// </remarks>
public sealed class MethodRule
{
    /// <summary>The size of a row in bytes.</summary>
    public const int RowSize = 8;

    /// <summary>The bit of a row's CFA offset that means rbp.</summary>
    public const uint FramePointerBit = 1u << 31;

    private const byte AdvanceLocation = 0x40, Offset = 0x80, Restore = 0xC0, OperandMask = 0x3F;
    private const int FramePointer = 6, StackPointer = 7;

    // After the call that entered the method: the return address lies below the CFA.
    private const int InitialCfaOffset = 8;

    private readonly List<SavedRegister> _saved = [];
    private readonly List<MethodRow> _rows = [];

    private MethodRule()
    {
    }

    /// <summary>The registers that it saves, in the order in which it does.</summary>
    public IReadOnlyList<SavedRegister> Saved => _saved;

    /// <summary>The rows, by distance. The first has distance 0.</summary>
    public IReadOnlyList<MethodRow> Rows => _rows;

    /// <summary>Reads a method's call frame instructions.</summary>
    /// <param name="instructions">The instructions of its FDE (DWARF 5, section 6.4.2). The CIE's are those that ILC always writes.</param>
    /// <returns>The rule.</returns>
    /// <exception cref="InvalidDataException">There is something that no rule can say; the message says what.</exception>
    public static MethodRule Read(ReadOnlySpan<byte> instructions)
    {
        MethodRule rule = new();
        MethodRow row = new(0, false, InitialCfaOffset, 0);
        int at = 0;
        while (at < instructions.Length)
        {
            byte instruction = instructions[at++];
            int operand = instruction & OperandMask;
            switch (instruction & ~OperandMask)
            {
                case AdvanceLocation:
                    row = rule.Advance(row, operand);
                    break;
                case Offset:
                    rule.Save(operand, ReadUnsigned(instructions, ref at));
                    row = row with { Saved = rule._saved.Count };
                    break;
                case Restore:
                    throw new InvalidDataException($"register {operand} is restored within a method");
                default:
                    row = rule.Execute(row, instruction, instructions, ref at);
                    break;
            }
        }

        rule.Add(row);
        return rule;
    }

    /// <summary>Writes the rule.</summary>
    /// <returns>Its bytes; equal rules have equal ones.</returns>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[1 + (2 * _saved.Count) + (RowSize * _rows.Count)];
        bytes[0] = checked((byte)_saved.Count);
        int at = 1;
        foreach (SavedRegister saved in _saved)
        {
            bytes[at++] = checked((byte)PlaceOf(saved.Register));
            bytes[at++] = checked((byte)saved.Slot);
        }

        foreach (MethodRow row in Enumerable.Reverse(_rows))
        {
            uint cfa = (uint)row.CfaOffset | (row.IsFromFramePointer ? FramePointerBit : 0);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), cfa);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at + 4), checked((ushort)row.Distance));
            bytes[at + 6] = checked((byte)row.Saved);
            at += RowSize;
        }

        return bytes;
    }

    /// <summary>
    /// The index of a register's pointer in the runtime's REGDISPLAY (src/coreclr/nativeaot/Runtime/regdisplay.h): rax, rcx, rdx, rbx, rbp,
    /// rsi, rdi, r8 to r15.
    /// </summary>
    internal static int PlaceOf(int register) => register switch
    {
        3 => 3,
        FramePointer => 4,
        >= 12 and <= 15 => register - 1,
        _ => throw new InvalidDataException($"register {register} is saved, which no function preserves"),
    };

    private static int ReadUnsigned(ReadOnlySpan<byte> instructions, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; at < instructions.Length && shift < 35; shift += 7)
        {
            byte next = instructions[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value <= int.MaxValue
                    ? (int)value
                    : throw new InvalidDataException($"the number {value} is larger than any that a frame needs");
            }
        }

        throw new InvalidDataException("a number does not end");
    }

    private static int ReadFixed(ReadOnlySpan<byte> instructions, int size, ref int at)
    {
        if (instructions.Length - at < size)
        {
            throw new InvalidDataException("a number does not end");
        }

        uint value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (uint)instructions[at++] << (8 * i);
        }

        return value <= int.MaxValue ? (int)value : throw new InvalidDataException($"a prolog of {value} bytes");
    }

    private MethodRow Execute(MethodRow row, byte instruction, ReadOnlySpan<byte> instructions, ref int at)
    {
        switch (instruction)
        {
            case 0x00: // DW_CFA_nop
                return row;
            case 0x02: // DW_CFA_advance_loc1
                return Advance(row, ReadFixed(instructions, 1, ref at));
            case 0x03: // DW_CFA_advance_loc2
                return Advance(row, ReadFixed(instructions, 2, ref at));
            case 0x04: // DW_CFA_advance_loc4
                return Advance(row, ReadFixed(instructions, 4, ref at));
            case 0x0C: // DW_CFA_def_cfa
                row = row with { IsFromFramePointer = IsFramePointer(ReadUnsigned(instructions, ref at)) };
                return row with { CfaOffset = ReadUnsigned(instructions, ref at) };
            case 0x0D: // DW_CFA_def_cfa_register
                return row with { IsFromFramePointer = IsFramePointer(ReadUnsigned(instructions, ref at)) };
            case 0x0E: // DW_CFA_def_cfa_offset
                return row with { CfaOffset = ReadUnsigned(instructions, ref at) };
            default:
                throw new InvalidDataException($"there is the instruction 0x{instruction:x2}");
        }
    }

    private static bool IsFramePointer(int register) => register switch
    {
        FramePointer => true,
        StackPointer => false,
        _ => throw new InvalidDataException($"the CFA is counted from register {register}, which is neither rsp nor rbp"),
    };

    private MethodRow Advance(MethodRow row, int distance)
    {
        if (distance == 0)
        {
            return row;
        }

        Add(row);
        int next = row.Distance + distance;
        return next is > 0 and <= ushort.MaxValue
            ? row with { Distance = next }
            : throw new InvalidDataException($"the prolog goes on for {next} bytes, where at most {ushort.MaxValue} can be told");
    }

    private void Save(int register, int slot)
    {
        _ = PlaceOf(register);
        if (slot is < 1 or > byte.MaxValue)
        {
            throw new InvalidDataException($"register {register} is saved {slot} words below the CFA, where 1 to 255 can be told");
        }

        if (_saved.Any(saved => saved.Register == register))
        {
            throw new InvalidDataException($"register {register} is saved twice");
        }

        _saved.Add(new SavedRegister(register, slot));
    }

    private void Add(MethodRow row)
    {
        if (row.CfaOffset < InitialCfaOffset || row.CfaOffset % 8 != 0)
        {
            throw new InvalidDataException($"the CFA is {row.CfaOffset} bytes from its register, which is no frame's size");
        }

        _rows.Add(row);
    }
}
