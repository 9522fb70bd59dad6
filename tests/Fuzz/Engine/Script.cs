namespace Xenlet.Fuzz;

/// <summary>Reads an input as a script. After its end there are zeros.</summary>
internal sealed class Script(byte[] input)
{
    private int _position;

    public bool AtEnd => _position >= input.Length;

    public byte Byte() => _position < input.Length ? input[_position++] : (byte)0;

    public ushort UInt16() => (ushort)(Byte() | (Byte() << 8));

    public uint UInt32() => UInt16() | ((uint)UInt16() << 16);

    public ulong UInt64() => UInt32() | ((ulong)UInt32() << 32);

    /// <summary>A number below a limit.</summary>
    public int Below(int limit) => limit <= 256 ? Byte() % limit : UInt16() % limit;

    /// <summary>An index near another: a nearly correct one gets further than a random one.</summary>
    public uint Near(uint value) => Byte() switch
    {
        < 128 and var step => value + step,
        < 192 and var step => value - (uint)(step - 127),
        < 224 => value + UInt16(),
        _ => UInt32(),
    };

    /// <summary>So many bytes, or what is left.</summary>
    public ReadOnlySpan<byte> Bytes(int count)
    {
        int taken = Math.Min(count, Math.Max(0, input.Length - _position));
        ReadOnlySpan<byte> bytes = input.AsSpan(Math.Min(_position, input.Length), taken);
        _position += taken;
        return bytes;
    }

    /// <summary>All that is left.</summary>
    public ReadOnlySpan<byte> Rest() => Bytes(input.Length);
}
