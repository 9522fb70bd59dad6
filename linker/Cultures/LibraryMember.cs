using System.Globalization;
using System.Text;

namespace Xenlet.Linker.Cultures;

/// <summary>
/// The one object of a library of one object, as <c>ar</c> writes it (ar.h): "!&lt;arch&gt;" and a line feed, then for each member a
/// header of 60 bytes, whose bytes 48 to 57 are the member's length in decimal, and the member. The names that begin with "/" are tables.
/// </summary>
internal static class LibraryMember
{
    private const int HeaderSize = 60;

    /// <summary>Reads the object.</summary>
    /// <param name="path">The library's path.</param>
    /// <exception cref="InvalidDataException">It is no such library.</exception>
    public static ObjectFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.AsSpan().StartsWith("!<arch>\n"u8))
        {
            for (int at = 8; at + HeaderSize <= bytes.Length;)
            {
                ReadOnlySpan<byte> header = bytes.AsSpan(at, HeaderSize);
                at += HeaderSize;
                string name = Encoding.ASCII.GetString(header[..16]).TrimEnd();
                if (!int.TryParse(
                        Encoding.ASCII.GetString(header[48..58]).TrimEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                    || length > bytes.Length - at)
                {
                    break;
                }

                if (name is not ("/" or "//" or "/SYM64/"))
                {
                    return new ObjectFile(path, bytes[at..(at + length)]);
                }

                at += length + (length & 1);
            }
        }

        throw new InvalidDataException($"{path} is no static library with ICU's data");
    }
}
