namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>
/// The head of the table by which frames of methods are left, as linker/Unwinding/MethodTable.cs writes it into the image. Everything is in
/// the part of the image that nobody can write, so it is read as it is.
/// </summary>
internal unsafe struct MethodTable
{
    private const int PageBits = 16;
    private const int RuleAlignment = 4;
    private const int RowSize = 8;
    private const uint FramePointerBit = 1u << 31;
    private const long WordSize = 8;

    /// <summary>The address of the first method.</summary>
    public uint Start;

    /// <summary>The first address after the last.</summary>
    public uint End;

    private uint _pages;
    private uint _starts;
    private uint _rulePlaces;
    private uint _rules;

    /// <summary>Whether an address is in the compiler's code.</summary>
    public readonly bool Contains(ulong address) => address >= Start && address < End;

    /// <summary>Finds the rules for an address.</summary>
    /// <param name="table">The table, with what follows it.</param>
    /// <param name="address">An address that it contains.</param>
    /// <param name="row">Receives the rules.</param>
    public static void Find(MethodTable* table, ulong address, CallFrameRow* row)
    {
        byte* bytes = (byte*)table;
        uint* pages = (uint*)(bytes + table->_pages);
        ushort* starts = (ushort*)(bytes + table->_starts);
        uint offset = (uint)(address - table->Start);
        uint page = offset >> PageBits;
        uint method = LastBefore(starts, pages[page], pages[page + 1], (ushort)offset);

        // A method that reaches into a page starts in an earlier one.
        while (pages[page] > method)
        {
            page--;
        }

        uint distance = offset - (page << PageBits) - starts[method];
        Read(bytes + table->_rules + (RuleAlignment * ((ushort*)(bytes + table->_rulePlaces))[method]), distance, row);
    }

    /// <summary>The last of some methods that starts at or before a place in their page; the one before them if none does.</summary>
    private static uint LastBefore(ushort* starts, uint low, uint high, ushort place)
    {
        while (low < high)
        {
            uint middle = (low + high) / 2;
            if (starts[middle] <= place)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }

    /// <summary>Reads a rule: linker/Unwinding/MethodRule.cs says what its bytes are.</summary>
    private static void Read(byte* rule, uint distance, CallFrameRow* row)
    {
        byte* saved = rule + 1;
        byte* found = saved + (2 * rule[0]);
        while (*(ushort*)(found + 4) > distance)
        {
            found += RowSize;
        }

        uint cfa = *(uint*)found;
        row->Clear();
        row->CfaRegister = (cfa & FramePointerBit) != 0 ? UnwindRegisters.Rbp : UnwindRegisters.Rsp;
        row->CfaValue = cfa & ~FramePointerBit;
        row->Set(UnwindRegisters.Rip, CallFrameRule.Offset, -WordSize);
        for (int i = 0; i < found[6]; i++)
        {
            row->Set(RegisterAt(saved[2 * i]), CallFrameRule.Offset, -WordSize * saved[(2 * i) + 1]);
        }
    }

    /// <summary>The register at a place of the runtime's REGDISPLAY, of those that functions preserve.</summary>
    private static ulong RegisterAt(byte place) => place switch
    {
        3 => UnwindRegisters.Rbx,
        4 => UnwindRegisters.Rbp,
        _ => (ulong)place + 1,
    };
}
