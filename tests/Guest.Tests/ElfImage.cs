using System.Buffers.Binary;
using System.Text;
using Xenlet.Elf;

namespace Xenlet.Guest.Tests;

/// <summary>One note: who owns it, its type and its content.</summary>
internal readonly record struct ElfNote(string Owner, uint Type, byte[] Content, ulong FileOffset);

/// <summary>What a boot loader sees of a 64-bit ELF image. Offsets are those of the System V ABI.</summary>
internal sealed class ElfImage(string path)
{
    private readonly ElfReader _elf = new(File.ReadAllBytes(path), path);

    /// <summary>All program headers.</summary>
    public IReadOnlyList<ElfSegment> Segments => _elf.Segments;

    /// <summary>The segments that are loaded, in the order of the file.</summary>
    public IReadOnlyList<ElfSegment> Loads => [.. Segments.Where(segment => segment.Type == ElfSegment.Load)];

    /// <summary>All notes of all note segments.</summary>
    public IEnumerable<ElfNote> Notes()
    {
        foreach (ElfSegment segment in Segments.Where(segment => segment.Type == ElfSegment.Note))
        {
            ReadOnlyMemory<byte> notes = _elf.Contents(segment);
            int at = 0;
            while (at + 12 <= notes.Length)
            {
                int nameSize = (int)U32(at);
                int contentSize = (int)U32(at + 4);
                int content = at + 12 + ((nameSize + 3) & ~3);
                string owner = Encoding.ASCII.GetString(notes.Slice(at + 12, nameSize).Span).TrimEnd('\0');
                yield return new ElfNote(owner, U32(at + 8), notes.Slice(content, contentSize).ToArray(), segment.Offset + (ulong)at);
                at = content + ((contentSize + 3) & ~3);
            }

            uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(notes[offset..].Span);
        }
    }
}
