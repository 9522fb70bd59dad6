using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>The error queue of datagrams: what the stack adds, and how it is bounded.</summary>
public sealed unsafe class ErrorQueueTests() : SocketTest(hasStack: true)
{
    private const ulong MSG_ERRQUEUE = 0x2000;
    private const ulong MSG_TRUNC = 0x20;

    [Fact]
    public void Errors_come_in_their_order_and_the_next_one_is_pending()
    {
        ulong socket = OpenBound(Datagram, 1, 53, NonBlocking);
        ulong handle = Handle(socket);
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_ERRQUEUE));
        AsStack(() =>
        {
            Assert.Equal(0, Add(handle, Errno.ECONNREFUSED, "first"u8));
            Assert.Equal(0, Add(handle, Errno.EHOSTUNREACH, "second"u8));
        });
        Assert.Equal(Out | Error, Poll(socket));
        Assert.Equal(5, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_ERRQUEUE));
        Assert.Equal("first"u8.ToArray(), Load(Memory, 5));
        Assert.Equal(-Errno.EHOSTUNREACH, Call(SystemCallNumber.Recvfrom, socket, Memory, 9));
        Assert.Equal(Out | Error, Poll(socket));
        Assert.Equal(2, Call(SystemCallNumber.Recvfrom, socket, Memory, 2, MSG_ERRQUEUE));
        Assert.Equal(Out, Poll(socket));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
    }

    [Fact]
    public void A_message_that_is_too_small_is_cut_and_says_so()
    {
        ulong socket = OpenBound(Datagram, 1, 53, NonBlocking);
        AsStack(() => Assert.Equal(0, Add(Handle(socket), Errno.ECONNREFUSED, "hello"u8)));
        msghdr* message = (msghdr*)Memory;
        *message = new msghdr { msg_iov = Memory + 256, msg_iovlen = 1, msg_control = Memory + 512, msg_controllen = 20 };
        *(iovec*)(Memory + 256) = new iovec { iov_base = Memory + 1024, iov_len = 3 };
        Assert.Equal(3, Call(SystemCallNumber.Recvmsg, socket, Memory, MSG_ERRQUEUE));
        Assert.Equal((uint)(MSG_ERRQUEUE | MSG_TRUNC | 8), message->msg_flags);
        Assert.Equal((20ul, 20ul), (message->msg_controllen, ((cmsghdr*)(Memory + 512))->cmsg_len));
    }

    [Fact]
    public void However_many_errors_come_a_queue_is_bounded_and_goes_with_the_option_and_with_the_socket()
    {
        ulong socket = OpenBound(Datagram, 1, 53, NonBlocking);
        ulong handle = Handle(socket);
        AsStack(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                Assert.Equal(0, Add(handle, Errno.ECONNREFUSED, new byte[1_000]));
            }
        });
        Assert.InRange(SocketMemory.PagesInUse, 10ul, 20ul);
        Assert.Equal(0, SetOption(socket, 0, 11, 0));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
        AsStack(() => Assert.Equal(0, Add(handle, Errno.ECONNREFUSED, "a"u8)));
        Assert.Equal(0, Call(SystemCallNumber.Close, socket));
        Assert.Equal(0ul, SocketMemory.PagesInUse);
        AsStack(() =>
        {
            Assert.Equal(0, Add(handle, Errno.ECONNREFUSED, "a"u8));
            Assert.Equal(-Errno.EINVAL, Add(handle, 0, "a"u8));
        });
        Assert.Equal(0ul, SocketMemory.PagesInUse);
    }

    [Fact]
    public void A_stream_has_no_queue_of_errors()
    {
        ulong socket = OpenConnected(out ulong handle);
        AsStack(() => Assert.Equal(-Errno.EINVAL, Add(handle, Errno.ECONNREFUSED, "a"u8)));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Recvfrom, socket, Memory, 9, MSG_ERRQUEUE));
    }

    private long Add(ulong handle, long error, ReadOnlySpan<byte> payload)
    {
        ulong place = Memory + 8192;
        *(ErrorRecord*)place = new ErrorRecord { Remote = Endpoint(9, 5353), Offender = Endpoint(8, 0), Errno = (int)error };
        payload.CopyTo(new Span<byte>((void*)(place + 256), payload.Length));
        return Call(NucleusCall.QueueSocketError, handle, place, place + 256, (ulong)payload.Length);
    }
}
