using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Xenlet.Net.Tcp;

/// <summary>
/// SipHash-2-4 under a key of this stack's own: what depends on a flow and must not be foreseen by others, such as initial sequence
/// numbers (RFC 6528), SYN cookies, and places in hash tables.
/// </summary>
internal sealed class KeyedHash : IEqualityComparer<Flow>
{
    private const int FlowSize = 36;

    private readonly ulong _key0;
    private readonly ulong _key1;

    /// <summary>Takes a key from a source of randomness.</summary>
    public KeyedHash(IRandomSource random)
    {
        Span<byte> key = stackalloc byte[16];
        random.Fill(key);
        _key0 = BinaryPrimitives.ReadUInt64LittleEndian(key);
        _key1 = BinaryPrimitives.ReadUInt64LittleEndian(key[8..]);
    }

    /// <summary>The hash of a flow and two numbers.</summary>
    public ulong Of(in Flow flow, uint first = 0, uint second = 0)
    {
        Span<byte> bytes = stackalloc byte[FlowSize + 8];
        flow.Local.Address.WriteIPv6(bytes);
        flow.Remote.Address.WriteIPv6(bytes[16..]);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[32..], flow.Local.Port);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[34..], flow.Remote.Port);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[FlowSize..], first);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[(FlowSize + 4)..], second);
        return Of(bytes);
    }

    /// <summary>The hash of two addresses, whatever the ports.</summary>
    public ulong OfAddresses(in Flow flow) => Of(flow.WithoutPorts, uint.MaxValue);

    public bool Equals(Flow x, Flow y) => x == y;

    public int GetHashCode(Flow obj) => (int)Of(obj);

    private ulong Of(ReadOnlySpan<byte> bytes)
    {
        ulong v0 = _key0 ^ 0x736F_6D65_7073_6575;
        ulong v1 = _key1 ^ 0x646F_7261_6E64_6F6D;
        ulong v2 = _key0 ^ 0x6C79_6765_6E65_7261;
        ulong v3 = _key1 ^ 0x7465_6462_7974_6573;
        ulong last = (ulong)bytes.Length << 56;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            Compress(ref v0, ref v1, ref v2, ref v3, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            last |= (ulong)bytes[i] << (8 * i);
        }

        Compress(ref v0, ref v1, ref v2, ref v3, last);
        v2 ^= 0xFF;
        for (int i = 0; i < 4; i++)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

        return v0 ^ v1 ^ v2 ^ v3;
    }

    // Inlined, so that the state stays in registers: a flow is hashed for every segment.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Compress(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3, ulong word)
    {
        v3 ^= word;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
