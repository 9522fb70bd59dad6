using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Platform.Random;

/// <summary>The ChaCha20 block function (RFC 8439, section 2.3): 64 bytes that cannot be told from random ones without the key.</summary>
internal static unsafe class ChaCha20
{
    public const int KeyWords = 8;
    public const int BlockWords = 16;
    public const ulong BlockSize = BlockWords * sizeof(uint);

    // "expand 32-byte k"
    private const uint Constant0 = 0x6170_7865;
    private const uint Constant1 = 0x3320_646e;
    private const uint Constant2 = 0x7962_2d32;
    private const uint Constant3 = 0x6b20_6574;

    /// <summary>Computes one block.</summary>
    /// <param name="key"><see cref="KeyWords"/> words.</param>
    /// <param name="counter">The block's number.</param>
    /// <param name="nonce0">The first of three words that must never repeat with the same key and counter.</param>
    /// <param name="nonce1">The second word.</param>
    /// <param name="nonce2">The third word.</param>
    /// <param name="block">Receives <see cref="BlockWords"/> words. It must not be the key's memory.</param>
    public static void Block(uint* key, uint counter, uint nonce0, uint nonce1, uint nonce2, uint* block)
    {
        uint x0 = Constant0;
        uint x1 = Constant1;
        uint x2 = Constant2;
        uint x3 = Constant3;
        uint x4 = key[0];
        uint x5 = key[1];
        uint x6 = key[2];
        uint x7 = key[3];
        uint x8 = key[4];
        uint x9 = key[5];
        uint x10 = key[6];
        uint x11 = key[7];
        uint x12 = counter;
        uint x13 = nonce0;
        uint x14 = nonce1;
        uint x15 = nonce2;
        for (int i = 0; i < 10; i++)
        {
            QuarterRound(ref x0, ref x4, ref x8, ref x12);
            QuarterRound(ref x1, ref x5, ref x9, ref x13);
            QuarterRound(ref x2, ref x6, ref x10, ref x14);
            QuarterRound(ref x3, ref x7, ref x11, ref x15);
            QuarterRound(ref x0, ref x5, ref x10, ref x15);
            QuarterRound(ref x1, ref x6, ref x11, ref x12);
            QuarterRound(ref x2, ref x7, ref x8, ref x13);
            QuarterRound(ref x3, ref x4, ref x9, ref x14);
        }

        block[0] = x0 + Constant0;
        block[1] = x1 + Constant1;
        block[2] = x2 + Constant2;
        block[3] = x3 + Constant3;
        block[4] = x4 + key[0];
        block[5] = x5 + key[1];
        block[6] = x6 + key[2];
        block[7] = x7 + key[3];
        block[8] = x8 + key[4];
        block[9] = x9 + key[5];
        block[10] = x10 + key[6];
        block[11] = x11 + key[7];
        block[12] = x12 + counter;
        block[13] = x13 + nonce0;
        block[14] = x14 + nonce1;
        block[15] = x15 + nonce2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void QuarterRound(ref uint a, ref uint b, ref uint c, ref uint d)
    {
        a += b;
        d ^= a;
        d = d << 16 | d >> 16;
        c += d;
        b ^= c;
        b = b << 12 | b >> 20;
        a += b;
        d ^= a;
        d = d << 8 | d >> 24;
        c += d;
        b ^= c;
        b = b << 7 | b >> 25;
    }
}
