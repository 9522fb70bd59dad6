using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Guest.Tests;

/// <summary>One program header of an ELF file (Elf64_Phdr).</summary>
internal readonly record struct Segment(uint Type, uint Flags, ulong Offset, ulong Address, ulong PhysicalAddress, ulong FileSize, ulong MemorySize)
{
    public const uint Load = 1;
    public const uint Dynamic = 2;
    public const uint Interpreter = 3;
    public const uint Note = 4;
    public const uint Executable = 1;
    public const uint Writable = 2;

    public ulong End => Address + MemorySize;
}

/// <summary>One note: who owns it, its type and its content.</summary>
internal readonly record struct ElfNote(string Owner, uint Type, byte[] Content, ulong FileOffset);

/// <summary>What a boot loader sees of a 64-bit ELF image. Offsets are those of the System V ABI.</summary>
internal sealed class ElfImage
{
    private readonly byte[] _bytes;

    public ElfImage(string path)
    {
        _bytes = File.ReadAllBytes(path);
        Assert.Equal("\u007fELF\u0002\u0001"u8.ToArray(), _bytes[..6]);
        int table = (int)U64(32);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(54));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(56));
        Segments = [.. Enumerable.Range(0, count).Select(i => table + (i * size)).Select(at =>
            new Segment(U32(at), U32(at + 4), U64(at + 8), U64(at + 16), U64(at + 24), U64(at + 32), U64(at + 40)))];
    }

    /// <summary>All program headers.</summary>
    public IReadOnlyList<Segment> Segments { get; }

    /// <summary>The segments that are loaded, in the order of the file.</summary>
    public IReadOnlyList<Segment> Loads => [.. Segments.Where(segment => segment.Type == Segment.Load)];

    /// <summary>All notes of all note segments.</summary>
    public IEnumerable<ElfNote> Notes()
    {
        foreach (Segment segment in Segments.Where(segment => segment.Type == Segment.Note))
        {
            int at = (int)segment.Offset;
            int end = at + (int)segment.FileSize;
            while (at + 12 <= end)
            {
                int nameSize = (int)U32(at);
                int contentSize = (int)U32(at + 4);
                int content = at + 12 + ((nameSize + 3) & ~3);
                yield return new ElfNote(Encoding.ASCII.GetString(_bytes, at + 12, nameSize).TrimEnd('\0'), U32(at + 8), _bytes[content..(content + contentSize)], (ulong)at);
                at = content + ((contentSize + 3) & ~3);
            }
        }
    }


    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(offset));

    private ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(offset));
}
