using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker.Tests;

/// <summary>A segment of a linked image.</summary>
internal sealed record Segment(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileSize, ulong MemorySize, ulong Alignment)
{
    public const uint Load = 1, Note = 4, Tls = 7, EhFrame = 0x6474E550, Stack = 0x6474E551, Relro = 0x6474E552, Property = 0x6474E553;

    public const uint Execute = 1, Write = 2, Read = 4;

    public ulong End => Address + MemorySize;
}

/// <summary>The parts of an ELF executable the tests look at, read without the product's own reader.</summary>
internal sealed class LinkedImage
{
    private readonly byte[] _bytes;

    public LinkedImage(byte[] bytes)
    {
        _bytes = bytes;
        Segments = [.. Enumerable.Range(0, U16(56)).Select(i => ReadSegment((int)U64(32) + (i * U16(54))))];
        Loads = [.. Segments.Where(s => s.Type == Segment.Load)];
        int[] sections = Enumerable.Range(0, U16(60)).Select(i => (int)U64(40) + (i * U16(58))).ToArray();
        int names = (int)U64(sections[U16(62)] + 24);
        Sections = [.. sections.Select(s => Text(names + (int)U32(s)))];
        int symbols = sections.Single(s => U32(s + 4) == 2);
        int strings = (int)U64(sections[(int)U32(symbols + 40)] + 24);
        for (int at = (int)U64(symbols + 24); at < (int)(U64(symbols + 24) + U64(symbols + 32)); at += 24)
        {
            Symbols[Text(strings + (int)U32(at))] = U64(at + 8);
        }
    }

    public IReadOnlyList<Segment> Segments { get; }

    public IReadOnlyList<Segment> Loads { get; }

    public IReadOnlyList<string> Sections { get; }

    public Dictionary<string, ulong> Symbols { get; } = [];

    public ulong Entry => U64(24);

    public ulong HeadersEnd => U64(32) + (ulong)(U16(54) * U16(56));

    /// <summary>The contents of a segment's part in the file.</summary>
    public ReadOnlySpan<byte> Contents(Segment segment) => _bytes.AsSpan((int)segment.Offset, (int)segment.FileSize);

    /// <summary>The only segment of a type.</summary>
    public Segment Only(uint type) => Assert.Single(Segments, s => s.Type == type);

    private Segment ReadSegment(int at) =>
        new(U32(at), U32(at + 4), U64(at + 8), U64(at + 16), U64(at + 32), U64(at + 40), U64(at + 48));

    private string Text(int at) => Encoding.UTF8.GetString(_bytes.AsSpan(at, _bytes.AsSpan(at).IndexOf((byte)0)));

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
}
