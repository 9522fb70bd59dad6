namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>A stream's bytes that the stack has, or wants, in several places.</summary>
public sealed unsafe class PieceTests() : SocketTest(hasStack: true)
{
    [Fact]
    public void Received_bytes_from_several_places_are_read_in_order_and_all_are_taken_or_none()
    {
        ulong socket = OpenConnected(out ulong handle);
        long room = Call(NucleusCall.SocketLength, handle, (ulong)NucleusCallSockets.Length.ReceiveRoom);
        ulong data = Allocate(8);
        byte[] bytes = [.. Enumerable.Range(0, 20_000).Select(i => (byte)(i * 7))];
        bytes.CopyTo(new Span<byte>((void*)data, bytes.Length));
        AsStack(() =>
        {
            Assert.Equal(room - 20_000, Append(handle, (data, 1), (data + 1, 4095), (data + 4096, 0), (data + 4096, 15_904)));
            Assert.Equal(-Errno.ENOBUFS, Append(handle, (data, 1), (data, (ulong)room)));
            Assert.Equal(-Errno.EFAULT, Append(handle, (8, 1), (data, 1)));
            Assert.Equal(-Errno.EFAULT, Call(NucleusCall.AppendPieces, handle, 8, 1));
        });
        Assert.Equal(20_000, Call(SystemCallNumber.Recvfrom, socket, Memory, 20 * 4096));
        Assert.Equal(bytes, Load(Memory, 20_000));
        Assert.Equal(0, Call(SystemCallNumber.Close, socket));
        AsStack(() => Assert.Equal(-Errno.ENOBUFS, Append(handle, (data, 1))));
    }

    [Fact]
    public void Bytes_to_send_are_copied_to_several_places_and_none_that_were_not_written()
    {
        ulong socket = OpenConnected(out ulong handle);
        byte[] bytes = [.. Enumerable.Range(0, 10_000).Select(i => (byte)(i * 3))];
        bytes.CopyTo(new Span<byte>((void*)Memory, bytes.Length));
        Assert.Equal(10_000, Call(SystemCallNumber.Sendto, socket, Memory, 10_000));
        ulong places = Allocate(8);
        AsStack(() =>
        {
            Assert.Equal(0, CopySent(handle, 5, (places, 4000), (places + 8192, 5995)));
            Assert.Equal(-Errno.EINVAL, CopySent(handle, 5, (places, 4000), (places + 8192, 5996)));
            Assert.Equal(-Errno.EFAULT, CopySent(handle, 0, (places + 20_000, 1), (8, 1)));
            Assert.Equal(-Errno.EFAULT, Call(NucleusCall.CopySentToPieces, handle, 0, 8, 1));
        });
        Assert.Equal(bytes[5..4005], Load(places, 4000));
        Assert.Equal(bytes[4005..], Load(places + 8192, 5995));
    }

    private static long Append(ulong handle, params (ulong Address, ulong Length)[] pieces) =>
        Call(NucleusCall.AppendPieces, handle, Vectors(pieces), (ulong)pieces.Length);

    private static long CopySent(ulong handle, ulong offset, params (ulong Address, ulong Length)[] pieces) =>
        Call(NucleusCall.CopySentToPieces, handle, offset, Vectors(pieces), (ulong)pieces.Length);

    private static ulong Vectors((ulong Address, ulong Length)[] pieces)
    {
        ulong vectors = Allocate(1);
        for (int i = 0; i < pieces.Length; i++)
        {
            ((iovec*)vectors)[i] = new iovec { iov_base = pieces[i].Address, iov_len = pieces[i].Length };
        }

        return vectors;
    }
}
