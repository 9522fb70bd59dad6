using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Xenlet.QemuXen.Image;

/// <summary>
/// Extracts the ELF kernel from a bzImage (Linux, Documentation/arch/x86/boot.rst), so that neither Xen nor a guest has to decompress it
/// under emulation, which takes seconds.
/// </summary>
internal static partial class LinuxKernelImage
{
    private const int SetupSectors = 0x1F1;
    private const int HeaderMagic = 0x202;
    private const int PayloadOffset = 0x248;
    private const int PayloadLength = 0x24C;

    /// <summary>The uncompressed kernel, or null if its compression is not supported here.</summary>
    public static byte[]? Extract(ReadOnlySpan<byte> image)
    {
        if (image.Length < 0x250 || !image.Slice(HeaderMagic, 4).SequenceEqual("HdrS"u8))
        {
            throw new InvalidDataException("The kernel is not a bzImage.");
        }

        int offset = ((image[SetupSectors] + 1) * 512) + BinaryPrimitives.ReadInt32LittleEndian(image[PayloadOffset..]);
        int length = BinaryPrimitives.ReadInt32LittleEndian(image[PayloadLength..]);
        ReadOnlySpan<byte> payload = image.Slice(offset, length);
        if (payload[0] != 0xFD || !payload[1..6].SequenceEqual("7zXZ\0"u8))
        {
            return null;
        }

        // The kernel's build appends the size of the uncompressed image to the compressed stream.
        int size = BinaryPrimitives.ReadInt32LittleEndian(payload[^4..]);
        return DecodeXz(payload[..^4], size);
    }

    /// <summary>
    /// Removes the zeros at the ends of the kernel's segments, a third of Debian's kernel. Its loader adds them again (p_memsz of elf(5)),
    /// while a boot loader copies the file's contents byte by byte.
    /// </summary>
    public static byte[] Shorten(byte[] kernel)
    {
        const int ProgramHeaderSize = 56;
        Span<byte> header = kernel;
        int programHeaders = (int)BinaryPrimitives.ReadInt64LittleEndian(header[0x20..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[0x38..]);
        int end = programHeaders + (count * ProgramHeaderSize);
        for (int i = 0; i < count; i++)
        {
            Span<byte> entry = header.Slice(programHeaders + (i * ProgramHeaderSize), ProgramHeaderSize);
            int offset = (int)BinaryPrimitives.ReadInt64LittleEndian(entry[0x08..]);
            int length = (int)BinaryPrimitives.ReadInt64LittleEndian(entry[0x20..]);
            if (BinaryPrimitives.ReadInt32LittleEndian(entry) == 1)
            {
                length = header.Slice(offset, length).LastIndexOfAnyExcept((byte)0) + 1;
                BinaryPrimitives.WriteInt64LittleEndian(entry[0x20..], length);
            }

            end = Math.Max(end, offset + length);
        }

        // The section headers were at the end of the file. Nobody who loads a kernel reads them.
        BinaryPrimitives.WriteInt64LittleEndian(header[0x28..], 0);
        BinaryPrimitives.WriteInt32LittleEndian(header[0x3C..], 0);
        return kernel[..end];
    }

    private static unsafe byte[]? DecodeXz(ReadOnlySpan<byte> compressed, int size)
    {
        byte[] kernel = GC.AllocateUninitializedArray<byte>(size);
        ulong memoryLimit = ulong.MaxValue;
        nuint consumed = 0;
        nuint produced = 0;
        try
        {
            fixed (byte* input = compressed)
            fixed (byte* output = kernel)
            {
                int result = LzmaStreamBufferDecode(
                    &memoryLimit, 0, null, input, &consumed, (nuint)compressed.Length, output, &produced, (nuint)size);
                return result == 0 && produced == (nuint)size ? kernel : null;
            }
        }
        catch (DllNotFoundException)
        {
            return null;
        }
    }

    // dpkg depends on liblzma, so it exists wherever Debian's packages can be unpacked.
    [LibraryImport("liblzma.so.5", EntryPoint = "lzma_stream_buffer_decode")]
    private static unsafe partial int LzmaStreamBufferDecode(
        ulong* memoryLimit, uint flags, void* allocator, byte* input, nuint* inputPosition, nuint inputSize, byte* output,
        nuint* outputPosition, nuint outputSize);
}
