namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Text that others have written, in the nucleus's messages.</summary>
internal static unsafe class ForeignBytes
{
    /// <summary>Writes a byte. One that could control a terminal or end the line is written as an escape such as \x1b.</summary>
    public static void Write(byte value)
    {
        if (value is >= 0x20 and < 0x7f)
        {
            KernelLog.WriteByte(value);
            return;
        }

        KernelLog.Write("\\x"u8);
        byte* digits = stackalloc byte[Digits.Maximum];
        KernelLog.Write(digits, (nuint)Digits.WriteHexadecimal(value, 2, digits));
    }
}
