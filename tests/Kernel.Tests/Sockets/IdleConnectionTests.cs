using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel.Tests.Sockets;

/// <summary>What the nucleus keeps of a connection on which nothing happens: a program may have tens of thousands of them.</summary>
public sealed unsafe class IdleConnectionTests() : SocketTest(hasStack: true)
{
    // linux/eventpoll.h
    private const uint EdgeTriggered = 1u << 31;
    private const ulong Add = 1;

    [Fact]
    public void Its_socket_its_file_and_its_member_of_an_epoll_set_have_no_gap_and_nothing_that_other_connections_need() =>
        Assert.Equal((160, 48, 80), (sizeof(Socket), sizeof(OpenFile), sizeof(EventPollMember)));

    [Fact]
    public void A_thousand_take_the_frames_that_they_fill_and_give_them_back()
    {
        const int count = 1000;
        ulong listener = OpenListening(out ulong handle);
        ulong set = (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        List<ulong> connections = [Accept(listener, handle, set)];
        ulong free = FrameAllocator.FreeFrames;

        while (connections.Count <= count)
        {
            connections.Add(Accept(listener, handle, set));
        }

        // With 8 bytes each in the tables of sockets and of descriptors.
        ulong bytes = (free - FrameAllocator.FreeFrames) * Pages.Size / count;
        Assert.Equal(311ul, bytes);
        connections.RemoveAt(0);
        Assert.All(connections, connection => Assert.Equal(0, Call(SystemCallNumber.Close, connection)));
        AsStack(() =>
        {
            for (IReadOnlyList<RequestView> requests = TakeRequests(); requests.Count > 0; requests = TakeRequests())
            {
                Assert.All(
                    requests.Where(static request => (request.Signals & SocketSignals.Closed) != 0),
                    static request => Assert.Equal(0, Call(NucleusCall.ReleaseSocket, request.Handle)));
            }
        });

        // A page of the table of sockets stays as long as there is one.
        Assert.Equal(free - 1, FrameAllocator.FreeFrames);
    }

    private ulong Accept(ulong listener, ulong handle, ulong set)
    {
        AsStack(() => Assert.True(Offer(handle) > 0, "the connection is not taken"));
        long connection = Call(SystemCallNumber.Accept4, listener, 0, 0, NonBlocking);
        Assert.True(connection >= 0, $"accept returned {connection}");
        *(epoll_event*)Memory = new() { events = In | Out | PeerHangUp | EdgeTriggered, data = (ulong)connection };
        Assert.Equal(0, Call(SystemCallNumber.EpollCtl, set, Add, (ulong)connection, Memory));
        return (ulong)connection;
    }

    private ulong OpenListening(out ulong handle)
    {
        ulong listener = OpenBound(Stream, 1, 80, NonBlocking);
        Assert.Equal(0, CallAndAnswer(static request => Complete(request.Handle, 0), SystemCallNumber.Listen, listener, 8));
        handle = Handle(listener);
        return listener;
    }
}
