using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>XENLET_TMP, the variable of the environment that says how many MiB /tmp may have.</summary>
internal static unsafe class TemporaryFilesLimit
{
    /// <summary>More than any domain has, in MiB.</summary>
    private const ulong Maximum = 1 << 24;

    private const int BitsPerMiB = 20;

    private static ReadOnlySpan<byte> Variable => "XENLET_TMP="u8;

    /// <summary>Takes the limit from the first variable of that name.</summary>
    /// <param name="variables">Addresses of strings NAME=VALUE.</param>
    /// <param name="count">Their number.</param>
    /// <returns>False if its value is no number of MiB.</returns>
    public static bool TrySet(byte** variables, int count)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> begin = new(variables[i], Length(variables[i], Variable.Length));
            if (Bytes.AreEqual(begin, Variable))
            {
                return TrySet(variables[i] + Variable.Length);
            }
        }

        return true;
    }

    private static bool TrySet(byte* digits)
    {
        ulong value = 0;
        byte* at = digits;
        while (*at is >= (byte)'0' and <= (byte)'9' && value <= Maximum)
        {
            value = (value * 10) + (ulong)(*at++ - '0');
        }

        if (at == digits || *at != 0 || value > Maximum)
        {
            return false;
        }

        FileRoom.Limit = value << BitsPerMiB;
        return true;
    }

    private static int Length(byte* text, int most)
    {
        int length = 0;
        while (length < most && text[length] != 0)
        {
            length++;
        }

        return length;
    }
}
