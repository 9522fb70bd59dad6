using System.Buffers.Binary;
using System.Numerics;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tcp;

namespace Xenlet.Net.Tests.Tcp;

/// <summary>The hash of flows is SipHash of their bytes, as its authors have it (Aumasson and Bernstein, 2012).</summary>
public sealed class KeyedHashTests
{
    private readonly byte[] _key = new byte[16];
    private readonly KeyedHash _hash;

    public KeyedHashTests()
    {
        new TestRandom(7).Fill(_key);
        _hash = new KeyedHash(new TestRandom(7));
    }

    public static TheoryData<string, string> Flows => new()
    {
        { "10.0.0.1", "192.0.2.9" },
        { "0.0.0.0", "255.255.255.255" },
        { "2001:db8::1", "fe80::2:3" },
    };

    [Fact]
    public void The_reference_gives_the_vector_of_the_paper()
    {
        byte[] key = [.. Enumerable.Range(0, 16).Select(i => (byte)i)];
        byte[] message = [.. Enumerable.Range(0, 15).Select(i => (byte)i)];
        Assert.Equal(0xA129_CA61_49BE_45E5, Reference(key, message, 2, 4));
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public void What_others_may_see_is_SipHash_2_4_of_addresses_ports_and_numbers(string local, string remote)
    {
        Flow flow = Make(local, remote);
        Assert.Equal(Reference(_key, Bytes(flow, 0x1234_5678, 0x9ABC_DEF0), 2, 4), _hash.Of(flow, 0x1234_5678, 0x9ABC_DEF0));
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public void Places_in_tables_are_SipHash_1_3(string local, string remote)
    {
        Flow flow = Make(local, remote);
        Assert.Equal((int)Reference(_key, Bytes(flow, 0, 0), 1, 3), _hash.PlaceOf(flow));
    }

    private static Flow Make(string local, string remote) =>
        new(new Endpoint(TestNetwork.Parse(local), 80), new Endpoint(TestNetwork.Parse(remote), 40_001));

    private static byte[] Bytes(in Flow flow, uint first, uint second)
    {
        List<byte> bytes = [];
        Span<byte> part = stackalloc byte[16];
        if (flow.Local.Address.IsIPv4)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(part, ((ulong)flow.Local.Address.IPv4 << 32) | flow.Remote.Address.IPv4);
            bytes.AddRange(part[..8]);
        }
        else
        {
            foreach (InternetAddress address in (InternetAddress[])[flow.Local.Address, flow.Remote.Address])
            {
                address.WriteIPv6(part);
                part[..8].Reverse();
                part[8..].Reverse();
                bytes.AddRange(part);
            }
        }

        BinaryPrimitives.WriteUInt16LittleEndian(part, flow.Remote.Port);
        BinaryPrimitives.WriteUInt16LittleEndian(part[2..], flow.Local.Port);
        BinaryPrimitives.WriteUInt32LittleEndian(part[4..], first);
        BinaryPrimitives.WriteUInt32LittleEndian(part[8..], second);
        bytes.AddRange(part[..12]);
        return [.. bytes];
    }

    private static ulong Reference(byte[] key, byte[] message, int compressions, int finals)
    {
        ulong key0 = BinaryPrimitives.ReadUInt64LittleEndian(key);
        ulong key1 = BinaryPrimitives.ReadUInt64LittleEndian(key.AsSpan(8));
        ulong[] v =
        [
            key0 ^ 0x736F_6D65_7073_6575, key1 ^ 0x646F_7261_6E64_6F6D, key0 ^ 0x6C79_6765_6E65_7261, key1 ^ 0x7465_6462_7974_6573,
        ];
        byte[] padded = [.. message, .. new byte[7 - (message.Length % 8)], (byte)message.Length];
        for (int i = 0; i < padded.Length; i += 8)
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(padded.AsSpan(i));
            v[3] ^= word;
            Rounds(v, compressions);
            v[0] ^= word;
        }

        v[2] ^= 0xFF;
        Rounds(v, finals);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
    }

    private static void Rounds(ulong[] v, int count)
    {
        for (int i = 0; i < count; i++)
        {
            v[0] += v[1];
            v[2] += v[3];
            v[1] = BitOperations.RotateLeft(v[1], 13) ^ v[0];
            v[3] = BitOperations.RotateLeft(v[3], 16) ^ v[2];
            v[0] = BitOperations.RotateLeft(v[0], 32);
            v[2] += v[1];
            v[0] += v[3];
            v[1] = BitOperations.RotateLeft(v[1], 17) ^ v[2];
            v[3] = BitOperations.RotateLeft(v[3], 21) ^ v[0];
            v[2] = BitOperations.RotateLeft(v[2], 32);
        }
    }
}
