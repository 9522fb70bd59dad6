namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// The nucleus's log on port 0xE9: QEMU's debug console, and <c>xl dmesg</c> under Xen, which accepts whole lines. The guest's console
/// belongs to the program.
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
            UpperCalls.WritePanicText(value);
        }
    }

    public static void WriteHex(ulong value)
    {
        Write("0x"u8);
        byte* digits = stackalloc byte[Digits.Maximum];
        Write(digits, (nuint)Digits.WriteHexadecimal(value, 16, digits));
    }

    public static void WriteDecimal(ulong value)
    {
        byte* digits = stackalloc byte[Digits.Maximum];
        Write(digits, (nuint)Digits.WriteDecimal(value, digits));
    }

    public static void NewLine() => WriteByte((byte)'\n');
}
