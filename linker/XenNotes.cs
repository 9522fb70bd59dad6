using System.Buffers.Binary;
using System.Text;

namespace Xenlet.Linker;

/// <summary>The ELF notes by which Xen and QEMU recognise a PVH image (xen/include/public/elfnote.h).</summary>
public static class XenNotes
{
    /// <summary>XEN_ELFNOTE_GUEST_OS: a human-readable name.</summary>
    public const uint GuestOs = 6;

    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY: the physical address of the 32-bit entry.</summary>
    public const uint Phys32Entry = 18;

    private const int HeaderSize = 12;

    /// <summary>Makes the notes.</summary>
    /// <returns>Their block.</returns>
    public static IEnumerable<Block> Assemble()
    {
        // For a 64-bit image, QEMU reads eight bytes of the entry note's value, although four are right, and uses the lower half. Xen
        // accepts either.
        byte[] bytes = [.. Note(Phys32Entry, new byte[4]), .. Note(GuestOs, "Xenlet\0"u8)];
        yield return new Block("xenlet_notes", BlockSection.NoteXen, 4, bytes, bytes.Length)
        {
            Relocations = [new Relocation(HeaderSize + 4, RelocationType.Absolute32, StubNames.Start, 0)],
        };
    }

    private static byte[] Note(uint type, ReadOnlySpan<byte> value)
    {
        byte[] owner = Encoding.ASCII.GetBytes("Xen\0");
        byte[] bytes = new byte[HeaderSize + owner.Length + ((value.Length + 3) & ~3)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, owner.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), type);
        owner.CopyTo(bytes.AsSpan(HeaderSize));
        value.CopyTo(bytes.AsSpan(HeaderSize + owner.Length));
        return bytes;
    }
}
