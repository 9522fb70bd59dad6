namespace Xenlet.Samples.Tests;

public sealed class AnswerTests
{
    private readonly Exchange _us = new();

    [Fact]
    public void An_ARP_request_for_our_address_is_answered_to_who_asked() => Assert.Equal(
        Frames.Hex("00163e000001 00163e000002 0806 0001 0800 06 04 0002 00163e000002 0a000002 00163e000001 0a000001"),
        Assert.Single(_us.Give(Frames.ArpRequest)));

    [Fact]
    public void Padding_of_a_short_frame_is_no_part_of_it()
    {
        Assert.Single(_us.Give([.. Frames.ArpRequest, .. new byte[18]]));
        Assert.Equal(_us.Give(Frames.Echo)[0].Length, _us.Give([.. Frames.Echo, .. new byte[10]])[0].Length);
        Assert.Equal(70, _us.Give([.. Frames.Echo6, 1, 2, 3])[0].Length);
    }

    [Fact]
    public void An_echo_request_is_answered_with_what_it_brought() => Assert.Equal(
        Frames.Hex("00163e000001 00163e000002 0800 45000024 00010000 400166d6 0a000002 0a000001 00009400 3dd90000 90b39d72 00000000"),
        Assert.Single(_us.Give(Frames.Echo)));

    [Fact]
    public void A_neighbour_solicitation_is_answered_with_our_station() => Assert.Equal(
        Frames.Hex(
            "00163e000001 00163e000002 86dd 60000000 0020 3a ff fd000000000000000000000000000002 fd000000000000000000000000000001"
            + "8800 3f7d 60000000 fd000000000000000000000000000002 0201 00163e000002"),
        WithoutMessageChecksum(Assert.Single(_us.Give(Frames.Solicitation)), "3f7d"));

    [Fact]
    public void A_solicitation_to_our_own_address_is_answered_too()
    {
        byte[] unicast = [.. Frames.Hex(Exchange.Us), .. Frames.Solicitation[6..38], .. Frames.Hex("fd000000000000000000000000000002"),
            .. Frames.Solicitation[54..]];

        Assert.Single(_us.Give(Frames.Mended(unicast)));
    }

    [Fact]
    public void Who_is_about_to_take_our_address_is_told_through_the_group_of_all()
    {
        // Duplicate address detection: from ::, without the option.
        byte[] probe = Frames.Hex(
            "3333ff000002 00163e000001 86dd 60000000 0018 3a ff 00000000000000000000000000000000 ff0200000000000000000001ff000002"
            + "8700 0000 00000000 fd000000000000000000000000000002");

        byte[] answer = Assert.Single(_us.Give(Frames.Mended(probe)));

        Assert.Equal(Frames.Hex("333300000001"), answer[..6]);
        Assert.Equal(Frames.Hex("ff020000000000000000000000000001"), answer[38..54]);
        Assert.Equal(0x20, answer[58]);
        Assert.Equal(0, Frames.MessageChecksum6(answer));
    }

    [Fact]
    public void An_IPv6_echo_request_is_answered_with_what_it_brought() => Assert.Equal(
        Frames.Hex(
            "00163e000001 00163e000002 86dd 60000000 0010 3a 40 fd000000000000000000000000000002 fd000000000000000000000000000001"
            + "8100 fb3f 378e0000 0f7d4265 00000000"),
        Assert.Single(_us.Give(Frames.Echo6)));

    [Fact]
    public void Announcements_tell_everybody_of_both_addresses()
    {
        byte[][] frames = _us.Announce();

        Assert.Equal(2, frames.Length);
        Assert.Equal(
            Frames.Hex("ffffffffffff 00163e000002 0806 0001 0800 06 04 0001 00163e000002 0a000002 000000000000 0a000002"), frames[0]);
        Assert.Equal(
            Frames.Hex(
                "333300000001 00163e000002 86dd 60000000 0020 3a ff fd000000000000000000000000000002 ff020000000000000000000000000001"
                + "8800 0000 20000000 fd000000000000000000000000000002 0201 00163e000002"),
            WithoutMessageChecksum(frames[1], "0000"));
    }

    [Fact]
    public void Blank_checksums_are_filled_in_and_not_compared()
    {
        byte[] echo = [.. Frames.Echo];
        echo[36] ^= 0xFF;
        byte[] echo6 = [.. Frames.Echo6];
        echo6[56] ^= 0xFF;

        Assert.Empty(_us.Give(echo));
        Assert.Empty(_us.Give(echo6));
        Assert.Equal(0, Frames.Checksum(Assert.Single(_us.Give(echo, isChecksumBlank: true)).AsSpan(34)));
        Assert.Equal(0, Frames.MessageChecksum6(Assert.Single(_us.Give(echo6, isChecksumBlank: true))));
    }

    [Fact]
    public void Options_of_IPv4_are_passed_over()
    {
        byte[] echo = [.. Frames.Echo[..34], 1, 1, 1, 0, .. Frames.Echo[34..]];
        echo[14] = 0x46;
        echo[17] += 4;

        Assert.Equal(Frames.Echo.Length, Assert.Single(_us.Give(Frames.Mended(echo))).Length);
    }

    [Fact]
    public void The_code_of_a_request_is_whatever_busybox_leaves_in_it()
    {
        // ping -p 5a.
        byte[] echo = Frames.Hex(
            "00163e000002 00163e000001 0800 45000024 8a734000 40019c63 0a000001 0a000002 085a3fbb 378c0000 a0442b65 5a5a5a5a");

        Assert.Equal(Frames.Hex("005a47bb 378c0000 a0442b65 5a5a5a5a"), Assert.Single(_us.Give(echo))[34..]);
    }

    [Fact]
    public void What_has_no_address_is_not_answered()
    {
        Exchange only4 = new(addresses: "10.0.0.2");
        Exchange only6 = new(addresses: "fd00::2");

        Assert.Empty(only4.Give(Frames.Solicitation).Concat(only4.Give(Frames.Echo6)));
        Assert.Empty(only6.Give(Frames.ArpRequest).Concat(only6.Give(Frames.Echo)));
        Assert.Single(only4.Give(Frames.Echo));
        Assert.Single(only6.Give(Frames.Echo6));
        Assert.Single(only4.Announce());
        Assert.Single(only6.Announce());
    }

    [Fact]
    public void What_was_answered_is_counted()
    {
        _us.GiveAll([Frames.ArpRequest, Frames.Echo, Frames.Echo, Frames.Solicitation, Frames.Echo6, Frames.Echo6, Frames.Echo6, []]);

        Assert.Equal("answered 1 ARP requests, 2 echoes, 1 neighbour solicitations, 3 IPv6 echoes", _us.Summary);
    }

    [Fact]
    public void Answers_make_no_garbage()
    {
        Addresses addresses = Addresses.Read([], out _)!;
        int sent = 0;
        Responder responder = new(Convert.FromHexString(Exchange.Us), addresses, 1500, _ => sent++);
        byte[][] frames = [Frames.ArpRequest, Frames.Solicitation, .. Frames.Echo4(4000), .. Frames.Echo6Of(4000), [1, 2, 3]];
        GiveAll();
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int round = 0; round < 100; round++)
        {
            GiveAll();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(101 * 8, sent);

        void GiveAll()
        {
            foreach (byte[] frame in frames)
            {
                responder.Receive(frame, false, 0);
            }
        }
    }

    /// <summary>The frame with the checksum of its message replaced, once it has been found right.</summary>
    private static byte[] WithoutMessageChecksum(byte[] frame, string by)
    {
        Assert.Equal(0, Frames.MessageChecksum6(frame));
        return [.. frame[..56], .. Frames.Hex(by), .. frame[58..]];
    }
}
