using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Xenlet.BackEnds.Stores;

/// <summary>
/// XTS-AES (IEEE 1619) of sectors, whole blocks of 16 bytes. The tweak is the sector's number as 128 bits, little-endian: Linux's
/// <c>plain64</c>.
/// </summary>
internal sealed class XtsSectors
{
    private const int BlockSize = 16;

    private readonly AesBlocks _data;
    private readonly AesBlocks _tweak;

    /// <summary>Takes a key.</summary>
    /// <param name="key">32 or 64 bytes: the key of the data, then that of the tweak.</param>
    /// <param name="usesProcessor">Whether to use the processor's AES, which must be there then.</param>
    public XtsSectors(ReadOnlySpan<byte> key, bool usesProcessor)
    {
        _data = new AesBlocks(key[..(key.Length / 2)], usesProcessor);
        _tweak = new AesBlocks(key[(key.Length / 2)..], usesProcessor);
    }

    /// <summary>Encrypts a sector of at most 4096 bytes, in place.</summary>
    public void Encrypt(ulong number, Span<byte> sector)
    {
        Span<byte> tweaks = stackalloc byte[sector.Length];
        FillTweaks(number, tweaks);
        Add(tweaks, sector);
        _data.Encrypt(sector);
        Add(tweaks, sector);
    }

    /// <summary>Decrypts a sector of at most 4096 bytes, in place.</summary>
    public void Decrypt(ulong number, Span<byte> sector)
    {
        Span<byte> tweaks = stackalloc byte[sector.Length];
        FillTweaks(number, tweaks);
        Add(tweaks, sector);
        _data.Decrypt(sector);
        Add(tweaks, sector);
    }

    /// <summary>Each block's tweak is that before it, times x modulo x^128 + x^7 + x^2 + x + 1.</summary>
    private void FillTweaks(ulong number, Span<byte> tweaks)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(tweaks);
        (words[0], words[1]) = (number, 0);
        _tweak.Encrypt(tweaks[..BlockSize]);
        for (int i = 2; i < words.Length; i += 2)
        {
            ulong carry = words[i - 1] >> 63;
            words[i + 1] = (words[i - 1] << 1) | (words[i - 2] >> 63);
            words[i] = (words[i - 2] << 1) ^ (carry * 0x87);
        }
    }

    private static void Add(ReadOnlySpan<byte> tweaks, Span<byte> sector)
    {
        ReadOnlySpan<Vector128<byte>> from = MemoryMarshal.Cast<byte, Vector128<byte>>(tweaks);
        Span<Vector128<byte>> to = MemoryMarshal.Cast<byte, Vector128<byte>>(sector);
        for (int i = 0; i < to.Length; i++)
        {
            to[i] ^= from[i];
        }
    }
}
