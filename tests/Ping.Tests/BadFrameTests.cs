using CsCheck;

namespace Xenlet.Samples.Tests;

public sealed class BadFrameTests
{
    private readonly Exchange _us = new();

    /// <summary>What is changed in a good frame: at which byte, to which bytes. All checksums are right again afterwards.</summary>
    public static TheoryData<string, int, string> Changes => new()
    {
        // ARP
        { "arp", 0, "00163e000003" }, // to another station
        { "arp", 6, "01163e000001" }, // from a group
        { "arp", 6, "00163e000003" }, // from another than it says
        { "arp", 12, "0807" },
        { "arp", 14, "0006" }, // other hardware
        { "arp", 16, "86dd" }, // another protocol
        { "arp", 18, "07" },
        { "arp", 19, "10" },
        { "arp", 20, "0002" }, // a reply
        { "arp", 20, "0101" },
        { "arp", 22, "01163e000001" },
        { "arp", 38, "0a000003" }, // not our address

        // IPv4 and ICMP
        { "echo", 0, "ffffffffffff" }, // to everybody, whatever the address
        { "echo", 0, "01005e000001" },
        { "echo", 0, "00163e000003" },
        { "echo", 6, "ffffffffffff" },
        { "echo", 6, "00163e000002" }, // from ourselves
        { "echo", 12, "86dd" },
        { "echo", 14, "55" },
        { "echo", 14, "44" }, // a header shorter than headers are
        { "echo", 14, "4f" }, // one that reaches beyond the packet
        { "echo", 16, "0013" }, // a packet that ends within its header
        { "echo", 16, "0025" }, // one that ends behind the frame
        { "echo", 16, "ffff" },
        { "echo", 20, "2000" }, // more fragments, which do not come
        { "echo", 20, "0001" },
        { "echo", 20, "3fff" },
        { "echo", 23, "11" }, // UDP
        { "echo", 26, "00000000" },
        { "echo", 26, "7f000001" },
        { "echo", 26, "e0000001" },
        { "echo", 26, "ffffffff" },
        { "echo", 26, "0a000002" }, // from our own address
        { "echo", 30, "0a000003" },
        { "echo", 30, "0a0000ff" }, // to everybody in the net
        { "echo", 30, "ffffffff" },
        { "echo", 34, "00" }, // a reply
        { "echo", 34, "0d" },

        // IPv6 and ICMPv6
        { "echo6", 0, "333300000001" },
        { "echo6", 0, "00163e000003" },
        { "echo6", 12, "0800" },
        { "echo6", 14, "50" },
        { "echo6", 18, "0011" }, // a packet that ends behind the frame
        { "echo6", 18, "ffff" },
        { "echo6", 18, "0004" }, // one that ends within the message's header
        { "echo6", 20, "2c" }, // a fragment header, which it is not
        { "echo6", 20, "00" }, // hop-by-hop options
        { "echo6", 22, "00000000000000000000000000000000" },
        { "echo6", 22, "00000000000000000000000000000001" },
        { "echo6", 22, "ff020000000000000000000000000001" },
        { "echo6", 22, "fd000000000000000000000000000002" },
        { "echo6", 38, "fd000000000000000000000000000003" },
        { "echo6", 38, "ff020000000000000000000000000001" },
        { "echo6", 54, "81" },

        // Neighbour discovery
        { "solicitation", 0, "00163e000003" },
        { "solicitation", 21, "fe" }, // came through a router
        { "solicitation", 22, "00000000000000000000000000000000" }, // from nobody, but with a source's option
        { "solicitation", 22, "00000000000000000000000000000001" },
        { "solicitation", 22, "ff020000000000000000000000000001" },
        { "solicitation", 22, "fd000000000000000000000000000002" },
        { "solicitation", 38, "ff0200000000000000000001ff000003" },
        { "solicitation", 38, "ff020000000000000000000000000001" },
        { "solicitation", 54, "88" },
        { "solicitation", 55, "01" },
        { "solicitation", 62, "fd000000000000000000000000000003" }, // another target
        { "solicitation", 79, "00" }, // an option of no length
        { "solicitation", 79, "02" }, // one that reaches beyond the packet
        { "solicitation", 79, "ff" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void One_thing_wrong_and_a_frame_is_passed_over(string which, int at, string bytes)
    {
        byte[] good = Good(which);
        byte[] bad = [.. good];
        Frames.Hex(bytes).CopyTo(bad, at);

        Assert.NotEmpty(_us.Give(good));
        Assert.Empty(_us.Give(which == "arp" ? bad : Frames.Mended(bad)));
        Assert.Empty(_us.Give(bad, isChecksumBlank: true));
    }

    [Theory]
    [InlineData("arp")]
    [InlineData("echo")]
    [InlineData("echo6")]
    [InlineData("solicitation")]
    public void A_frame_cut_anywhere_is_passed_over(string which)
    {
        byte[] good = Good(which);
        for (int length = 0; length < good.Length; length++)
        {
            Assert.Empty(_us.Give(good.AsSpan(0, length), isChecksumBlank: true));
        }
    }

    [Theory]
    [InlineData("echo")]
    [InlineData("echo6")]
    [InlineData("solicitation")]
    public void One_bit_wrong_and_no_checksum_mended_is_passed_over(string which)
    {
        byte[] good = Good(which);

        // The checksums cover the IPv4 header and all messages; of the IPv6 header they cover the addresses.
        for (int bit = (which == "echo" ? 14 : 22) * 8; bit < good.Length * 8; bit++)
        {
            byte[] bad = [.. good];
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Empty(_us.Give(bad));
        }
    }

    [Fact]
    public void Random_bytes_are_passed_over() => Gen.Select(Gen.Byte.Array[0, 200], Gen.Bool).Sample(
        (bytes, blank) => Assert.Empty(_us.Give(bytes, blank)), iter: 20_000, threads: 1);

    [Fact]
    public void Good_frames_changed_at_random_are_answered_plainly_or_not_at_all()
    {
        string[] kinds = ["arp", "echo", "echo6", "solicitation", "fragment", "fragment6"];
        Gen<(int At, byte Value)[]> changes = Gen.Select(Gen.Int[0, 90], Gen.Byte, (at, value) => (at, value)).Array[0, 4];
        Gen.Select(Gen.Int[0, kinds.Length - 1], changes, Gen.Int[0, 100], Gen.Bool, Gen.Bool).Sample((kind, wrong, cut, mend, blank) =>
        {
            byte[] frame = [.. Good(kinds[kind])];
            foreach ((int at, byte value) in wrong.Where(change => change.At < frame.Length))
            {
                frame[at] = value;
            }

            frame = mend && kind is not (0 or 4 or 5) ? Frames.Mended(frame) : frame;
            frame = cut < 10 ? frame[..^Math.Min(cut, frame.Length)] : frame;
            foreach (byte[] answer in _us.Give(frame, blank))
            {
                AssertPlain(frame, answer);
            }
        }, iter: 50_000, threads: 1);
    }

    /// <summary>An answer is well formed, from us, and no longer than what was asked.</summary>
    private static void AssertPlain(byte[] asked, byte[] answer)
    {
        Assert.Equal(Frames.Hex(Exchange.Us), answer[6..12]);
        switch (answer[12..14])
        {
            case [0x08, 0x06]:
                Assert.Equal(42, answer.Length);
                Assert.Equal(asked[6..12], answer[..6]);
                Assert.Equal(Frames.Hex("0002" + Exchange.Us + "0a000002"), answer[20..32]);
                break;

            case [0x08, 0x00]:
                Assert.Equal(asked[6..12], answer[..6]);
                Assert.Equal(asked[26..30], answer[30..34]);
                Assert.Equal(0, Frames.Checksum(answer.AsSpan(14, 20)));
                Assert.InRange(answer.Length, 42, asked.Length);
                break;

            case [0x86, 0xDD] when answer[20] == 58 && answer[54] == 129:
                Assert.Equal(asked[6..12], answer[..6]);
                Assert.Equal(asked[22..38], answer[38..54]);
                Assert.Equal(0, Frames.MessageChecksum6(answer));
                Assert.InRange(answer.Length, 62, asked.Length);
                break;

            case [0x86, 0xDD]:
                Assert.Equal((58, 136), (answer[20], answer[54]));
                Assert.Equal(0, Frames.MessageChecksum6(answer));
                Assert.Equal(86, answer.Length);
                break;

            default:
                Assert.Fail($"an answer of no known type: {Convert.ToHexString(answer)}");
                break;
        }
    }

    private static byte[] Good(string which) => which switch
    {
        "arp" => Frames.ArpRequest,
        "echo" => Frames.Echo,
        "echo6" => Frames.Echo6,
        "solicitation" => Frames.Solicitation,
        "fragment" => Frames.Echo4(2000)[1],
        "fragment6" => Frames.Echo6Of(2000)[0],
        _ => throw new ArgumentOutOfRangeException(nameof(which)),
    };
}
