using System.Buffers.Binary;
using System.Text;
using Xenlet.Linker.Unwinding;

namespace Xenlet.Linker;

/// <summary>
/// What the link of an image relies on in the compiler's object: names and sections that no interface of .NET guarantees, so that another
/// compiler version may have others. A link without them would succeed, but the image would fail in a guest.
/// </summary>
public static class ObjectRequirements
{
    /// <summary>The code of these errors in the documentation and in MSBuild.</summary>
    internal const string Code = "XENLET006";

    private const string RuntimeHelperPrefix = "Rh";

    /// <summary>The sections that the link layout places by name, or that <see cref="NucleusVariables"/> searches.</summary>
    private static readonly string[] Sections =
        [CallFrames.CodeSectionName, "__modules", CallFrames.DataSectionName, ".rodata", ".data", ".bss"];

    /// <summary>The functions that the stubs call, by their exported names.</summary>
    private static readonly string[] Exports =
    [
        StubNames.NucleusStart, StubNames.OnSystemCall, StubNames.OnTrap, StubNames.OnNmi, StubNames.OnPendingNmi,
        StubNames.OnNucleusFault, StubNames.PanicBounds, StubNames.PanicStackCookie,
    ];

    /// <summary>
    /// The compiler's helpers that <see cref="FailureRedirect"/> knows by name. Every program refers to each of them, because the kernel
    /// does.
    /// </summary>
    private static readonly string[] Helpers =
    [
        "RhpFallbackFailFast", "S_P_CoreLib_Internal_Runtime_CompilerHelpers_ThrowHelpers__ThrowIndexOutOfRangeException",
        "__security_cookie",
    ];

    /// <summary>Checks for everything, before the object is changed or after.</summary>
    /// <param name="file">The file's name, for messages.</param>
    /// <param name="bytes">The file's contents.</param>
    /// <returns>What is missing, or present but unexpected; nothing if the object can be linked.</returns>
    /// <exception cref="BadObjectException">It is not an object file.</exception>
    public static IReadOnlyList<string> Missing(string file, byte[] bytes)
    {
        ObjectFile view = new(file, bytes);
        List<string> missing = [];
        HashSet<string> sections = [.. view.Sections.Select(section => section.Name)];
        missing.AddRange(Sections.Where(name => !sections.Contains(name)).Select(name => $"there is no section {name}"));
        if (!sections.Contains(CallFrames.SectionName) && !sections.Contains(CallFrames.DebugSectionName))
        {
            missing.Add($"there is no section {CallFrames.SectionName}");
        }

        HashSet<string> defined = new(StringComparer.Ordinal);
        HashSet<string> undefined = new(StringComparer.Ordinal);
        List<Function> functions = [];
        bool hasVariables = false;
        for (int i = 1; i < view.SymbolCount; i++)
        {
            string name = Encoding.UTF8.GetString(view.SymbolName(i));
            (view.SymbolSection(i) == ElfFormat.SHN_UNDEF ? undefined : defined).Add(name);
            if (view.IsFunction(i) && name.StartsWith(FailureRedirect.NucleusPrefix, StringComparison.Ordinal))
            {
                functions.Add(new Function(name, view.SymbolSection(i), view.SymbolValue(i), view.SymbolValue(i) + view.SymbolSize(i)));
            }

            hasVariables |= name.StartsWith(NucleusVariables.Prefix + FailureRedirect.NucleusPrefix, StringComparison.Ordinal);
        }

        missing.AddRange(Exports.Where(name => !defined.Contains(name)).Select(name => $"the kernel does not export {name}"));
        missing.AddRange(Helpers.Where(name => !defined.Contains(name) && !undefined.Contains(name))
            .Select(name => $"nothing refers to the compiler's helper {name}"));
        if (functions.Count == 0)
        {
            missing.Add($"there is no function of the kernel, whose names begin with {FailureRedirect.NucleusPrefix}");
        }

        if (!hasVariables)
        {
            missing.Add(
                $"there is no variable of the kernel, whose names begin with {NucleusVariables.Prefix}{FailureRedirect.NucleusPrefix}");
        }

        missing.AddRange(UnknownHelpers(view, functions));
        return missing;
    }

    /// <summary>
    /// References of the kernel's functions to helpers of the runtime other than those that <see cref="FailureRedirect"/> redirects. A
    /// helper under another name would be called, and end in the runtime before there is one.
    /// </summary>
    private static IEnumerable<string> UnknownHelpers(ObjectFile view, List<Function> functions)
    {
        foreach (IGrouping<int, Function> code in functions.GroupBy(function => function.Section))
        {
            Function[] sorted = [.. code.OrderBy(function => function.Start)];
            ulong[] starts = [.. sorted.Select(function => function.Start)];
            foreach (SectionHeader relocations in view.Sections.Where(s => s.Type == ElfFormat.SHT_RELA && s.Info == code.Key))
            {
                for (int at = 0; at + ElfFormat.RelaSize <= relocations.Size; at += ElfFormat.RelaSize)
                {
                    if (UnknownHelper(view, view.Contents(relocations)[at..], sorted, starts) is { } unknown)
                    {
                        yield return unknown;
                    }
                }
            }
        }
    }

    private static string? UnknownHelper(ObjectFile view, ReadOnlySpan<byte> relocation, Function[] functions, ulong[] starts)
    {
        int symbol = BinaryPrimitives.ReadInt32LittleEndian(relocation[ElfFormat.RelaSymbol..]);
        string name = symbol > 0 && symbol < view.SymbolCount ? Encoding.UTF8.GetString(view.SymbolName(symbol)) : "";
        if (!name.StartsWith(RuntimeHelperPrefix, StringComparison.Ordinal) || Helpers.Contains(name))
        {
            return null;
        }

        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(relocation[ElfFormat.RelaOffset..]);
        int found = Array.BinarySearch(starts, offset);
        int index = found >= 0 ? found : ~found - 1;
        return index >= 0 && offset < functions[index].End
            ? $"{functions[index].Name} refers to {name}, a helper of the runtime that the kernel cannot call"
            : null;
    }

    private sealed record Function(string Name, int Section, ulong Start, ulong End);
}
