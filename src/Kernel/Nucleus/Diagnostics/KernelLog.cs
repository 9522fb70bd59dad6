namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// The nucleus's own words, to port 0xE9: QEMU's debug console, and <c>xl dmesg</c> under Xen, which takes whole lines. The guest's
/// console belongs to the program.
/// </summary>
internal static unsafe class KernelLog
{
    private const ushort Port = 0xe9;

    public static void Write(ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            WriteByte(text[i]);
        }
    }

    public static void Write(byte* text, nuint length)
    {
        for (nuint i = 0; i < length; i++)
        {
            WriteByte(text[i]);
        }
    }

    public static void WriteByte(byte value)
    {
        Machine.Out8(Port, value);
        if (Panic.InProgress)
        {
            // The administrator sees the console first: a panic is the one thing the nucleus says there.
            ConsoleDevice.WriteByPolling(value);
        }
    }

    public static void WriteHex(ulong value)
    {
        Write("0x"u8);
        for (int shift = 60; shift >= 0; shift -= 4)
        {
            uint digit = (uint)(value >> shift) & 15;
            WriteByte((byte)(digit < 10 ? '0' + digit : 'a' + digit - 10));
        }
    }

    public static void WriteDecimal(ulong value)
    {
        byte* digits = stackalloc byte[20];
        int count = 0;
        do
        {
            digits[count++] = (byte)('0' + value % 10);
            value /= 10;
        }
        while (value != 0);
        while (count > 0)
        {
            WriteByte(digits[--count]);
        }
    }

    public static void NewLine() => WriteByte((byte)'\n');
}
