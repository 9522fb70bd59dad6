using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>
/// Exceptions in the stack, planted in what it calls: the kernel's sockets and the link. Each ends the connection that was served at most,
/// while another one between the same guests goes on.
/// </summary>
public sealed class FaultTests : IDisposable
{
    private const string Receive = "receive";
    private const string ReceiveBehindGap = "receive behind a gap";
    private const string Transmit = "transmit";
    private const string End = "end";

    private readonly TwoGuests _guests = new();

    private TestSocketHost Server => _guests.Hosts[1];

    /// <summary>A member of the kernel's sockets, and what the peer or the program does to have the stack call it.</summary>
    public static TheoryData<string, string> Steps { get; } = new()
    {
        { nameof(ISocketHost.Append), Receive },
        { nameof(ISocketHost.TryWrite), ReceiveBehindGap },
        { nameof(ISocketHost.Commit), ReceiveBehindGap },
        { nameof(ISocketHost.GetReceiveRoom), Receive },
        { nameof(ISocketHost.CopySent), Transmit },
        { nameof(ISocketHost.ReleaseSent), Transmit },
        { nameof(ISocketHost.FinishReceive), End },
    };

    public void Dispose() => _guests.Dispose();

    [Theory]
    [MemberData(nameof(Steps))]
    public void An_exception_resets_the_connection_that_it_served_and_no_other(string member, string what)
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket served) = Connect(listener);
        (TestSocket otherPeer, TestSocket other) = Connect(listener);
        PlantOnce((each, socket) => each == member && socket == served);
        switch (what)
        {
            case Receive:
                peer.Write([1, 2, 3]);
                break;
            case ReceiveBehindGap:
                int losses = 0;
                _guests.Links[0].Passes = () => Interlocked.Increment(ref losses) > 1;
                peer.Write(new byte[4_000]);
                break;
            case Transmit:
                served.Write([1, 2, 3]);
                break;
            default:
                peer.ShutDownSend();
                break;
        }

        Assert.Equal(SocketErrno.ECONNRESET, served.AwaitError());
        Assert.Equal(SocketErrno.ECONNRESET, peer.AwaitError());
        AssertEchoes(otherPeer, other);
        AssertFaults(1);
        served.Close();
        served.AwaitRelease();
    }

    [Fact]
    public void An_exception_of_a_timer_resets_the_connection_whose_timer_it_was()
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket served) = Connect(listener);
        (TestSocket otherPeer, TestSocket other) = Connect(listener);
        AssertEchoes(otherPeer, other);

        // The first segment gets lost; what sends it again is a timer.
        int losses = 0;
        _guests.Links[1].Passes = () => Interlocked.Increment(ref losses) > 1;
        Server.Before = (member, socket) =>
        {
            if (member == nameof(ISocketHost.CopySent) && socket == served && Volatile.Read(ref losses) > 0)
            {
                throw new InvalidOperationException("planted");
            }
        };
        served.Write([1, 2, 3]);
        Assert.Equal(SocketErrno.ECONNRESET, served.AwaitError());
        Assert.Equal(SocketErrno.ECONNRESET, peer.AwaitError());
        AssertEchoes(otherPeer, other);
        AssertFaults(1);
    }

    /// <summary>The call whose answer the exception prevents gets ECONNRESET, and later calls of others their answers.</summary>
    [Theory]
    [InlineData(SocketCall.Bind, nameof(ISocketHost.SetLocalEndpoint))]
    [InlineData(SocketCall.Listen, nameof(ISocketHost.ReadOptions))]
    [InlineData(SocketCall.Connect, nameof(ISocketHost.SetRemoteEndpoint))]
    public void An_exception_in_a_request_answers_it(SocketCall call, string member)
    {
        TestSocket listener = Listen(80);
        (TestSocket otherPeer, TestSocket other) = Connect(listener);
        TestSocket served = Server.Open(SocketKind.Stream);
        PlantOnce((each, socket) => each == member && socket == served);
        Assert.Equal(SocketErrno.ECONNRESET, served.Call(call, TwoGuests.At(call == SocketCall.Connect ? "10.0.0.1" : "0.0.0.0", 81)));
        AssertEchoes(otherPeer, other);
        AssertFaults(1);
        served.Close();
        served.AwaitRelease();
    }

    /// <summary>What asks for names and interfaces gets an error, and the next question its answer.</summary>
    [Theory]
    [InlineData("/etc/resolv.conf", nameof(ISocketHost.GetSendLength))]
    [InlineData("/etc/resolv.conf", nameof(ISocketHost.CopySent))]
    [InlineData("/etc/resolv.conf", nameof(ISocketHost.Commit))]
    [InlineData("/etc/resolv.conf", nameof(ISocketHost.CompleteFile))]
    [InlineData("/proc/net/tcp", nameof(ISocketHost.GetReceiveLength))]
    [InlineData("an interface", nameof(ISocketHost.CopySent))]
    [InlineData("an interface", nameof(ISocketHost.Commit))]
    [InlineData("an interface", nameof(ISocketHost.Complete))]
    public void An_exception_fails_the_query_that_it_served(string what, string member)
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket accepted) = Connect(listener);
        PlantOnce((each, _) => each == member);
        Assert.Equal(SocketErrno.ECONNRESET, Ask());
        Assert.Equal(SocketErrno.None, Ask());
        AssertEchoes(peer, accepted);
        AssertFaults(1);

        SocketErrno Ask()
        {
            const int SIOCGIFFLAGS = 0x8913;
            byte[] request = new byte[40];
            "vif0"u8.CopyTo(request);
            return what[0] == '/' ? Server.ReadFile(what).Result : Server.Ask(SocketCall.AskInterface, SIOCGIFFLAGS, request).Result;
        }
    }

    /// <summary>The connection, which is there for the peer already, is made with the next segment.</summary>
    [Theory]
    [InlineData(nameof(ISocketHost.GetOfferRoom))]
    [InlineData(nameof(ISocketHost.TryOffer))]
    public void An_exception_in_an_accept_loses_a_segment(string member)
    {
        TestSocket listener = Listen(80);
        (TestSocket otherPeer, TestSocket other) = Connect(listener);
        PlantOnce((each, socket) => each == member && socket == listener);
        (TestSocket peer, TestSocket accepted) = Connect(listener, payload: [1]);
        Assert.Equal([1], accepted.Read(1));
        AssertEchoes(peer, accepted);
        AssertEchoes(otherPeer, other);
        AssertFaults(1);
    }

    [Fact]
    public void An_exception_behind_an_accept_resets_what_was_offered()
    {
        TestSocket listener = Listen(80);
        PlantOnce((each, socket) => each == nameof(ISocketHost.ReadOptions) && socket != listener);
        TestSocket peer = _guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, peer.Connect(TwoGuests.At("10.0.0.2", 80)));
        TestSocket broken = listener.Accept();
        Assert.Equal(SocketErrno.ECONNRESET, broken.AwaitError());
        broken.Close();
        broken.AwaitRelease();
        AssertFaults(1);
    }

    [Theory]
    [InlineData(nameof(ISocketHost.TryDeliver), 1)]
    [InlineData(nameof(ISocketHost.TakeDatagram), 0)]
    public void An_exception_with_a_datagram_is_an_error_of_its_socket_which_goes_on(string member, int lost)
    {
        TestSocket served = Server.Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, served.Bind(TwoGuests.At("0.0.0.0", 7)));
        TestSocket peer = _guests.Hosts[0].Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, peer.Connect(TwoGuests.At("10.0.0.2", 7)));
        PlantOnce((each, socket) => each == member && socket == served);
        for (byte i = 0; i <= lost; i++)
        {
            peer.SendTo(default, [i]);
        }

        (DatagramHeader header, byte[] data) = served.ReceiveFrom();
        Assert.Equal([(byte)lost], data);
        served.SendTo(header.Remote, [7]);
        Assert.Equal([7], peer.ReceiveFrom().Data);
        Assert.Equal(SocketErrno.ECONNRESET, served.AwaitError());
        AssertFaults(1);
    }

    /// <summary>An exception that is of no connection loses a frame at most: TCP sends it again.</summary>
    [Theory]
    [InlineData(nameof(MemoryLink.TryReceive))]
    [InlineData(nameof(MemoryLink.Address))]
    [InlineData(nameof(MemoryLink.Flush))]
    [InlineData(nameof(MemoryLink.TryRest))]
    public void An_exception_below_all_connections_ends_none(string member)
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket accepted) = Connect(listener);
        PlantIn(_guests.Links[1], member, 1, () => new InvalidOperationException("planted"));
        AssertEchoes(peer, accepted);
        AssertFaults(1);
    }

    [Fact]
    public void An_interface_that_fails_again_and_again_is_started_anew_and_the_others_connections_go_on()
    {
        TestSocket listener = Listen(80);
        (TestSocket otherPeer, TestSocket other) = Connect(listener);
        (MemoryLink near, MemoryLink far) = MemoryLink.MakePair();
        PlantIn(near, nameof(MemoryLink.TryReceive), 20, () => new InvalidOperationException("planted"));
        near.Wake = _guests.Stacks[1].Wake;
        far.Wake = _guests.Stacks[0].Wake;
        _guests.Stacks[1].AddLink("vif1", near);
        _guests.Stacks[0].AddLink("vif1", far);
        AssertEchoes(otherPeer, other);
        TestSocket peer = _guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, peer.Connect(TwoGuests.At("10.0.1.2", 80)));
        AssertEchoes(peer, listener.Accept());
        AssertEchoes(otherPeer, other);
        Assert.Contains(_guests.ReadReports(), report => report.Contains("vif1 is started anew", StringComparison.Ordinal));
        AssertFaults(20);
    }

    [Fact]
    public void An_interface_that_does_not_recover_is_given_up_and_the_stack_goes_on()
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket accepted) = Connect(listener);
        MemoryLink broken = MemoryLink.MakePair().First;
        broken.Before = _ => throw new InvalidOperationException("planted");
        _guests.Stacks[1].AddLink("vif1", broken);
        _guests.AwaitReport("vif1 is given up");
        AssertEchoes(peer, accepted);
        Assert.False(_guests.Stacks[1].HasEnded, "the stack has ended with one of its interfaces");
    }

    /// <summary>Whatever the stack does, it asks for the time, in each of its turns: it cannot go on.</summary>
    [Fact]
    public void A_stack_that_has_met_an_exception_in_100_turns_in_a_row_ends_and_every_socket_with_it()
    {
        TestSocketHost host = new();
        TestStackClock clock = new();
        List<string> said = [];
        using SocketStack stack = new(host, new() { Report = said.Add }, clock);
        stack.Start();
        TestSocket socket = host.Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("127.0.0.1", 7)));

        // Twice, since one good turn between them begins the count anew.
        for (ushort port = 8; port < 10; port++)
        {
            FailFor(99);
            Assert.False(host.IsDisposed, "the stack has ended before its 100th turn");
            Assert.Equal(SocketErrno.None, host.Open(SocketKind.Datagram).Bind(TwoGuests.At("127.0.0.1", port)));
        }

        int before = FailFor(int.MaxValue);
        lock (host.Gate)
        {
            host.Await(() => host.IsDisposed, "the stack's end");
        }

        Assert.Equal(100, host.Turns - before);
        Assert.Contains("TCP/IP has ended: System.InvalidOperationException: 100 turns in a row", said[^1], StringComparison.Ordinal);
        Assert.Contains("planted", said[^1], StringComparison.Ordinal);

        // The number of the last turn before the next ones, of which so many fail.
        int FailFor(int turns)
        {
            lock (host.Gate)
            {
                host.AwaitDone("the stack's rest");
                int last = host.Turns;
                clock.Fault = () => host.Turns - last is int turn and > 0 && turn <= turns
                    ? new InvalidOperationException("planted")
                    : null;
                stack.Wake();
                host.Await(() => host.IsDisposed || host.Turns - last >= Math.Min(turns, 100), "the last of the turns");
                return last;
            }
        }
    }

    /// <summary>Neither a new start nor an end of the stack would bring memory.</summary>
    [Fact]
    public void A_shortage_of_memory_ends_neither_the_stack_nor_its_sockets()
    {
        const int Turns = 150;
        TestSocketHost host = new();
        TestStackClock clock = new();
        using SocketStack stack = new(host, new(), clock);
        stack.Start();
        TestSocket socket = host.Open(SocketKind.Datagram);
        Assert.Equal(SocketErrno.None, socket.Bind(TwoGuests.At("127.0.0.1", 7)));
        lock (host.Gate)
        {
            host.AwaitDone("the stack's rest");
            int last = host.Turns;
            clock.Fault = () => host.Turns - last is > 0 and <= Turns ? new InsufficientMemoryException() : null;
            stack.Wake();
            host.Await(() => host.IsDisposed || host.Turns - last > Turns, "the turns without memory");
        }

        Assert.False(stack.HasEnded, "the stack has ended for want of memory");
        Assert.Equal(SocketErrno.EADDRINUSE, host.Open(SocketKind.Datagram).Bind(TwoGuests.At("127.0.0.1", 7)));
    }

    [Fact]
    public void A_shortage_of_memory_starts_no_interface_anew()
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket accepted) = Connect(listener);
        PlantIn(_guests.Links[1], nameof(MemoryLink.TryReceive), 40, () => new InsufficientMemoryException("planted"));

        AssertEchoes(peer, accepted);

        Assert.DoesNotContain(_guests.ReadReports(), report => report.Contains("is started anew", StringComparison.Ordinal));
        AssertFaults(40);
    }

    /// <summary>Where memory is used up there is none for the text either.</summary>
    [Fact]
    public void An_exception_that_cannot_be_reported_is_survived_too()
    {
        TestSocket listener = Listen(80);
        (TestSocket peer, TestSocket accepted) = Connect(listener);
        PlantIn(_guests.Links[1], nameof(MemoryLink.TryReceive), 1, () => new UnspeakableException());

        AssertEchoes(peer, accepted);

        Assert.Equal(1, _guests.Stacks[1].Faults);
        Assert.False(_guests.Stacks[1].HasEnded, "the stack has ended");
    }

    private TestSocket Listen(ushort port)
    {
        TestSocket listener = Server.Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("0.0.0.0", port)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        return listener;
    }

    /// <summary>A connection from the first guest: its end there, and the accepted one.</summary>
    private (TestSocket Peer, TestSocket Accepted) Connect(TestSocket listener, byte[]? payload = null)
    {
        TestSocket peer = _guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, peer.Connect(TwoGuests.At("10.0.0.2", listener.Local.Port)));
        if (payload is not null)
        {
            peer.Write(payload);
        }

        return (peer, listener.Accept());
    }

    private static void AssertEchoes(TestSocket peer, TestSocket accepted)
    {
        peer.Write([4, 5, 6]);
        Assert.Equal([4, 5, 6], accepted.Read(3));
        accepted.Write([7, 8]);
        Assert.Equal([7, 8], peer.Read(2));
    }

    /// <summary>Has the server's stack meet an exception at the first call that is meant.</summary>
    private void PlantOnce(Func<string, TestSocket, bool> isMeant)
    {
        int count = 0;
        Server.Before = (member, socket) =>
        {
            if (isMeant(member, socket) && Interlocked.Increment(ref count) == 1)
            {
                throw new InvalidOperationException("planted");
            }
        };
    }

    /// <summary>Has whoever calls a member of a link meet an exception, the first times.</summary>
    private static void PlantIn(MemoryLink link, string member, int times, Func<Exception> make)
    {
        int count = 0;
        link.Before = each =>
        {
            if (each == member && Interlocked.Increment(ref count) <= times)
            {
                throw make();
            }
        };
    }

    private void AssertFaults(int expected)
    {
        Assert.Equal(expected, _guests.Stacks[1].Faults);
        Assert.Contains(_guests.ReadReports(), report => report.Contains("planted", StringComparison.Ordinal));
        Assert.False(_guests.Stacks[1].HasEnded, "the stack has ended");
    }

    private sealed class UnspeakableException : Exception
    {
        public override string ToString() => throw new InsufficientMemoryException();
    }
}
