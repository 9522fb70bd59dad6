using System.Globalization;
using System.Text;

namespace Xenlet.Tests.RealXenStored;

/// <summary>
/// Reads cpio archives in the "newc" format of initramfs images (Documentation/driver-api/early-userspace/buffer-format.rst).
/// </summary>
internal static class CpioArchive
{
    private const int HeaderLength = 110;
    private const uint TypeMask = 0xF000;
    private const uint RegularFile = 0x8000;

    /// <summary>The regular files of an archive, in its order.</summary>
    public static IEnumerable<(string Path, byte[] Content)> Files(Stream archive)
    {
        byte[] header = new byte[HeaderLength];
        while (true)
        {
            archive.ReadExactly(header);
            if (!header.AsSpan(0, 6).SequenceEqual("070701"u8))
            {
                throw new InvalidDataException("The archive has a member that does not start with 070701.");
            }

            uint mode = Field(header, 1);
            int length = (int)Field(header, 6);
            int nameLength = (int)Field(header, 11);
            string name = Encoding.UTF8.GetString(ReadPadded(archive, nameLength, HeaderLength)).TrimEnd('\0');
            if (name == "TRAILER!!!")
            {
                yield break;
            }

            byte[] content = ReadPadded(archive, length, 0);
            if ((mode & TypeMask) == RegularFile)
            {
                yield return (name, content);
            }
        }
    }

    private static uint Field(byte[] header, int index) =>
        uint.Parse(header.AsSpan(6 + (8 * index), 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Reads a part and the bytes that align what comes before it and itself to four.</summary>
    private static byte[] ReadPadded(Stream archive, int length, int before)
    {
        byte[] part = new byte[length];
        archive.ReadExactly(part);
        Span<byte> padding = stackalloc byte[3];
        archive.ReadExactly(padding[..(-(before + length) & 3)]);
        return part;
    }
}
