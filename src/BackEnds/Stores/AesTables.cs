using System.Numerics;

namespace Xenlet.BackEnds.Stores;

/// <summary>The tables of AES (FIPS 197): its S-box and the products of MixColumns, for columns as little-endian words.</summary>
internal static class AesTables
{
    static AesTables()
    {
        // 3 generates the field's multiplicative group, and 0xf6 is its inverse: p takes every value but 0, q is the inverse of p.
        byte p = 1;
        byte q = 1;
        do
        {
            p = Multiply(p, 3);
            q = Multiply(q, 0xf6);
            int turned = q ^ RotateLeft(q, 1) ^ RotateLeft(q, 2) ^ RotateLeft(q, 3) ^ RotateLeft(q, 4);
            SBox[p] = (byte)(turned ^ 0x63);
        }
        while (p != 1);

        SBox[0] = 0x63;
        for (int i = 0; i < 256; i++)
        {
            byte substituted = SBox[i];
            InverseSBox[substituted] = (byte)i;
            Mixed[i] = Column(substituted, 2, 1, 1, 3);
            InverseMixed[substituted] = Column((byte)i, 14, 9, 13, 11);
        }
    }

    /// <summary>SubBytes.</summary>
    public static byte[] SBox { get; } = new byte[256];

    /// <summary>InvSubBytes.</summary>
    public static byte[] InverseSBox { get; } = new byte[256];

    /// <summary>SubBytes and MixColumns of a byte in row 0. Another row's is this, turned by 8 bits a row.</summary>
    public static uint[] Mixed { get; } = new uint[256];

    /// <summary>InvSubBytes and InvMixColumns of a byte in row 0.</summary>
    public static uint[] InverseMixed { get; } = new uint[256];

    /// <summary>InvMixColumns of a column.</summary>
    public static uint InverseMixColumn(uint column)
    {
        uint mixed = 0;
        for (int row = 0; row < 4; row++)
        {
            mixed ^= BitOperations.RotateLeft(InverseMixed[SBox[(byte)(column >> (8 * row))]], 8 * row);
        }

        return mixed;
    }

    private static uint Column(byte value, byte row0, byte row1, byte row2, byte row3) =>
        Multiply(value, row0) | ((uint)Multiply(value, row1) << 8) | ((uint)Multiply(value, row2) << 16)
        | ((uint)Multiply(value, row3) << 24);

    /// <summary>Multiplies in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.</summary>
    private static byte Multiply(int a, int b)
    {
        int product = 0;
        for (; b != 0; b >>= 1)
        {
            product ^= (b & 1) != 0 ? a : 0;
            a = (a << 1) ^ ((a & 0x80) != 0 ? 0x11b : 0);
        }

        return (byte)product;
    }

    private static int RotateLeft(byte value, int count) => (byte)((value << count) | (value >> (8 - count)));
}
