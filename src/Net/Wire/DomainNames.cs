using System.Text;

namespace Xenlet.Net.Wire;

/// <summary>
/// Domain names as DHCP and routers tell them. They end up in a file of lines, so a name is taken only when it has letters, digits,
/// hyphens, underscores and dots alone.
/// </summary>
internal static class DomainNames
{
    private const int LongestName = 253;
    private const int LongestLabel = 63;

    /// <summary>How many names are taken, as glibc's resolver has it.</summary>
    private const int MostNames = 6;

    /// <summary>A name as text; null when it is none.</summary>
    public static string? FromText(ReadOnlySpan<byte> text)
    {
        text = text.TrimEnd((byte)0).TrimEnd((byte)'.');
        if (text.IsEmpty || text.Length > LongestName || text[0] == '.')
        {
            return null;
        }

        int label = 0;
        foreach (byte each in text)
        {
            label = each == '.' ? 0 : label + 1;
            if (label > LongestLabel || (each != '.' && !IsAllowed(each)))
            {
                return null;
            }
        }

        string name = Encoding.ASCII.GetString(text);
        return name.Contains("..", StringComparison.Ordinal) ? null : name;
    }

    /// <summary>
    /// Names in DNS's own form, one after the other (RFC 1035, section 3.1), pointers to earlier ones among them where those are allowed.
    /// What follows a mistake is left out.
    /// </summary>
    /// <param name="data">The names.</param>
    /// <param name="hasPointers">Whether they may be compressed (RFC 3397); in RFC 8106 they may not.</param>
    public static List<string> FromLabels(ReadOnlySpan<byte> data, bool hasPointers)
    {
        List<string> names = [];
        Span<byte> name = stackalloc byte[LongestName + 1];
        int position = 0;
        while (position < data.Length && data[position] != 0 && names.Count < MostNames)
        {
            int length = ReadName(data, ref position, name, hasPointers);
            if (length < 0)
            {
                break;
            }

            if (FromText(name[..length]) is { } text)
            {
                names.Add(text);
            }
        }

        return names;
    }

    /// <summary>Reads one name and moves behind it; its length as text, or -1 for a mistake.</summary>
    private static int ReadName(ReadOnlySpan<byte> data, ref int position, Span<byte> name, bool hasPointers)
    {
        int length = 0;
        int at = position;
        bool hasJumped = false;
        while (true)
        {
            if (at >= data.Length)
            {
                return -1;
            }

            int label = data[at];
            if (label >= 0xC0)
            {
                // A pointer points back, so there is an end to them.
                int target = at + 1 < data.Length ? ((label & 0x3F) << 8) | data[at + 1] : data.Length;
                if (!hasPointers || target >= at)
                {
                    return -1;
                }

                position = hasJumped ? position : at + 2;
                hasJumped = true;
                at = target;
                continue;
            }

            at++;
            if (label == 0)
            {
                position = hasJumped ? position : at;
                return length;
            }

            if (label > LongestLabel || label > data.Length - at || length + 1 + label > name.Length)
            {
                return -1;
            }

            if (length > 0)
            {
                name[length++] = (byte)'.';
            }

            data.Slice(at, label).CopyTo(name[length..]);
            length += label;
            at += label;
        }
    }

    private static bool IsAllowed(byte each) => char.IsAsciiLetterOrDigit((char)each) || each is (byte)'-' or (byte)'_';
}
