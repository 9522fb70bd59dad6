namespace Xenlet.Nucleus.Tests.Analysis;

/// <summary>What the walk needs of a linked program: its bytes by address, and where its functions begin and end.</summary>
internal sealed class CodeImage
{
    private readonly Function[] _functions;
    private readonly (ulong Address, ReadOnlyMemory<byte> Bytes)[] _contents;

    public CodeImage(IEnumerable<Function> functions, IEnumerable<(ulong Address, ReadOnlyMemory<byte> Bytes)> contents)
    {
        _functions = [.. functions.OrderBy(function => function.Address)];
        _contents = [.. contents];
    }

    /// <summary>Addresses of the symbols in writable memory, by name.</summary>
    public IReadOnlyDictionary<string, ulong> Variables { get; init; } = new Dictionary<string, ulong>();

    /// <summary>Where memory is writable; ends are exclusive.</summary>
    public IReadOnlyList<(ulong Start, ulong End)> Writable { get; init; } = [];

    /// <summary>All functions, by address.</summary>
    public IReadOnlyList<Function> Functions => _functions;

    /// <summary>Finds the function with a symbol of this name.</summary>
    public Function? FindByName(string name) => _functions.FirstOrDefault(function => function.Names.Contains(name));

    /// <summary>Finds the function that an address lies in.</summary>
    public Function? FindByAddress(ulong address)
    {
        int low = 0;
        int high = _functions.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _functions[middle].Address <= address ? (middle + 1, high) : (low, middle);
        }

        return low > 0 && address < _functions[low - 1].End ? _functions[low - 1] : null;
    }

    /// <summary>Reads bytes of the file's contents; empty when any of them is not there.</summary>
    public ReadOnlyMemory<byte> Read(ulong address, int count)
    {
        foreach ((ulong start, ReadOnlyMemory<byte> bytes) in _contents)
        {
            if (address >= start && address - start <= (ulong)bytes.Length && (ulong)count <= (ulong)bytes.Length - (address - start))
            {
                return bytes.Slice((int)(address - start), count);
            }
        }

        return default;
    }
}
