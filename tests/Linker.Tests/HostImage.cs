using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Iced.Intel;

namespace Xenlet.Linker.Tests;

/// <summary>
/// Stubs loaded into this process, below 2 GiB as in the image, so that the processor itself runs them. A test defines the code that they
/// call by name, in place of the nucleus's.
/// </summary>
internal sealed unsafe partial class HostImage : IDisposable
{
    private const int Protection = 7, PrivateAnonymous32Bit = 0x62, Size = 1 << 20;
    private readonly Dictionary<string, nint> _symbols = [];
    private readonly byte* _memory;
    private int _used;

    public HostImage()
    {
        _memory = (byte*)Map(0, Size, Protection, PrivateAnonymous32Bit, -1, 0);
        Assert.True((nint)_memory > 0 && (nint)_memory < int.MaxValue, "no memory below 2 GiB");
    }

    /// <summary>The address of a symbol.</summary>
    public nint this[string name] => _symbols[name];

    /// <summary>Zeroed memory.</summary>
    public byte* Reserve(int size, int alignment = 64)
    {
        _used = (_used + alignment - 1) & -alignment;
        byte* start = _memory + _used;
        _used += size;
        Assert.True(_used <= Size, "the image is full");
        return start;
    }

    /// <summary>Adds code of the test's own.</summary>
    public nint Add(string name, Action<Assembler> emit)
    {
        Assembler assembler = new(64);
        emit(assembler);
        using MemoryStream stream = new();
        byte* start = Reserve(2048);
        assembler.Assemble(new StreamCodeWriter(stream), (ulong)start);
        Assert.True(stream.Length <= 2048);
        stream.ToArray().CopyTo(new Span<byte>(start, 2048));
        return _symbols[name] = (nint)start;
    }

    /// <summary>
    /// Adds a stub with some of its instructions exchanged. What it refers to was loaded or defined before, and only branches and
    /// immediate operands refer to symbols.
    /// </summary>
    public nint AddEdited(string name, Func<Instruction, Instruction> edit)
    {
        Block block = Stubs.All[name];
        return Add(name, c =>
        {
            foreach (Instruction instruction in Stubs.Decode(block))
            {
                c.AddInstruction(edit(Resolve(block, instruction)));
            }
        });
    }

    /// <summary>Names a place.</summary>
    public void Define(string name, void* address) => _symbols[name] = (nint)address;

    /// <summary>Loads blocks and applies their relocations, with those loaded and defined before.</summary>
    public void Load(IEnumerable<Block> blocks)
    {
        List<(Block Block, nint Start)> placed = new();
        foreach (Block block in blocks)
        {
            byte* start = Reserve(block.Size, block.Alignment);
            block.Bytes.CopyTo(new Span<byte>(start, block.Size));
            placed.Add((block, (nint)start));
            _symbols[block.Name] = (nint)start;
            foreach (InnerSymbol inner in block.InnerSymbols)
            {
                _symbols[inner.Name] = (nint)start + inner.Offset;
            }
        }

        foreach ((Block? block, nint start) in placed)
        {
            foreach (Relocation relocation in block.Relocations)
            {
                nint place = start + relocation.Offset;
                long value = _symbols[relocation.Symbol] + relocation.Addend;
                bool relative = relocation.Type is RelocationType.Branch32 or RelocationType.Relative32;
                BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>((void*)place, 4), checked((int)(relative ? value - place : value)));
            }
        }
    }

    public void Dispose() => _ = Unmap((nint)_memory, Size);

    private Instruction Resolve(Block block, Instruction instruction)
    {
        if (Stubs.Target(block, instruction) is not { } symbol)
        {
            return instruction;
        }

        if (instruction.Op0Kind == OpKind.NearBranch64)
        {
            instruction.NearBranch64 = (ulong)_symbols[symbol];
        }
        else
        {
            instruction.Immediate32 = (uint)_symbols[symbol];
        }

        return instruction;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nint length);
}
