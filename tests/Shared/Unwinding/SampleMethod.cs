namespace Xenlet.Shared.Unwinding;

/// <summary>A method with a prolog such as ILC's: pushes, an allocation, perhaps a frame pointer.</summary>
/// <param name="Start">Its offset in the code.</param>
/// <param name="Size">Its size.</param>
/// <param name="Data">The offset of the runtime's data about it.</param>
/// <param name="Instructions">Its call frame instructions.</param>
/// <param name="Rows">What they mean, by distance from the start.</param>
internal sealed record SampleMethod(int Start, int Size, int Data, byte[] Instructions, IReadOnlyList<SampleRow> Rows)
{
    /// <summary>What holds at a distance from the start.</summary>
    public SampleRow RowAt(int distance) => Rows.Last(row => row.Distance <= distance);

    /// <summary>
    /// Makes methods that follow each other, as ILC's do, from a seed: some begin at once behind another, some have a gap before them, one
    /// fills more than two pages of 64 KiB, and of some a page ends within the prolog.
    /// </summary>
    public static IReadOnlyList<SampleMethod> Make(int seed, int count)
    {
        Random random = new(seed);
        List<SampleMethod> methods = [];
        int start = 0;
        int data = 0;
        for (int i = 0; i < count; i++)
        {
            (byte[] instructions, List<SampleRow> rows) = MakeProlog(random);
            int size = rows[^1].Distance + random.Next(1, 1500) + (i == count / 2 ? 150_000 : 0);
            methods.Add(new SampleMethod(start, size, data, instructions, rows));
            start += size;
            start = random.Next(3) == 0 ? start : (start + 15) & -16;
            start = i % 200 < 3 ? (start | 0xFFFF) - 1 : start;
            data += random.Next(5) == 0 ? 0 : random.Next(3, 2000);
        }

        return methods;
    }

    private static (byte[] Instructions, List<SampleRow> Rows) MakeProlog(Random random)
    {
        List<byte> instructions = [];
        List<SampleRow> rows = [new(0, false, 8, [])];
        int[] registers = [6, 15, 14, 13, 12, 3];
        foreach (int register in registers.Where(_ => random.Next(2) == 0))
        {
            Advance(register < 8 ? 1 : 2);
            int cfa = rows[^1].CfaOffset + 8;
            instructions.Add(0x0E);
            Unsigned(cfa);
            instructions.Add((byte)(0x80 | register));
            Unsigned(cfa / 8);
            rows[^1] = rows[^1] with { CfaOffset = cfa, Saved = [.. rows[^1].Saved, (register, cfa / 8)] };
        }

        if (random.Next(2) == 0)
        {
            Advance(random.Next(4) switch { 0 => 4, 1 => 7, 2 => 90, _ => 700 });
            int cfa = rows[^1].CfaOffset + (8 * random.Next(1, random.Next(10) == 0 ? 100_000 : 40));
            instructions.Add(0x0E);
            Unsigned(cfa);
            rows[^1] = rows[^1] with { CfaOffset = cfa };
        }

        if (rows[^1].Saved.Any(saved => saved.Register == 6))
        {
            Advance(5);
            bool isWhole = random.Next(2) == 0;
            int cfa = isWhole ? 16 : rows[^1].CfaOffset;
            instructions.AddRange([isWhole ? (byte)0x0C : (byte)0x0D, 6]);
            if (isWhole)
            {
                Unsigned(cfa);
            }

            rows[^1] = rows[^1] with { IsFromFramePointer = true, CfaOffset = cfa };
        }

        // FDEs are filled up with DW_CFA_nop.
        instructions.AddRange(new byte[random.Next(4)]);
        return ([.. instructions], rows);

        void Advance(int distance)
        {
            instructions.AddRange(distance switch
            {
                < 0x40 => [(byte)(0x40 | distance)],
                < 0x100 => [0x02, (byte)distance],
                _ => [0x03, (byte)distance, (byte)(distance >> 8)],
            });
            rows.Add(rows[^1] with { Distance = rows[^1].Distance + distance });
        }

        void Unsigned(int value)
        {
            for (; value > 0x7F; value >>= 7)
            {
                instructions.Add((byte)(value | 0x80));
            }

            instructions.Add((byte)value);
        }
    }
}

/// <summary>How a frame is left from an instruction on.</summary>
/// <param name="Distance">The instruction's distance from the method's start.</param>
/// <param name="IsFromFramePointer">Whether the CFA is counted from rbp, not rsp.</param>
/// <param name="CfaOffset">Bytes from that register to the CFA.</param>
/// <param name="Saved">DWARF's numbers of the saved registers, and how many words below the CFA each lies.</param>
internal sealed record SampleRow(int Distance, bool IsFromFramePointer, int CfaOffset, IReadOnlyList<(int Register, int Slot)> Saved);
