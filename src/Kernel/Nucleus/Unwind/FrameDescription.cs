namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>
/// An FDE of <c>.eh_frame</c> with its CIE, found through <c>.eh_frame_hdr</c> (Linux Standard Base, "Exception Frames").
/// </summary>
internal struct FrameDescription
{
    // DW_EH_PE_datarel | DW_EH_PE_sdata4: what every linker writes, and the only encoding that can be searched.
    private const byte TableEncoding = 0x3b;
    private const int TableEntrySize = 8;

    // No function has a megabyte of unwind information; a larger length is damage.
    private const ulong LengthLimit = 1 << 20;

    /// <summary>The first address that it describes.</summary>
    public ulong Start;

    /// <summary>The first address after it.</summary>
    public ulong End;

    /// <summary>The FDE's instructions.</summary>
    public ulong Instructions;

    /// <summary>End of the FDE's instructions.</summary>
    public ulong InstructionsEnd;

    /// <summary>The CIE's instructions, run before the FDE's.</summary>
    public ulong InitialInstructions;

    /// <summary>End of the CIE's instructions.</summary>
    public ulong InitialInstructionsEnd;

    /// <summary>Factor of code offsets.</summary>
    public ulong CodeAlignment;

    /// <summary>Factor of stack offsets: -8 on this processor.</summary>
    public long DataAlignment;

    /// <summary>Column of the return address.</summary>
    public ulong ReturnColumn;

    /// <summary>Encoding of addresses in the FDE.</summary>
    public byte PointerEncoding;

    /// <summary>Whether it describes a signal trampoline (augmentation <c>S</c>).</summary>
    public bool IsSignalFrame;

    /// <summary>Finds the FDE that covers an address.</summary>
    /// <param name="header">Address of <c>.eh_frame_hdr</c>.</param>
    /// <param name="address">The address.</param>
    /// <param name="entry">Receives the FDE.</param>
    /// <returns><see cref="UnwindStop.None"/>, <see cref="UnwindStop.NoInformation"/> or <see cref="UnwindStop.BadInformation"/>.</returns>
    public static UnwindStop Find(ulong header, ulong address, out FrameDescription entry)
    {
        entry = default;
        DwarfReader reader = new(header, ulong.MaxValue);
        byte version = reader.ReadByte();
        byte frameEncoding = reader.ReadByte();
        byte countEncoding = reader.ReadByte();
        byte tableEncoding = reader.ReadByte();
        if (version != 1 || countEncoding == DwarfReader.Omit || tableEncoding != TableEncoding)
        {
            return UnwindStop.BadInformation;
        }

        reader.ReadEncoded(frameEncoding, header);
        ulong count = reader.ReadEncoded(countEncoding, header);
        ulong table = reader.Position;
        if (reader.Failed || count > uint.MaxValue)
        {
            return UnwindStop.BadInformation;
        }

        // The first entry that starts after the address. The entry before it may cover the address.
        ulong low = 0;
        ulong high = count;
        while (low < high)
        {
            ulong middle = (low + high) / 2;
            if (!TryReadTable(header, table, middle, 0, out ulong start))
            {
                return UnwindStop.BadInformation;
            }

            if (start <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        if (low == 0)
        {
            return UnwindStop.NoInformation;
        }

        if (!TryReadTable(header, table, low - 1, 4, out ulong description) || !entry.TryParse(description))
        {
            return UnwindStop.BadInformation;
        }

        return address >= entry.Start && address < entry.End ? UnwindStop.None : UnwindStop.NoInformation;
    }

    private static bool TryReadTable(ulong header, ulong table, ulong index, ulong field, out ulong value)
    {
        bool read = DwarfReader.TryReadMemory(table + index * TableEntrySize + field, 4, out ulong offset);
        value = header + (ulong)(int)(uint)offset;
        return read;
    }

    private bool TryParse(ulong description)
    {
        if (!TryOpen(description, out DwarfReader reader, out ulong end))
        {
            return false;
        }

        ulong backReference = reader.Position;
        ulong distance = reader.ReadLittleEndian(4);
        if (reader.Failed || distance == 0 || distance > backReference
            || !TryParseCommon(backReference - distance, out bool hasAugmentation))
        {
            return false;
        }

        Start = reader.ReadEncoded(PointerEncoding, 0);
        ulong length = reader.ReadEncodedNumber(PointerEncoding);
        if (hasAugmentation)
        {
            reader.Skip(reader.ReadUnsignedLeb());
        }

        Instructions = reader.Position;
        InstructionsEnd = end;
        End = Start + length;
        return !reader.Failed && End >= Start;
    }

    private bool TryParseCommon(ulong address, out bool hasAugmentation)
    {
        hasAugmentation = false;
        if (!TryOpen(address, out DwarfReader reader, out ulong end))
        {
            return false;
        }

        ulong id = reader.ReadLittleEndian(4);
        byte version = reader.ReadByte();
        ulong augmentation = reader.Position;
        while (reader.ReadByte() != 0 && !reader.Failed)
        {
        }

        CodeAlignment = reader.ReadUnsignedLeb();
        DataAlignment = reader.ReadSignedLeb();
        ReturnColumn = version == 1 ? reader.ReadByte() : reader.ReadUnsignedLeb();
        if (reader.Failed || id != 0 || version is not (1 or 3) || ReturnColumn >= UnwindRegisters.Count)
        {
            return false;
        }

        PointerEncoding = 0;
        DwarfReader letters = new(augmentation, end);
        byte letter = letters.ReadByte();
        if (letter == 'z')
        {
            hasAugmentation = true;
            ulong length = reader.ReadUnsignedLeb();
            ulong instructions = reader.Position + length;
            if (reader.Failed || length > end - reader.Position || !TryReadAugmentation(ref letters, ref reader))
            {
                return false;
            }

            InitialInstructions = instructions;
        }
        else if (letter == 0)
        {
            InitialInstructions = reader.Position;
        }
        else
        {
            return false;
        }

        InitialInstructionsEnd = end;
        return !letters.Failed;
    }

    private bool TryReadAugmentation(ref DwarfReader letters, ref DwarfReader reader)
    {
        while (true)
        {
            switch (letters.ReadByte())
            {
                case 0:
                    return !reader.Failed;
                case (byte)'R':
                    PointerEncoding = reader.ReadByte();
                    break;
                case (byte)'P':
                    reader.ReadEncodedNumber(reader.ReadByte());
                    break;
                case (byte)'L':
                    reader.ReadByte();
                    break;
                case (byte)'S':
                    IsSignalFrame = true;
                    break;
                default:
                    return false;
            }
        }
    }

    // .eh_frame never contains 64-bit DWARF (length 0xffffffff).
    private static bool TryOpen(ulong address, out DwarfReader reader, out ulong end)
    {
        DwarfReader lengthReader = new(address, ulong.MaxValue);
        ulong length = lengthReader.ReadLittleEndian(4);
        end = lengthReader.Position + length;
        reader = new DwarfReader(lengthReader.Position, end);
        return !lengthReader.Failed && length is > 0 and < LengthLimit && !reader.Failed;
    }
}
