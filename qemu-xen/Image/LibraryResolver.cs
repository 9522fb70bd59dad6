using Xenlet.Elf;

namespace Xenlet.QemuXen.Image;

/// <summary>
/// Collects the shared libraries that a set of programs needs, by following DT_NEEDED. Libraries are offered package by package; what is
/// still missing shows whether another package has to be fetched.
/// </summary>
internal sealed class LibraryResolver
{
    private readonly Dictionary<string, PackageFile> _offered = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PackageFile> _used = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _missing = new(StringComparer.Ordinal);

    /// <summary>Names that are needed but not offered yet.</summary>
    public IReadOnlyCollection<string> Missing => _missing;

    /// <summary>The libraries found so far, by the name under which they are needed.</summary>
    public IReadOnlyDictionary<string, PackageFile> Used => _used;

    /// <summary>Offers a library. It is used once something needs its DT_SONAME or, without one, its file name.</summary>
    public void Offer(PackageFile file)
    {
        if (file.LinkTarget is not null || !ElfReader.IsElf(file.Content))
        {
            return;
        }

        ElfFile elf = ElfFile.Read(file.Content, file.Path);
        string name = elf.SharedObjectName ?? Path.GetFileName(file.Path);
        if (_offered.TryAdd(name, file) && _missing.Contains(name))
        {
            Require(name);
        }
    }

    /// <summary>Requires everything that a program needs.</summary>
    public void RequireFor(PackageFile program)
    {
        foreach (string name in ElfFile.Read(program.Content, program.Path).Needed)
        {
            Require(name);
        }
    }

    /// <summary>Requires one library by name.</summary>
    public void Require(string name)
    {
        if (_used.ContainsKey(name))
        {
            return;
        }

        if (!_offered.TryGetValue(name, out PackageFile? file))
        {
            _missing.Add(name);
            return;
        }

        _missing.Remove(name);
        _used.Add(name, file);
        RequireFor(file);
    }
}
