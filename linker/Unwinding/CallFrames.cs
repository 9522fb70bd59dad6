using System.Buffers.Binary;

namespace Xenlet.Linker.Unwinding;

/// <summary>
/// The call frame information of the compiler's object: a CIE, and an FDE for each method (Linux Standard Base, "Exception Frames"). An
/// image has it in another form, <see cref="MethodTable"/>; for debuggers it becomes <c>.debug_frame</c> (DWARF 5, section 6.4).
/// </summary>
public sealed class CallFrames
{
    /// <summary>The section as the compiler writes it.</summary>
    public const string SectionName = ".eh_frame";

    /// <summary>Its name once it is a debugger's: linker/xenlet.ld puts it first into <c>.debug_frame</c>.</summary>
    public const string DebugSectionName = ".debug_frame.methods";

    /// <summary>The section of methods.</summary>
    internal const string CodeSectionName = "__managedcode";

    /// <summary>The section of what the runtime keeps about them.</summary>
    internal const string DataSectionName = ".dotnet_eh_table";

    // The id by which a CIE is told from an FDE: another one in each of the two forms.
    private const uint CommonId = 0, DebugCommonId = uint.MaxValue;

    // ILC fills the gaps between methods with it.
    private const byte NoOperation = 0x90;

    private const int LengthSize = 4, IdSize = 4, EntryStart = 8, EntrySize = 12, EntryData = 17, EntryInstructions = 21;

    private readonly ObjectFile _file;
    private readonly SectionHeader _frames;
    private readonly SectionHeader _code;
    private readonly SectionHeader _data;
    private readonly Dictionary<int, (int Symbol, long Addend)> _references = [];

    private CallFrames(ObjectFile file)
    {
        _file = file;
        _frames = file.Sections.SingleOrDefault(section => section.Name is SectionName or DebugSectionName)
            ?? throw file.Bad($"has no section {SectionName}");
        _code = Section(CodeSectionName);
        _data = Section(DataSectionName);
        foreach (SectionHeader relocations in file.Sections.Where(s => s.Type == ElfFormat.SHT_RELA && s.Info == _frames.Index))
        {
            ReadOnlySpan<byte> entries = file.Contents(relocations);
            for (; entries.Length >= ElfFormat.RelaSize; entries = entries[ElfFormat.RelaSize..])
            {
                _references[(int)BinaryPrimitives.ReadUInt64LittleEndian(entries)] = (
                    BinaryPrimitives.ReadInt32LittleEndian(entries[ElfFormat.RelaSymbol..]),
                    BinaryPrimitives.ReadInt64LittleEndian(entries[ElfFormat.RelaAddend..]));
            }
        }
    }

    private bool IsForDebuggers => _frames.Name == DebugSectionName;

    // Version 1; augmentation: FDEs have the method's data, and it and addresses are distances of 32 bits; code in steps of 1 and slots of
    // -8 bytes, the return address in column 16; CFA = rsp + 8, the return address at CFA - 8.
    private static ReadOnlySpan<byte> CommonEntry =>
        [1, (byte)'z', (byte)'L', (byte)'R', 0, 1, 0x78, 16, 2, 0x1B, 0x1B, 0x0C, 7, 8, 0x90, 1];

    /// <summary>Reads the methods of an object.</summary>
    /// <param name="file">The compiler's object, before or after <see cref="ForDebuggers"/>.</param>
    /// <returns>The methods by address. They cover all of the compiler's code.</returns>
    /// <exception cref="BadObjectException">Something is not as ILC writes it; the message names what and where.</exception>
    public static IReadOnlyList<Method> Read(ObjectFile file) => new CallFrames(file).ReadMethods();

    /// <summary>Makes the section a debugger's, which is no part of an image.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="bytes">
    /// The contents of the compiler's object, which must not be used afterwards. If the section is a debugger's already, nothing changes.
    /// </param>
    /// <returns>The changed file's contents.</returns>
    /// <exception cref="BadObjectException">It is not such an object.</exception>
    public static byte[] ForDebuggers(string name, byte[] bytes)
    {
        CallFrames frames = new(new ObjectFile(name, bytes));
        if (frames.IsForDebuggers)
        {
            return bytes;
        }

        frames.ForEachEntry((at, _, common) =>
        {
            // In .eh_frame an FDE has the distance back to its CIE, in .debug_frame the CIE's place in the section, where this part is the
            // first.
            uint id = common < 0 ? DebugCommonId : (uint)common;
            BinaryPrimitives.WriteUInt32LittleEndian(frames._file.Contents(frames._frames)[(at + LengthSize)..], id);
        });
        return frames._file.WithRenamed(frames._frames, DebugSectionName, ElfFormat.SHT_PROGBITS, 0);
    }

    private SectionHeader Section(string name) =>
        _file.Sections.SingleOrDefault(section => section.Name == name) ?? throw _file.Bad($"has no section {name}");

    /// <summary>Calls with each entry's offset, its end, and its CIE's offset: -1 for a CIE.</summary>
    private void ForEachEntry(Action<int, int, int> visit)
    {
        ReadOnlySpan<byte> frames = _file.Contents(_frames);
        int at = 0;
        while (at < frames.Length)
        {
            uint length = frames.Length - at < LengthSize + IdSize ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(frames[at..]);
            if (length < IdSize || length > frames.Length - at - LengthSize)
            {
                throw Bad(at, "does not end in the section");
            }

            uint id = BinaryPrimitives.ReadUInt32LittleEndian(frames[(at + LengthSize)..]);
            bool isCommon = id == (IsForDebuggers ? DebugCommonId : CommonId);
            long common = isCommon ? -1 : IsForDebuggers ? id : at + LengthSize - (long)id;
            int end = at + LengthSize + (int)length;
            if (isCommon ? !IsExpected(frames[(at + LengthSize + IdSize)..end]) : common < 0 || common >= at)
            {
                throw Bad(at, isCommon ? "is another CIE than ILC's" : "has no CIE");
            }

            visit(at, end, (int)common);
            at = end;
        }
    }

    private static bool IsExpected(ReadOnlySpan<byte> common) =>
        common.StartsWith(CommonEntry) && common[CommonEntry.Length..].IndexOfAnyExcept((byte)0) < 0;

    private List<Method> ReadMethods()
    {
        Dictionary<string, MethodRule> rules = new(StringComparer.Ordinal);
        List<Method> methods = [];
        ForEachEntry((at, end, common) =>
        {
            if (common >= 0)
            {
                methods.Add(ReadMethod(at, end, rules));
            }
        });
        methods.Sort((a, b) => a.Start.CompareTo(b.Start));
        CheckThatTheyCoverTheCode(methods);
        return methods;
    }

    private Method ReadMethod(int at, int end, Dictionary<string, MethodRule> rules)
    {
        ReadOnlySpan<byte> entry = _file.Contents(_frames)[at..end];
        if (entry.Length < EntryInstructions || entry[EntryData - 1] != sizeof(int))
        {
            throw Bad(at, "has no data of the runtime");
        }

        ReadOnlySpan<byte> instructions = entry[EntryInstructions..];
        string key = Convert.ToHexString(instructions);
        if (!rules.TryGetValue(key, out MethodRule? rule))
        {
            try
            {
                rule = MethodRule.Read(instructions);
            }
            catch (InvalidDataException error)
            {
                throw Bad(at, $"cannot be told in an image: {error.Message}");
            }

            rules.Add(key, rule);
        }

        int size = BinaryPrimitives.ReadInt32LittleEndian(entry[EntrySize..]);
        int start = Target(at + EntryStart, _code, at);
        return size > 0 && size <= _code.Size - start
            ? new Method(start, size, Target(at + EntryData, _data, at), rule)
            : throw Bad(at, $"describes {size} bytes from {start} on, of {_code.Size}");
    }

    /// <summary>What a field that holds a distance from itself points at: an offset in the section that it should.</summary>
    private int Target(int field, SectionHeader section, int at)
    {
        if (!_references.TryGetValue(field, out (int Symbol, long Addend) reference)
            || reference.Symbol <= 0 || reference.Symbol >= _file.SymbolCount || _file.SymbolSection(reference.Symbol) != section.Index)
        {
            throw Bad(at, $"does not refer to {section.Name}");
        }

        long target = (long)_file.SymbolValue(reference.Symbol) + reference.Addend;
        return target >= 0 && target < section.Size ? (int)target : throw Bad(at, $"refers to {target} of {section.Name}");
    }

    /// <summary>The table has starts only: an address belongs to the last method that starts before it.</summary>
    private void CheckThatTheyCoverTheCode(List<Method> methods)
    {
        ReadOnlySpan<byte> code = _file.Contents(_code);
        int covered = 0;
        foreach (Method method in methods)
        {
            if (method.Start < covered)
            {
                throw _file.Bad($"two methods have the code at {method.Start} of {CodeSectionName}");
            }

            CheckFiller(code, covered, method.Start);
            covered = method.Start + method.Size;
        }

        CheckFiller(code, covered, code.Length);
        if (methods.Count == 0 || methods[0].Start != 0)
        {
            throw _file.Bad($"no method begins where {CodeSectionName} does");
        }
    }

    private void CheckFiller(ReadOnlySpan<byte> code, int from, int to)
    {
        int other = code[from..to].IndexOfAnyExcept(NoOperation);
        if (other >= 0)
        {
            throw _file.Bad($"the code at {from + other} of {CodeSectionName} belongs to no method");
        }
    }

    private BadObjectException Bad(int at, string what) => _file.Bad($"the entry at {at} of {_frames.Name} {what}");
}
