namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>The product's own stack ends while a program uses it.</summary>
public sealed class StackEndTests : RealStackTest
{
    private const ulong Stream = 1;
    private const ulong NonBlocking = 0x800;

    [Fact]
    public void After_an_exception_that_ends_the_stack_every_socket_answers_ENETDOWN_and_the_program_goes_on()
    {
        using RealStack stack = new();
        ulong buffer = Allocate(1);
        ulong listener = Open();
        Assert.Equal(0, stack.Call(SystemCallNumber.Bind, listener, Loopback(80), 16));
        Assert.Equal(0, stack.Call(SystemCallNumber.Listen, listener, 4));
        ulong client = Open();
        Assert.Equal(-Errno.EINPROGRESS, stack.Call(SystemCallNumber.Connect, client, Loopback(80), 16));
        stack.Settle();
        ulong accepted = (ulong)stack.Call(SystemCallNumber.Accept4, listener, 0, 0, NonBlocking);
        Assert.Equal(1, stack.Call(SystemCallNumber.Write, client, buffer, 1));
        stack.Settle();
        Assert.Equal(1, stack.Call(SystemCallNumber.Read, accepted, buffer, 8));

        stack.Fails = true;
        Assert.Equal(1, stack.Call(SystemCallNumber.Write, client, buffer, 1));
        stack.Settle();

        Assert.StartsWith("TCP/IP has ended: ", Assert.Single(stack.Said), StringComparison.Ordinal);
        Assert.Equal(-Errno.ENETDOWN, stack.Call(SystemCallNumber.Write, client, buffer, 1));
        Assert.Equal(-Errno.ENETDOWN, stack.Call(SystemCallNumber.Read, accepted, buffer, 1));
        Assert.Equal(-Errno.ENETDOWN, stack.Call(SystemCallNumber.Accept4, listener, 0, 0, NonBlocking));
        ulong later = Open();
        Assert.Equal(-Errno.ENETDOWN, stack.Call(SystemCallNumber.Connect, later, Loopback(80), 16));
        Assert.Equal(-Errno.ENETDOWN, stack.Call(SystemCallNumber.Bind, later, Loopback(80), 16));
        Assert.All([listener, client, accepted, later], each => Assert.Equal(0, stack.Call(SystemCallNumber.Close, each)));

        ulong Open()
        {
            long descriptor = stack.Call(SystemCallNumber.Socket, 2, Stream | NonBlocking, 0);
            Assert.True(descriptor >= 0, $"socket returned {descriptor}");
            return (ulong)descriptor;
        }
    }

    /// <summary>A sockaddr_in of 127.0.0.1.</summary>
    private static ulong Loopback(ushort port) => Store([2, 0, (byte)(port >> 8), (byte)port, 127, 0, 0, 1, .. new byte[8]]);
}
