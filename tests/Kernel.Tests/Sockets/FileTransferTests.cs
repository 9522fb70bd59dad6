using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>sendfile.</summary>
public sealed unsafe class FileTransferTests() : SocketTest(hasStack: true)
{
    private static byte[] Content => "root:x:0:0:root:/:\n"u8.ToArray();

    [Fact]
    public void A_file_goes_to_a_connection_from_its_position_or_from_an_offset()
    {
        ulong socket = OpenConnected(out ulong handle);
        ulong file = OpenFile();
        Assert.Equal(5, Call(SystemCallNumber.Sendfile, socket, file, 0, 5));
        Assert.Equal(Content.Length - 5, Call(SystemCallNumber.Sendfile, socket, file, 0, 1000));
        Assert.Equal(0, Call(SystemCallNumber.Sendfile, socket, file, 0, 1000));
        *(long*)Memory = 5;
        Assert.Equal(4, Call(SystemCallNumber.Sendfile, socket, file, Memory, 4));
        Assert.Equal(9, *(long*)Memory);
        AsStack(() => Assert.Equal([.. Content, .. Content[5..9]], CopySent(handle, 0)));
    }

    /// <summary>It returns what there was room for, and waits only where there is none. SOL_SOCKET 1, SO_SNDBUF 7.</summary>
    [Fact]
    public void A_full_queue_makes_it_wait()
    {
        ulong socket = OpenConnected(out ulong handle);
        Assert.Equal(0, SetOption(socket, 1, 7, 1));
        ulong file = OpenFile();
        Assert.Equal(4600, Call(SystemCallNumber.Sendto, socket, Memory, 4600, 0x40));
        *(long*)Memory = 0;
        Assert.Equal(8, Call(SystemCallNumber.Sendfile, socket, file, Memory, 1000));
        Assert.Equal(-Errno.EAGAIN, Call(SystemCallNumber.Sendfile, socket, file, Memory, 1000));
        ulong flags = (ulong)Call(SystemCallNumber.Fcntl, socket, 3);
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, socket, 4, flags & ~NonBlocking));
        Thread* sender = Park(SystemCallNumber.Sendfile, socket, file, Memory, 1000);
        Assert.Equal(0, Call(NucleusCall.ReleaseSent, handle, 4608));
        LetProgramRun();
        Assert.Equal((ulong)Content.Length - 8, sender->Frame.Rax);
        Assert.Equal(Content.Length, *(long*)Memory);
    }

    [Fact]
    public void Other_sources_and_targets_are_refused()
    {
        ulong socket = OpenConnected(out _);
        ulong file = OpenFile();
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendfile, Open(Datagram), file, 0, 9));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendfile, 1, file, 0, 9));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendfile, socket, socket, 0, 9));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Sendfile, socket, 99, 0, 9));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Sendfile, 99, file, 0, 9));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Sendfile, socket, file, 8, 9));
        *(long*)Memory = -1;
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Sendfile, socket, file, Memory, 9));
    }

    private static ulong OpenFile()
    {
        long file = Call(SystemCallNumber.Open, Store([.. "/etc/passwd"u8, 0]), 0);
        Assert.True(file >= 0, $"open returned {file}");
        return (ulong)file;
    }
}
