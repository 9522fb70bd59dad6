using System.Buffers;
using System.Globalization;
using System.Text;

namespace XenStoreTool;

/// <summary>
/// Values of nodes as text, in the form of Xen's own xenstore tools: printable ASCII as it is, <c>\t \n \r \\</c>, bytes below 8 as three
/// octal digits (<c>\000</c>), others as two hexadecimal ones (<c>\xff</c>).
/// </summary>
internal static class NodeValue
{
    public static string ToText(ReadOnlySpan<byte> value)
    {
        StringBuilder text = new(value.Length);
        foreach (byte one in value)
        {
            _ = one switch
            {
                (byte)'\t' => text.Append(@"\t"),
                (byte)'\n' => text.Append(@"\n"),
                (byte)'\r' => text.Append(@"\r"),
                (byte)'\\' => text.Append(@"\\"),
                >= (byte)' ' and <= (byte)'~' => text.Append((char)one),
                < 8 => text.Append("\\00").Append((char)('0' + one)),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{one:x2}"),
            };
        }

        return text.ToString();
    }

    /// <summary>The bytes that a text stands for. Characters beyond ASCII become their UTF-8.</summary>
    /// <exception cref="UsageException">A backslash is not followed by what may follow it.</exception>
    public static byte[] FromText(string text)
    {
        byte[] from = Encoding.UTF8.GetBytes(text);
        ArrayBufferWriter<byte> value = new(Math.Max(from.Length, 1));
        for (int i = 0; i < from.Length; i++)
        {
            byte one = from[i];
            if (one == '\\')
            {
                ReadOnlySpan<byte> rest = from.AsSpan(i + 1);
                (one, int used) = rest switch
                {
                    [(byte)'t', ..] => ((byte)'\t', 1),
                    [(byte)'n', ..] => ((byte)'\n', 1),
                    [(byte)'r', ..] => ((byte)'\r', 1),
                    [(byte)'\\', ..] => ((byte)'\\', 1),
                    [(byte)'x', var high, var low, ..] when char.IsAsciiHexDigit((char)high) && char.IsAsciiHexDigit((char)low) =>
                        (Convert.FromHexString([(char)high, (char)low])[0], 3),
                    [>= (byte)'0' and <= (byte)'3', >= (byte)'0' and <= (byte)'7', >= (byte)'0' and <= (byte)'7', ..] =>
                        ((byte)(((rest[0] - '0') << 6) | ((rest[1] - '0') << 3) | (rest[2] - '0')), 3),
                    _ => throw new UsageException($@"byte {i + 1} of the value is a \ that is followed by none of t, n, r, \, xHH, OOO."),
                };
                i += used;
            }

            value.Write([one]);
        }

        return value.WrittenSpan.ToArray();
    }
}
