using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Xenlet.Net.Tcp;

/// <summary>
/// SipHash under a key of this stack's own: what depends on a flow and must not be foreseen by others, such as initial sequence numbers
/// (RFC 6528), SYN cookies, and places in hash tables.
/// </summary>
internal sealed class KeyedHash : IEqualityComparer<Flow>
{
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

    /// <summary>The hash of a flow and two numbers, which others may see: SipHash-2-4.</summary>
    public ulong Of(in Flow flow, uint first = 0, uint second = 0) => Of(flow, first, second, isStrong: true);

    /// <summary>
    /// A place for a flow in a table. Nobody sees it, so SipHash-1-3 is enough, as in the tables of Rust and Python: a flow is looked up
    /// for every segment.
    /// </summary>
    public int PlaceOf(in Flow flow) => (int)Of(flow, 0, 0, isStrong: false);

    /// <summary>The hash of two addresses, whatever the ports.</summary>
    public ulong OfAddresses(in Flow flow) => Of(flow.WithoutPorts, uint.MaxValue);

    public bool Equals(Flow x, Flow y) => x == y;

    public int GetHashCode(Flow obj) => PlaceOf(obj);

    // What is hashed is the addresses as long as their family has them, the ports and the numbers. Inlined, so that the state stays in
    // registers and one of the two strengths is left.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Of(in Flow flow, uint first, uint second, bool isStrong)
    {
        ulong v0 = _key0 ^ 0x736F_6D65_7073_6575;
        ulong v1 = _key1 ^ 0x646F_7261_6E64_6F6D;
        ulong v2 = _key0 ^ 0x6C79_6765_6E65_7261;
        ulong v3 = _key1 ^ 0x7465_6462_7974_6573;
        InternetAddress local = flow.Local.Address;
        InternetAddress remote = flow.Remote.Address;
        bool isIPv4 = local.IsIPv4;
        if (isIPv4)
        {
            Compress(ref v0, ref v1, ref v2, ref v3, ((ulong)local.IPv4 << 32) | remote.IPv4, isStrong);
        }
        else
        {
            Compress(ref v0, ref v1, ref v2, ref v3, local.High, isStrong);
            Compress(ref v0, ref v1, ref v2, ref v3, local.Low, isStrong);
            Compress(ref v0, ref v1, ref v2, ref v3, remote.High, isStrong);
            Compress(ref v0, ref v1, ref v2, ref v3, remote.Low, isStrong);
        }

        uint ports = ((uint)flow.Local.Port << 16) | flow.Remote.Port;
        Compress(ref v0, ref v1, ref v2, ref v3, ((ulong)first << 32) | ports, isStrong);

        // The last word ends with the length in bytes.
        ulong length = isIPv4 ? 20UL : 44UL;
        Compress(ref v0, ref v1, ref v2, ref v3, (length << 56) | second, isStrong);
        v2 ^= 0xFF;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        if (isStrong)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

        return v0 ^ v1 ^ v2 ^ v3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Compress(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3, ulong word, bool isStrong)
    {
        v3 ^= word;
        Round(ref v0, ref v1, ref v2, ref v3);
        if (isStrong)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

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
