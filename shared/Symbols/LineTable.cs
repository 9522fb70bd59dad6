using Xenlet.Elf;

namespace Xenlet.Symbols;

/// <summary>A line of a source.</summary>
/// <param name="File">The source's path as the compiler knew it, which may be a mapped one (<see cref="SourcePaths"/>).</param>
/// <param name="Line">Counted from 1.</param>
internal readonly record struct SourceLine(string File, int Line);

/// <summary>The source lines of an ELF file's code, by address: its section <c>.debug_line</c> (DWARF 2 to 5, section 6.2).</summary>
internal sealed class LineTable
{
    private readonly LineRow[] _rows;

    private LineTable(LineRow[] rows) => _rows = rows;

    /// <summary>Reads a file's table; one that has none knows no line.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <exception cref="InvalidDataException">The table is damaged, or of a version that is not known.</exception>
    public static LineTable Read(ElfReader file, string name)
    {
        ReadOnlyMemory<byte> table = Section(file, ".debug_line");
        LineTexts texts = new(Section(file, ".debug_line_str"), Section(file, ".debug_str"));
        List<LineRow> rows = [];
        try
        {
            LineProgram.ReadAll(table.Span, texts, rows);
        }
        catch (InvalidDataException failure)
        {
            throw new InvalidDataException($"{name}: the table of lines (.debug_line) {failure.Message}", failure);
        }

        // Where a sequence ends, another may begin; within one, the later row of an address counts.
        return new([.. rows.OrderBy(row => row.Address).ThenBy(row => row.EndsSequence ? 0 : 1)]);
    }

    /// <summary>The line of an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="functionStart">
    /// Where its function begins: native AOT's compiler writes one sequence for all methods, in which one without lines would seem to be of
    /// the last line of the method before.
    /// </param>
    public SourceLine? Find(ulong address, ulong functionStart)
    {
        int low = 0;
        int high = _rows.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_rows[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low > 0 && _rows[low - 1] is { EndsSequence: false } row && row.Address >= functionStart
            ? new SourceLine(row.File, row.Line)
            : null;
    }

    private static ReadOnlyMemory<byte> Section(ElfReader file, string name) =>
        file.FindSection(name) is { } section ? file.Uncompressed(section) : default;
}
