using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ProcessorAes = System.Runtime.Intrinsics.X86.Aes;

namespace Xenlet.BackEnds.Stores;

/// <summary>
/// AES of single blocks (FIPS 197) with one key of 128 or 256 bits, by the processor's instructions or else by tables. Here, since
/// a program that uses .NET's Aes has OpenSSL in its image, and a call for each sector.
/// </summary>
/// <remarks>The tables' cache lines depend on key and data, which a domain on the same core could observe. The instructions have none.
/// </remarks>
internal sealed class AesBlocks
{
    private readonly bool _usesProcessor;
    private readonly uint[] _encryption;
    private readonly uint[] _decryption;

    /// <summary>Expands a key.</summary>
    /// <param name="key">16 or 32 bytes.</param>
    /// <param name="usesProcessor">Whether to use the instructions, which must be there then.</param>
    public AesBlocks(ReadOnlySpan<byte> key, bool usesProcessor)
    {
        _usesProcessor = usesProcessor;
        _encryption = Expand(key);
        _decryption = new uint[_encryption.Length];
        int last = _encryption.Length - 4;
        for (int i = 0; i < _encryption.Length; i++)
        {
            // The equivalent inverse cipher: the keys in reverse order, those between the first and the last through InvMixColumns.
            uint word = _encryption[last - (i & ~3) + (i & 3)];
            _decryption[i] = i < 4 || i >= last ? word : AesTables.InverseMixColumn(word);
        }
    }

    /// <summary>Whether this processor has the instructions.</summary>
    public static bool IsInProcessor => ProcessorAes.IsSupported;

    /// <summary>Encrypts each block of 16 bytes for itself, in place.</summary>
    public void Encrypt(Span<byte> blocks)
    {
        if (_usesProcessor)
        {
            EncryptByProcessor(MemoryMarshal.Cast<byte, Vector128<byte>>(blocks), MemoryMarshal.Cast<uint, Vector128<byte>>(_encryption));
            return;
        }

        for (Span<uint> words = MemoryMarshal.Cast<byte, uint>(blocks); !words.IsEmpty; words = words[4..])
        {
            Transform(words[..4], _encryption, AesTables.Mixed, AesTables.SBox, step: 1);
        }
    }

    /// <summary>Decrypts each block of 16 bytes for itself, in place.</summary>
    public void Decrypt(Span<byte> blocks)
    {
        if (_usesProcessor)
        {
            DecryptByProcessor(MemoryMarshal.Cast<byte, Vector128<byte>>(blocks), MemoryMarshal.Cast<uint, Vector128<byte>>(_decryption));
            return;
        }

        for (Span<uint> words = MemoryMarshal.Cast<byte, uint>(blocks); !words.IsEmpty; words = words[4..])
        {
            Transform(words[..4], _decryption, AesTables.InverseMixed, AesTables.InverseSBox, step: 3);
        }
    }

    private static uint[] Expand(ReadOnlySpan<byte> key)
    {
        int count = key.Length / sizeof(uint);
        uint[] words = new uint[4 * (count + 7)];
        key.CopyTo(MemoryMarshal.AsBytes(words.AsSpan()));
        uint constant = 1;
        for (int i = count; i < words.Length; i++)
        {
            uint word = words[i - 1];
            if (i % count == 0)
            {
                word = Substitute(BitOperations.RotateRight(word, 8), AesTables.SBox) ^ constant;
                constant = (constant << 1) ^ (constant >= 0x80 ? 0x11bu : 0);
            }
            else if (count == 8 && i % count == 4)
            {
                word = Substitute(word, AesTables.SBox);
            }

            words[i] = words[i - count] ^ word;
        }

        return words;
    }

    private static uint Substitute(uint word, byte[] box) =>
        box[(byte)word] | ((uint)box[(byte)(word >> 8)] << 8) | ((uint)box[(byte)(word >> 16)] << 16) | ((uint)box[word >> 24] << 24);

    /// <param name="block">The four columns.</param>
    /// <param name="keys">The keys of all rounds.</param>
    /// <param name="mixed">A byte's part of its column in all rounds but the last.</param>
    /// <param name="box">A byte's value in the last round.</param>
    /// <param name="step">From which column on the right the byte of the next row comes: ShiftRows, or its inverse.</param>
    private static void Transform(Span<uint> block, uint[] keys, uint[] mixed, byte[] box, int step)
    {
        Span<uint> next = stackalloc uint[4];
        for (int i = 0; i < 4; i++)
        {
            block[i] ^= keys[i];
        }

        for (int round = 4; round < keys.Length; round += 4)
        {
            bool isLast = round == keys.Length - 4;
            for (int i = 0; i < 4; i++)
            {
                uint shifted = (block[i] & 0xff) | (block[(i + step) & 3] & 0xff00) | (block[(i + 2) & 3] & 0xff0000)
                    | (block[(i + (3 * step)) & 3] & 0xff000000);
                next[i] = keys[round + i] ^ (isLast
                    ? Substitute(shifted, box)
                    : mixed[(byte)shifted] ^ BitOperations.RotateLeft(mixed[(byte)(shifted >> 8)], 8)
                        ^ BitOperations.RotateLeft(mixed[(byte)(shifted >> 16)], 16) ^ BitOperations.RotateLeft(mixed[shifted >> 24], 24));
            }

            next.CopyTo(block);
        }
    }

    private static void EncryptByProcessor(Span<Vector128<byte>> blocks, ReadOnlySpan<Vector128<byte>> keys)
    {
        // Four at a time: the processor begins a round of one block while those of others are under way.
        for (; blocks.Length >= 4; blocks = blocks[4..])
        {
            (Vector128<byte> a, Vector128<byte> b) = (blocks[0] ^ keys[0], blocks[1] ^ keys[0]);
            (Vector128<byte> c, Vector128<byte> d) = (blocks[2] ^ keys[0], blocks[3] ^ keys[0]);
            foreach (Vector128<byte> key in keys[1..^1])
            {
                (a, b) = (ProcessorAes.Encrypt(a, key), ProcessorAes.Encrypt(b, key));
                (c, d) = (ProcessorAes.Encrypt(c, key), ProcessorAes.Encrypt(d, key));
            }

            (blocks[0], blocks[1]) = (ProcessorAes.EncryptLast(a, keys[^1]), ProcessorAes.EncryptLast(b, keys[^1]));
            (blocks[2], blocks[3]) = (ProcessorAes.EncryptLast(c, keys[^1]), ProcessorAes.EncryptLast(d, keys[^1]));
        }

        foreach (ref Vector128<byte> block in blocks)
        {
            Vector128<byte> value = block ^ keys[0];
            foreach (Vector128<byte> key in keys[1..^1])
            {
                value = ProcessorAes.Encrypt(value, key);
            }

            block = ProcessorAes.EncryptLast(value, keys[^1]);
        }
    }

    private static void DecryptByProcessor(Span<Vector128<byte>> blocks, ReadOnlySpan<Vector128<byte>> keys)
    {
        for (; blocks.Length >= 4; blocks = blocks[4..])
        {
            (Vector128<byte> a, Vector128<byte> b) = (blocks[0] ^ keys[0], blocks[1] ^ keys[0]);
            (Vector128<byte> c, Vector128<byte> d) = (blocks[2] ^ keys[0], blocks[3] ^ keys[0]);
            foreach (Vector128<byte> key in keys[1..^1])
            {
                (a, b) = (ProcessorAes.Decrypt(a, key), ProcessorAes.Decrypt(b, key));
                (c, d) = (ProcessorAes.Decrypt(c, key), ProcessorAes.Decrypt(d, key));
            }

            (blocks[0], blocks[1]) = (ProcessorAes.DecryptLast(a, keys[^1]), ProcessorAes.DecryptLast(b, keys[^1]));
            (blocks[2], blocks[3]) = (ProcessorAes.DecryptLast(c, keys[^1]), ProcessorAes.DecryptLast(d, keys[^1]));
        }

        foreach (ref Vector128<byte> block in blocks)
        {
            Vector128<byte> value = block ^ keys[0];
            foreach (Vector128<byte> key in keys[1..^1])
            {
                value = ProcessorAes.Decrypt(value, key);
            }

            block = ProcessorAes.DecryptLast(value, keys[^1]);
        }
    }
}
