namespace Xenlet.Kernel.Nucleus.Linux.Tar;

/// <summary>Numbers in headers of archives.</summary>
internal static unsafe class TarNumbers
{
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    /// <summary>The last second whose nanoseconds a file's time can hold.</summary>
    private const ulong LastSecond = (ulong.MaxValue / NanosecondsPerSecond) - 1;

    /// <summary>
    /// Reads a field of a header: octal digits, between blanks and zero bytes; or, if its first bit is set, a binary number with the most
    /// significant byte first (GNU tar, for what octal digits cannot hold).
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="value">The number; 0 for a field without digits, and for a negative one.</param>
    /// <param name="isNegative">Whether it is below 0.</param>
    /// <returns>False if it is no number of 64 bits.</returns>
    public static bool TryRead(byte* field, int size, out ulong value, out bool isNegative)
    {
        value = 0;
        isNegative = false;
        if ((*field & 0x80) != 0)
        {
            return TryReadBinary(field, size, out value, out isNegative);
        }

        int at = 0;
        while (at < size && field[at] == ' ')
        {
            at++;
        }

        // Twelve digits have 36 bits.
        while (at < size && field[at] is >= (byte)'0' and <= (byte)'7')
        {
            value = (value << 3) | (uint)(field[at++] - '0');
        }

        while (at < size && field[at] is 0 or (byte)' ')
        {
            at++;
        }

        return at == size;
    }

    private static bool TryReadBinary(byte* field, int size, out ulong value, out bool isNegative)
    {
        value = 0;
        isNegative = (*field & 0x40) != 0;
        if (isNegative)
        {
            return true;
        }

        value = *field & 0x3fu;
        for (int i = 1; i < size; i++)
        {
            if (value >> 56 != 0)
            {
                return false;
            }

            value = (value << 8) | field[i];
        }

        return true;
    }

    /// <summary>Reads decimal digits from a position on, which then is behind them. Returns false if there are none, or too many.</summary>
    public static bool TryReadDecimal(byte* text, ulong length, ref ulong at, out ulong value)
    {
        const ulong most = ulong.MaxValue / 10 - 1;
        value = 0;
        ulong first = at;
        while (at < length && text[at] is >= (byte)'0' and <= (byte)'9' && value <= most)
        {
            value = (value * 10) + (uint)(text[at++] - '0');
        }

        return at > first && !(at < length && text[at] is >= (byte)'0' and <= (byte)'9');
    }

    /// <summary>Reads the time of a pax header: seconds since 1970, with a fraction or none. What is before 1970 becomes 1970.</summary>
    public static TarProblem ReadTime(byte* text, ulong length, out ulong nanoseconds)
    {
        nanoseconds = 0;
        bool isNegative = length > 0 && *text == '-';
        ulong at = isNegative ? 1u : 0;
        if (!TryReadDecimal(text, length, ref at, out ulong seconds))
        {
            return TarProblem.Record;
        }

        ulong fraction = 0;
        if (at < length && text[at] == '.')
        {
            at++;
            for (ulong unit = NanosecondsPerSecond / 10; at < length && text[at] is >= (byte)'0' and <= (byte)'9'; at++, unit /= 10)
            {
                fraction += unit * (uint)(text[at] - '0');
            }
        }

        if (at < length)
        {
            return TarProblem.Record;
        }

        return isNegative ? TarProblem.None : ToNanoseconds(seconds, fraction, out nanoseconds);
    }

    /// <summary>A time in nanoseconds, as files have it.</summary>
    public static TarProblem ToNanoseconds(ulong seconds, ulong fraction, out ulong nanoseconds)
    {
        bool fits = seconds <= LastSecond;
        nanoseconds = fits ? (seconds * NanosecondsPerSecond) + fraction : 0;
        return fits ? TarProblem.None : TarProblem.Time;
    }
}
