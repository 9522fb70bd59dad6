namespace Xenlet.Symbols;

/// <summary>From an address on, code is of a line.</summary>
/// <param name="Address">The address.</param>
/// <param name="File">The source's path.</param>
/// <param name="Line">The line; 0 where a sequence of code ends.</param>
internal readonly record struct LineRow(ulong Address, string File, int Line)
{
    /// <summary>Whether nothing is known from here on.</summary>
    public bool EndsSequence => Line == 0;
}

/// <summary>The sections that hold the texts of version 5.</summary>
/// <param name="Lines"><c>.debug_line_str</c>.</param>
/// <param name="All"><c>.debug_str</c>.</param>
internal sealed record LineTexts(ReadOnlyMemory<byte> Lines, ReadOnlyMemory<byte> All);

/// <summary>
/// Runs the programs of <c>.debug_line</c>: each makes the rows of one unit's table (DWARF 5, sections 6.2.2 to 6.2.5, with its names).
/// </summary>
internal struct LineProgram
{
    /// <summary>A line that compilers give to code which belongs to none, as .NET's symbols do: 0xfeefee, 0xf00f00.</summary>
    private const int FirstHiddenLine = 0xf00000;

    private readonly List<LineRow> _rows;
    private readonly string[] _files;
    private readonly int _firstFile;
    private readonly int _lineBase;
    private readonly int _lineRange;
    private readonly int _opcodeBase;
    private readonly ulong _instructionSize;
    private readonly byte[] _operands;
    private ulong _address;
    private ulong _file;
    private long _line;

    private LineProgram(List<LineRow> rows, ref DwarfCursor unit, bool isWide, LineTexts texts, out DwarfCursor program)
    {
        _rows = rows;
        int version = unit.U16();
        if (version is < 2 or > 5)
        {
            throw new InvalidDataException($"is of version {version}, and 2 to 5 are known.");
        }

        if (version == 5)
        {
            // The size of an address is also in each DW_LNE_set_address, and segments are none of x86-64's.
            unit.U16();
        }

        DwarfCursor header = new(unit.Bytes(unit.Offset(isWide)));
        program = unit;
        _instructionSize = header.U8();
        if (version >= 4)
        {
            // Operations of an instruction: 1 on everything but VLIW processors.
            header.U8();
        }

        // Whether a row is a recommended place for a breakpoint is nothing to us.
        header.U8();
        _lineBase = (sbyte)header.U8();
        _lineRange = header.U8();
        _opcodeBase = header.U8();
        if (_lineRange == 0 || _opcodeBase == 0)
        {
            throw new InvalidDataException("is damaged: its header says that nothing follows.");
        }

        _operands = header.Bytes((ulong)_opcodeBase - 1).ToArray();
        _firstFile = version == 5 ? 0 : 1;
        _files = version == 5 ? ReadFiles(ref header, isWide, texts) : ReadOldFiles(ref header);
    }

    /// <summary>Runs the programs of all units.</summary>
    /// <param name="section">The section's bytes.</param>
    /// <param name="texts">What its names refer to.</param>
    /// <param name="rows">Receives the rows.</param>
    /// <exception cref="InvalidDataException">It is damaged; the message continues a sentence about the section.</exception>
    public static void ReadAll(ReadOnlySpan<byte> section, LineTexts texts, List<LineRow> rows)
    {
        DwarfCursor rest = new(section);
        while (!rest.AtEnd)
        {
            ulong length = rest.U32();
            bool isWide = length == 0xffffffff;
            DwarfCursor unit = new(rest.Bytes(isWide ? rest.U64() : length));
            LineProgram program = new(rows, ref unit, isWide, texts, out DwarfCursor instructions);
            program.Run(instructions);
        }
    }

    /// <summary>Versions 2 to 4: directories and files are texts, and directory 0 is the compiler's own, which stands elsewhere.</summary>
    private static string[] ReadOldFiles(ref DwarfCursor header)
    {
        List<string> directories = [""];
        for (string directory = header.Text(); directory.Length > 0; directory = header.Text())
        {
            directories.Add(directory);
        }

        List<string> files = [];
        for (string file = header.Text(); file.Length > 0; file = header.Text())
        {
            ulong directory = header.Unsigned();
            header.Unsigned();
            header.Unsigned();
            files.Add(Combine(directories, directory, file));
        }

        return [.. files];
    }

    private static string[] ReadFiles(ref DwarfCursor header, bool isWide, LineTexts texts)
    {
        List<string> directories = [];
        foreach ((string name, ulong _) in ReadEntries(ref header, isWide, texts))
        {
            directories.Add(Combine(directories, 0, name));
        }

        return [.. ReadEntries(ref header, isWide, texts).Select(file => Combine(directories, file.Directory, file.Name))];
    }

    private static List<(string Name, ulong Directory)> ReadEntries(ref DwarfCursor header, bool isWide, LineTexts texts)
    {
        const int Path = 1;
        const int DirectoryIndex = 2;
        (ulong Content, ulong Form)[] format = new (ulong, ulong)[header.U8()];
        for (int i = 0; i < format.Length; i++)
        {
            format[i] = (header.Unsigned(), header.Unsigned());
        }

        List<(string, ulong)> entries = [];
        for (ulong left = header.Unsigned(); left > 0 && format.Length > 0; left--)
        {
            string name = "";
            ulong directory = 0;
            foreach ((ulong content, ulong form) in format)
            {
                (string text, ulong number) = ReadForm(ref header, form, isWide, texts);
                name = content == Path ? text : name;
                directory = content == DirectoryIndex ? number : directory;
            }

            entries.Add((name, directory));
        }

        return entries;
    }

    private static (string Text, ulong Number) ReadForm(ref DwarfCursor header, ulong form, bool isWide, LineTexts texts)
    {
        switch (form)
        {
            case 0x08: // DW_FORM_string
                return (header.Text(), 0);
            case 0x1f: // DW_FORM_line_strp
                return (At(texts.Lines, header.Offset(isWide)), 0);
            case 0x0e: // DW_FORM_strp
                return (At(texts.All, header.Offset(isWide)), 0);
            case 0x0b: // DW_FORM_data1
                return ("", header.U8());
            case 0x05: // DW_FORM_data2
                return ("", header.U16());
            case 0x06: // DW_FORM_data4
                return ("", header.U32());
            case 0x07: // DW_FORM_data8
                return ("", header.U64());
            case 0x0f: // DW_FORM_udata
                return ("", header.Unsigned());
            case 0x1e: // DW_FORM_data16
                header.Bytes(16);
                return ("", 0);
            case 0x09: // DW_FORM_block
                header.Bytes(header.Unsigned());
                return ("", 0);
            default:
                throw new InvalidDataException($"names a source in the form 0x{form:x}, which is not known.");
        }
    }

    private static string At(ReadOnlyMemory<byte> texts, ulong offset)
    {
        DwarfCursor cursor = new(texts.Span);
        cursor.Bytes(offset);
        return cursor.Text();
    }

    private static string Combine(List<string> directories, ulong directory, string name) =>
        directory < (ulong)directories.Count ? Path.Combine(directories[(int)directory], name) : name;

    private void Run(DwarfCursor program)
    {
        Reset();
        while (!program.AtEnd)
        {
            int opcode = program.U8();
            if (opcode >= _opcodeBase)
            {
                int special = opcode - _opcodeBase;
                _address += (ulong)(special / _lineRange) * _instructionSize;
                _line += _lineBase + (special % _lineRange);
                AddRow();
                continue;
            }

            switch (opcode)
            {
                case 0:
                    RunExtended(new DwarfCursor(program.Bytes(program.Unsigned())));
                    break;
                case 1: // DW_LNS_copy
                    AddRow();
                    break;
                case 2: // DW_LNS_advance_pc
                    _address += program.Unsigned() * _instructionSize;
                    break;
                case 3: // DW_LNS_advance_line
                    _line += program.Signed();
                    break;
                case 4: // DW_LNS_set_file
                    _file = program.Unsigned();
                    break;
                case 8: // DW_LNS_const_add_pc
                    _address += (ulong)((255 - _opcodeBase) / _lineRange) * _instructionSize;
                    break;
                case 9: // DW_LNS_fixed_advance_pc
                    _address += program.U16();
                    break;
                default:
                    for (int i = 0; i < _operands[opcode - 1]; i++)
                    {
                        program.Unsigned();
                    }

                    break;
            }
        }
    }

    private void RunExtended(DwarfCursor instruction)
    {
        if (instruction.AtEnd)
        {
            return;
        }

        switch (instruction.U8())
        {
            case 1: // DW_LNE_end_sequence
                _rows.Add(new(_address, "", 0));
                Reset();
                break;
            case 2: // DW_LNE_set_address
                _address = instruction.U64();
                break;
        }
    }

    private void AddRow()
    {
        if (_line is > 0 and < FirstHiddenLine)
        {
            ulong index = _file - (ulong)_firstFile;
            _rows.Add(new(_address, index < (ulong)_files.Length ? _files[index] : "?", (int)_line));
        }
    }

    private void Reset()
    {
        _address = 0;
        _file = 1;
        _line = 1;
    }
}
