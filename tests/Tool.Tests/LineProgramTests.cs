using System.Buffers.Binary;
using System.Text;
using Xenlet.Symbols;

namespace Xenlet.Tool.Tests;

/// <summary>
/// What each instruction of a table of lines does to the next row. Assemblers choose among them, and leave some out: these programs are
/// written by hand, in version 4, after DWARF 5's sections 6.2.5.1 to 6.2.5.3.
/// </summary>
public sealed class LineProgramTests
{
    private const ulong Start = 0x100000;
    private const int StartLine = 50;
    private const byte InstructionSize = 4;
    private const sbyte LineBase = -5;
    private const byte LineRange = 14;
    private const byte OpcodeBase = 13;

    /// <summary>Operands of the standard instructions from DW_LNS_copy to DW_LNS_set_isa.</summary>
    private static readonly byte[] Operands = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];

    [Theory]
    [InlineData("DW_LNS_copy alone", new byte[0], 0, 0, "one.cs")]
    [InlineData("DW_LNS_advance_pc counts instructions", new byte[] { 2, 0x85, 0x02 }, 0x105 * InstructionSize, 0, "one.cs")]
    [InlineData("DW_LNS_advance_line", new byte[] { 3, 0xa5, 0x01 }, 0, 165, "one.cs")]
    [InlineData("DW_LNS_advance_line backwards", new byte[] { 3, 0x7b }, 0, -5, "one.cs")]
    [InlineData("DW_LNS_set_file", new byte[] { 4, 2 }, 0, 0, "two.cs")]
    [InlineData("DW_LNS_set_column, which no row has", new byte[] { 5, 9 }, 0, 0, "one.cs")]
    [InlineData("DW_LNS_negate_stmt, which no row has", new byte[] { 6 }, 0, 0, "one.cs")]
    [InlineData("DW_LNS_const_add_pc, as far as special opcode 255", new byte[] { 8 }, 17 * InstructionSize, 0, "one.cs")]
    [InlineData("DW_LNS_fixed_advance_pc counts bytes", new byte[] { 9, 0x34, 0x12 }, 0x1234, 0, "one.cs")]
    [InlineData("DW_LNS_set_isa, which no row has", new byte[] { 12, 9 }, 0, 0, "one.cs")]
    [InlineData("DW_LNE_set_discriminator, which no row has", new byte[] { 0, 2, 4, 9 }, 0, 0, "one.cs")]
    public void An_instruction_moves_the_next_row(string instruction, byte[] bytes, int addresses, int lines, string file)
    {
        LineRow[] rows = Run([.. bytes, 1]);

        LineRow expected = new(Start + (ulong)addresses, file, StartLine + lines);
        Assert.True(rows is [var row] && row == expected, $"{instruction} ought to give {expected}, not {string.Join(", ", rows)}");
    }

    [Theory]
    [InlineData(13, 0, -5)]
    [InlineData(18, 0, 0)]
    [InlineData(26, 0, 8)]
    [InlineData(27, 1, -5)]
    [InlineData(60, 3, 0)]
    [InlineData(255, 17, -1)]
    public void A_special_opcode_moves_both_and_makes_a_row(byte opcode, int instructions, int lines) =>
        Assert.Equal([new LineRow(Start + (ulong)(instructions * InstructionSize), "one.cs", StartLine + lines)], Run([opcode]));

    /// <summary>Runs a program from <see cref="Start"/> and <see cref="StartLine"/>; the rows before the end of its sequence.</summary>
    private static LineRow[] Run(byte[] program)
    {
        byte[] address = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(address, Start);
        byte[] whole = [0, 9, 2, .. address, 3, StartLine - 1, .. program, 0, 1, 1];
        byte[] header =
        [
            InstructionSize, 1, 1, unchecked((byte)LineBase), LineRange, OpcodeBase, .. Operands, 0,
            .. Encoding.ASCII.GetBytes("one.cs\0"), 0, 0, 0, .. Encoding.ASCII.GetBytes("two.cs\0"), 0, 0, 0, 0,
        ];
        byte[] section = [.. Word(6 + header.Length + whole.Length), 4, 0, .. Word(header.Length), .. header, .. whole];
        List<LineRow> rows = [];
        LineProgram.ReadAll(section, new LineTexts(default, default), rows);
        Assert.True(rows.Count > 0 && rows[^1].EndsSequence, "the rows ought to end with that of the sequence's end");
        return [.. rows.Take(rows.Count - 1)];
    }

    private static byte[] Word(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        return bytes;
    }
}
