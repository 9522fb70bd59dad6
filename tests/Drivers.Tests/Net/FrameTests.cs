using CsCheck;
using Xenlet.Net;

namespace Xenlet.Drivers.Tests;

/// <summary>Addresses, checksums and frames' memory.</summary>
public sealed class FrameTests
{
    [Fact]
    public void An_address_is_read_written_and_compared()
    {
        MacAddress address = MacAddress.Parse("00:16:3E:aB-0c:Ff");
        Assert.Equal("00:16:3e:ab:0c:ff", address.ToString());
        Assert.Equal(new MacAddress([0x00, 0x16, 0x3E, 0xAB, 0x0C, 0xFF]), address);
        Assert.False(address.IsMulticast);
        Assert.True(MacAddress.Broadcast.IsMulticast);
        Assert.True(MacAddress.Parse("01:00:5e:00:00:01").IsMulticast);
        foreach (string text in (string[])["", "00:16:3e:ab:0c", "00:16:3e:ab:0c:f", "00:16:3e:ab:0c:ff:", "00.16.3e.ab.0c.ff",
            "0x:16:3e:ab:0c:ff", " 0:16:3e:ab:0c:ff"])
        {
            Assert.False(MacAddress.TryParse(text, out _), text);
        }

        Gen.Byte.Array[6].Sample(bytes =>
        {
            MacAddress one = new(bytes);
            byte[] copy = new byte[6];
            one.CopyTo(copy);
            return copy.SequenceEqual(bytes) && MacAddress.Parse(one.ToString()) == one;
        });
    }

    [Fact]
    public void A_checksum_is_filled_as_another_way_to_compute_it_has_it() =>
        Gen.Select(Gen.Bool, Gen.Byte.Array[0, 1500]).Sample((ipv6, payload) =>
    {
        byte[] right = Packets.Udp(ipv6, payload);
        byte[] filled = [.. right];
        Assert.True(InternetChecksum.IsRight(right));
        Assert.True(InternetChecksum.TryFillPseudoHeader(filled));
        Assert.True(InternetChecksum.TryFill(filled));
        Assert.Equal(right, filled);
        if (payload.Length > 0)
        {
            filled[^1] ^= 0x40;
            Assert.False(InternetChecksum.IsRight(filled));
        }
    });

    [Fact]
    public void Whatever_a_frame_holds_its_checksum_is_filled_or_it_is_left_alone() =>
        Gen.Select(Gen.Byte.Array[0, 100], Gen.Int[0, 3]).Sample((bytes, kind) =>
    {
        // What looks like IP at first is more interesting than noise.
        byte[] frame = kind == 0 ? bytes : [.. Packets.Udp(kind == 1, bytes)];
        if (kind != 0 && bytes.Length > 3)
        {
            frame[14 + (bytes[0] % 28)] = bytes[1];
            frame = frame[..Math.Max(0, frame.Length - (bytes[2] % 3 * bytes[3] % frame.Length))];
        }

        byte[] before = [.. frame];
        if (InternetChecksum.TryFill(frame))
        {
            Assert.True(InternetChecksum.IsRight(frame));
        }
        else
        {
            Assert.Equal(before, frame);
        }
    });

    [Fact]
    public void What_a_new_owner_sees_is_zeros()
    {
        FramePool pool = new();
        FrameBuffer first = pool.Rent(100);
        first.Length = 2000;
        first.Data.Fill(0xEE);
        first.Dispose();
        FrameBuffer second = pool.Rent(100);
        Assert.Same(first, second);
        Assert.Equal(0, second.Length);
        second.Length = 1000;
        Assert.Equal(-1, second.Data.IndexOfAnyExcept((byte)0));
        second.Data.Fill(0xEE);
        second.Length = 10;
        second.Length = 20;
        Assert.Equal(0, second.Data[15]);
    }

    [Fact]
    public void A_frame_that_was_given_back_is_not_given_out_twice_and_not_readable()
    {
        FramePool pool = new();
        FrameBuffer frame = pool.Rent(100);
        frame.Dispose();
        frame.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _ = frame.Data);
        Assert.Throws<ObjectDisposedException>(() => _ = frame.Memory);
        Assert.Throws<ObjectDisposedException>(() => frame.Length = 1);
        Assert.NotSame(pool.Rent(100), pool.Rent(100));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        TestMachine machine = new();
        foreach (NetworkOptions options in (NetworkOptions[])
            [new() { ReceivePages = 19 }, new() { ReceivePages = 257 }, new() { TransmitPages = 0 }, new() { ReceiveQueueFrames = 0 },
                new() { ReceiveQueueBytes = 1000 }])
        {
            Assert.ThrowsAny<ArgumentOutOfRangeException>(() => new NetworkDriver(machine, machine, options));
        }
    }
}
