using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>The sockets of a program that ends while its threads still run.</summary>
public sealed unsafe class ProgramEndTests() : SocketTest(hasStack: true)
{
    [Fact]
    public void All_sockets_close_and_what_was_written_is_still_the_stacks()
    {
        ulong written = OpenConnected(out ulong first);
        ulong unread = OpenConnected(out ulong second);
        *(byte*)Memory = 9;
        Assert.Equal(1, Call(SystemCallNumber.Write, written, Memory, 1));
        AsStack(() =>
        {
            Assert.Equal((0, 0), (WriteReceived(second, 0, "a"u8), Call(NucleusCall.CommitReceived, second, 1)));
            TakeRequests();

            Assert.Equal(0, Call(NucleusCall.EndProgram));

            Assert.Equal(
                [(first, SocketSignals.Closed), (second, SocketSignals.Closed | SocketSignals.Aborted)],
                TakeRequests().Select(request => (request.Handle, request.Signals)));
            Assert.Equal([9], CopySent(first, 0));
            Assert.Equal((0, 0), (Call(NucleusCall.ReleaseSocket, first), Call(NucleusCall.ReleaseSocket, second)));
        });
        Assert.Equal(0ul, SocketMemory.PagesInUse);
        Assert.Equal(0u, Poll(unread) & Error);
    }

    [Theory]
    [InlineData(SystemCallNumber.Recvfrom)]
    [InlineData(SystemCallNumber.Write)]
    [InlineData(SystemCallNumber.Connect)]
    [InlineData(SystemCallNumber.Close)]
    [InlineData(SystemCallNumber.Socket)]
    public void No_call_for_a_socket_returns_any_more(int call)
    {
        ulong socket = OpenConnected(out _);
        AsStack(() => Assert.Equal(0, Call(NucleusCall.EndProgram)));

        Thread* caller = call == SystemCallNumber.Socket ? Park(call, 2, Stream, 0) : Park(call, socket, Address(9, 80), 16);

        AssertStopped(caller);
    }

    [Fact]
    public void Who_waits_in_a_call_waits_on_whatever_its_limit()
    {
        ulong socket = OpenConnected(out _);
        Assert.Equal((0, 0), (SetOption(socket, 1, 7, 1), SetOption(socket, 1, 21, 1, 0, 0, 0)));
        Assert.Equal(0, Call(SystemCallNumber.Fcntl, socket, 4, 0));
        Thread* writer = Park(SystemCallNumber.Write, socket, Memory, 10_000);

        Assert.Equal(0, Call(NucleusCall.EndProgram));

        TakeRequests();
        AssertStopped(writer);
    }

    private void AssertStopped(Thread* thread)
    {
        while (Current == Stack)
        {
            _ = Enter(NucleusCall.WaitForSockets, Memory, 0, ulong.MaxValue);
        }

        Assert.True(Current != thread, "the call has returned");
        Assert.True(TimerInterrupt(Now + 60_000_000_000) != thread, "the call has returned when its time was over");
    }
}
