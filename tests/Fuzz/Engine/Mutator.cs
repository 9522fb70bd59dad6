using System.Buffers.Binary;

namespace Xenlet.Fuzz;

/// <summary>Makes new inputs from old ones.</summary>
internal sealed class Mutator(Random random, int maximumLength, byte[][] tokens)
{
    private static readonly uint[] Telling =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 257, 511, 512, 1023, 1024, 1025, 2047, 2048, 4095, 4096, 4097,
        0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, uint.MaxValue - 1, uint.MaxValue,
    ];

    /// <summary>Changes an input in one to some twenty places, and sometimes continues it with the end of another.</summary>
    public byte[] Mutate(byte[] input, IReadOnlyList<byte[]> corpus)
    {
        List<byte> bytes = [.. input];
        if (random.Next(8) == 0 && corpus.Count > 0)
        {
            byte[] other = corpus[random.Next(corpus.Count)];
            int at = random.Next(bytes.Count + 1);
            bytes.RemoveRange(at, bytes.Count - at);
            bytes.AddRange(other.AsSpan(random.Next(other.Length + 1)));
        }

        for (int steps = 1 << random.Next(5); steps > 0; steps--)
        {
            MutateOnce(bytes);
        }

        return [.. bytes.Take(maximumLength)];
    }

    private void MutateOnce(List<byte> bytes)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }

        int at = random.Next(bytes.Count);
        switch (random.Next(tokens.Length > 0 ? 10 : 9))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes[at] += (byte)random.Next(-16, 17);
                break;
            case 3:
                PutNumber(bytes, at, sizeof(ushort));
                break;
            case 4:
                PutNumber(bytes, at, sizeof(uint));
                break;
            case 5:
                bytes.RemoveRange(at, Length(bytes.Count - at));
                break;
            case 6:
                if (bytes.Count < maximumLength)
                {
                    bytes.InsertRange(at, bytes.GetRange(at, Length(bytes.Count - at)));
                }

                break;
            case 7:
                bytes.InsertRange(at, Enumerable.Repeat((byte)random.Next(256), 1 << random.Next(5)));
                break;
            case 8:
                int from = random.Next(bytes.Count);
                int length = Math.Min(1 << random.Next(5), bytes.Count - Math.Max(at, from));
                for (int i = 0; i < length; i++)
                {
                    bytes[at + i] = bytes[from + i];
                }

                break;
            default:
                byte[] token = tokens[random.Next(tokens.Length)];
                if (random.Next(2) == 0)
                {
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, token.Length));
                }

                bytes.InsertRange(at, token);
                break;
        }
    }

    /// <summary>A length up to this: mostly a small power of two, at times any.</summary>
    private int Length(int most) => random.Next(3) == 0 ? random.Next(most) + 1 : Math.Min(most, 1 << random.Next(6));

    /// <summary>Overwrites some bytes with a significant number, or adds a little to their value; in either byte order.</summary>
    private void PutNumber(List<byte> bytes, int at, int size)
    {
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(number, Telling[random.Next(Telling.Length)]);
        number = number[..size];
        if (random.Next(4) == 0)
        {
            number.Reverse();
        }

        for (int i = 0; i < size && at + i < bytes.Count; i++)
        {
            bytes[at + i] = number[i];
        }
    }
}
