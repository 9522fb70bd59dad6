namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Formats numbers as text.</summary>
internal static unsafe class Digits
{
    /// <summary>The largest number of digits: 2^64 - 1 in decimal.</summary>
    public const int Maximum = 20;

    /// <summary>Writes a number in decimal, without leading zeros.</summary>
    /// <param name="value">The number.</param>
    /// <param name="target">A buffer of at least <see cref="Maximum"/> bytes.</param>
    /// <returns>The number of digits written.</returns>
    public static int WriteDecimal(ulong value, byte* target)
    {
        int count = 1;
        for (ulong rest = value / 10; rest != 0; rest /= 10)
        {
            count++;
        }

        for (int i = count - 1; i >= 0; i--)
        {
            target[i] = (byte)('0' + value % 10);
            value /= 10;
        }

        return count;
    }

    /// <summary>Writes a number in lower-case hexadecimal, without a prefix.</summary>
    /// <param name="value">The number.</param>
    /// <param name="least">The minimum number of digits, at most 16. Shorter numbers get leading zeros.</param>
    /// <param name="target">A buffer of at least <see cref="Maximum"/> bytes.</param>
    /// <returns>The number of digits written.</returns>
    public static int WriteHexadecimal(ulong value, int least, byte* target)
    {
        int count = least;
        while (count < 16 && value >> (4 * count) != 0)
        {
            count++;
        }

        for (int i = count - 1; i >= 0; i--)
        {
            uint digit = (uint)value & 15;
            target[i] = (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);
            value >>= 4;
        }

        return count;
    }
}
