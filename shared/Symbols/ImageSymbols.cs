using System.Globalization;
using Xenlet.Elf;

namespace Xenlet.Symbols;

/// <summary>Says in words what code of an image an address belongs to.</summary>
internal sealed class ImageSymbols
{
    private readonly ElfSymbolTable _functions;
    private readonly LineTable _lines;
    private readonly SourcePaths _sources;

    private ImageSymbols(ElfSymbolTable functions, LineTable lines, SourcePaths sources)
    {
        _functions = functions;
        _lines = lines;
        _sources = sources;
    }

    /// <summary>Reads an image's symbols.</summary>
    /// <param name="path">The file that holds them.</param>
    /// <param name="source">
    /// The directory that its mapped paths stand for; if null, it is looked for: the file's own, the current one, and those above them.
    /// </param>
    /// <exception cref="InvalidDataException">It is no such file, it is damaged, or it has no symbols; the message names it.</exception>
    public static ImageSymbols Read(string path, string? source = null)
    {
        ElfReader file = new(File.ReadAllBytes(path), path);
        string beside = Path.GetDirectoryName(Path.GetFullPath(path))!;
        IReadOnlyList<string> roots = source is null ? SourcePaths.WithThoseAbove(beside, Environment.CurrentDirectory) : [source];
        return new(ElfSymbolTable.Read(file), LineTable.Read(file, path), new(roots));
    }

    /// <summary>
    /// The symbols of a run, read when the first address asks for them: most runs need none. A run continues without names where there are
    /// none.
    /// </summary>
    /// <param name="path">The file that holds them.</param>
    /// <param name="problem">Receives one line that says why there are no names.</param>
    public static Describe Lazily(string path, Action<string> problem)
    {
        Lazy<ImageSymbols?> symbols = new(() =>
        {
            try
            {
                return Read(path);
            }
            catch (Exception failure) when (failure is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                problem($"the addresses of the trace stay without names: {failure.Message}");
                return null;
            }
        });
        return (address, isReturnAddress) => symbols.Value?.Describe(address, isReturnAddress);
    }

    /// <summary>The function and, where it is known, the source line of an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="isReturnAddress">
    /// Whether it is the one behind a call. The call is what is meant, and behind the last one of a function another function may begin.
    /// </param>
    /// <returns>As in <c>Hello.Program.Main+0x1c (/home/you/Hello/Program.cs:12)</c>; null where no function is.</returns>
    public string? Describe(ulong address, bool isReturnAddress)
    {
        // A thread that has not begun returns to the first byte of a function: there is no call before it.
        ulong back = isReturnAddress && _functions.Find(address - 1) is not null ? 1UL : 0;
        ulong meant = address - back;
        if (_functions.Find(meant) is not { } function)
        {
            return null;
        }

        string name = string.Create(CultureInfo.InvariantCulture, $"{function.Name}+0x{function.Offset + back:x}");
        return _lines.Find(meant, meant - function.Offset) is { } line
            ? string.Create(CultureInfo.InvariantCulture, $"{name} ({_sources.Real(line.File)}:{line.Line})")
            : name;
    }
}
