namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Text that is put together in a buffer. What does not fit is left out.</summary>
internal unsafe struct ByteText
{
    private readonly byte* _start;
    private readonly int _size;

    public ByteText(byte* start, int size)
    {
        _start = start;
        _size = size;
    }

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    public void Write(ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length && Length < _size; i++)
        {
            _start[Length++] = text[i];
        }
    }

    /// <summary>Writes a number in decimal.</summary>
    public void Write(ulong number)
    {
        byte* digits = stackalloc byte[Digits.Maximum];
        Write(new ReadOnlySpan<byte>(digits, Digits.WriteDecimal(number, digits)));
    }
}
