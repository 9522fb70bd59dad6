namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>UTF-8 (RFC 3629).</summary>
internal static unsafe class Utf8
{
    /// <summary>Whether bytes are well-formed: no character is longer than it has to be, a surrogate, or beyond U+10FFFF.</summary>
    public static bool IsValid(byte* text, ulong length)
    {
        for (ulong at = 0; at < length;)
        {
            byte first = text[at];
            uint size = SizeOf(first);
            if (size == 0 || size > length - at)
            {
                return false;
            }

            // The second byte decides what the first leaves open (RFC 3629, section 4).
            byte least = first == 0xe0 ? (byte)0xa0 : first == 0xf0 ? (byte)0x90 : (byte)0x80;
            byte most = first == 0xed ? (byte)0x9f : first == 0xf4 ? (byte)0x8f : (byte)0xbf;
            for (uint i = 1; i < size; i++)
            {
                if (text[at + i] < least || text[at + i] > most)
                {
                    return false;
                }

                (least, most) = (0x80, 0xbf);
            }

            at += size;
        }

        return true;
    }

    /// <summary>The bytes of the character that begins with this one; 0 if none does.</summary>
    private static uint SizeOf(byte first) =>
        first < 0x80 ? 1u : first < 0xc2 ? 0 : first < 0xe0 ? 2u : first < 0xf0 ? 3u : first < 0xf5 ? 4u : 0;
}
