using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>Sockets of streams, from one guest to another and back.</summary>
public sealed class StreamTests
{
    [Theory]
    [InlineData("10.0.0.2", false, true)]
    [InlineData("fd00::2", true, true)]
    public async Task A_mebibyte_goes_each_way_and_both_ends_see_the_end(string server, bool isIPv6, bool isServerIPv6)
    {
        using TwoGuests guests = new();
        TestSocket listener = guests.Hosts[1].Open(SocketKind.Stream, isServerIPv6);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At(isServerIPv6 ? "::" : "0.0.0.0", 80)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        TestSocket client = guests.Hosts[0].Open(SocketKind.Stream, isIPv6);
        Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At(server, 80)));
        TestSocket accepted = listener.Accept();
        Assert.Equal((client.Local, client.Remote), (accepted.Remote, accepted.Local));
        Assert.Equal(TwoGuests.At(server, 80), client.Remote);

        byte[] there = new byte[1 << 20];
        byte[] back = new byte[1 << 20];
        new Random(1).NextBytes(there);
        new Random(2).NextBytes(back);
        Task<byte[]> came = Task.Run(() => accepted.Read(there.Length + 1));
        Task<byte[]> returned = Task.Run(() => client.Read(back.Length + 1));
        Task[] writes =
        [
            Task.Run(() =>
            {
                client.Write(there);
                client.ShutDownSend();
            }),
            Task.Run(() =>
            {
                accepted.Write(back);
                accepted.ShutDownSend();
            }),
        ];
        await Task.WhenAll([came, returned, .. writes]).WaitAsync(TimeSpan.FromMinutes(3));
        byte[] whole = await came;
        Assert.True(there.AsSpan().SequenceEqual(whole), "what came to the server is not what the client has sent");
        whole = await returned;
        Assert.True(back.AsSpan().SequenceEqual(whole), "what came to the client is not what the server has sent");
        client.Close();
        accepted.Close();
        listener.Close();
        Assert.All([client, accepted, listener], socket => socket.AwaitRelease());
        Assert.Empty(guests.ReadReports());
    }

    /// <summary>Two thirds full, as the kernel says that a queue is worth a write no more.</summary>
    [Fact]
    public void The_kernel_is_told_when_all_that_a_full_send_queue_has_is_under_way()
    {
        using TwoGuests guests = new();
        (TestSocket client, TestSocket accepted) = guests.Connect();
        client.Write([1]);
        Assert.Equal([1], accepted.Read(1));
        guests.Hosts[0].AwaitGrowths(1);

        client.Write(new byte[600]);
        Assert.Equal(600, accepted.Read(600).Length);
        guests.Hosts[0].AwaitGrowths(1);

        // A small segment is kept back while another one is not acknowledged.
        client.AwaitSent();
        client.Write(new byte[900]);
        Assert.Equal(900, accepted.Read(900).Length);
        guests.Hosts[0].AwaitGrowths(2);
    }

    [Fact]
    public void Urgent_data_is_told_of_and_stays_in_its_place()
    {
        using TwoGuests guests = new();
        (TestSocket client, TestSocket accepted) = guests.Connect();
        client.WriteUrgent("abc"u8);
        Assert.Equal("abc"u8, accepted.Read(3));
        Assert.Equal([(2, (int)'c')], accepted.Marks);
        client.Write("d"u8);
        Assert.Equal("d"u8, accepted.Read(1));
        Assert.Single(accepted.Marks);
        Assert.Empty(guests.ReadReports());
    }

    [Fact]
    public void A_window_that_want_of_memory_has_closed_opens_when_there_is_some_though_nobody_reads()
    {
        const int few = 20_000;
        const int all = 60_000;
        using TwoGuests guests = new();
        (TestSocket client, TestSocket accepted) = guests.Connect();
        guests.Hosts[1].Budget = few;
        client.Write(new byte[all]);
        Await(few - 1_460);
        guests.Hosts[1].Budget = int.MaxValue;
        Await(all);
        Assert.Empty(guests.ReadReports());

        void Await(int count)
        {
            lock (guests.Hosts[1].Gate)
            {
                guests.Hosts[1].Await(() => accepted.Received.Count >= count, $"{count} bytes");
            }
        }
    }

    [Fact]
    public void Each_call_is_answered_with_the_error_that_Linux_has()
    {
        using TwoGuests guests = new();
        TestSocket listener = guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("0.0.0.0", 500)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        (string What, SocketErrno Expected, Func<TestSocket, SocketErrno> Call)[] table =
        [
            ("a port that is taken", SocketErrno.EADDRINUSE, each => each.Bind(TwoGuests.At("10.0.0.1", 500))),
            ("an address of somebody else", SocketErrno.EADDRNOTAVAIL, each => each.Bind(TwoGuests.At("10.0.0.9", 501))),
            ("binding twice", SocketErrno.EINVAL, each =>
            {
                Assert.Equal(SocketErrno.None, each.Bind(TwoGuests.At("10.0.0.1")));
                return each.Bind(TwoGuests.At("10.0.0.1"));
            }),
            ("no way to the peer", SocketErrno.ENETUNREACH, each => each.Connect(TwoGuests.At("192.0.2.1", 1))),
            ("nobody listens", SocketErrno.ECONNREFUSED, each => each.Connect(TwoGuests.At("10.0.0.2", 1))),
            ("nobody listens here", SocketErrno.ECONNREFUSED, each => each.Connect(TwoGuests.At("127.0.0.1", 1))),
            ("this guest itself", SocketErrno.None, each => each.Connect(TwoGuests.At("0.0.0.0", 500))),
            ("a group", SocketErrno.EOPNOTSUPP, each => each.Call(SocketCall.JoinGroup, TwoGuests.At("224.0.0.9"))),
        ];
        Assert.All(table, row =>
        {
            SocketErrno result = row.Call(guests.Hosts[0].Open(SocketKind.Stream));
            Assert.True(row.Expected == result, $"{row.What}: {row.Expected} expected, {result}");
        });
    }

    [Fact]
    public void A_close_with_unread_data_resets_the_connection_and_a_reset_is_an_error_there()
    {
        using TwoGuests guests = new();
        (TestSocket client, TestSocket accepted) = guests.Connect();
        client.Write([1, 2, 3]);
        accepted.Close(isAborted: true);
        accepted.AwaitRelease();
        Assert.Equal(SocketErrno.ECONNRESET, client.AwaitError());
        client.Close();
        client.AwaitRelease();
    }

    [Fact]
    public void A_listening_socket_that_is_closed_refuses_and_gives_its_port_back()
    {
        using TwoGuests guests = new();
        (TestSocket client, TestSocket accepted) = guests.Connect(out TestSocket listener);
        listener.Close();
        listener.AwaitRelease();
        Assert.Equal(SocketErrno.ECONNREFUSED, guests.Hosts[0].Open(SocketKind.Stream).Connect(TwoGuests.At("10.0.0.2", 80)));

        // What it had accepted lives on, and keeps the port from whoever does not ask to share it.
        client.Write([1, 2, 3]);
        Assert.Equal([1, 2, 3], accepted.Read(3));
        client.Close(isAborted: true);
        Assert.Equal(SocketErrno.ECONNRESET, accepted.AwaitError());
        TestSocket next = guests.Hosts[1].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, next.Bind(TwoGuests.At("0.0.0.0", 80)));
        Assert.Equal(SocketErrno.None, next.Listen());
    }

    [Fact]
    public void A_connection_that_is_dissolved_is_reset_and_its_socket_connects_again()
    {
        using TwoGuests guests = new();
        (TestSocket client, TestSocket accepted) = guests.Connect(out TestSocket listener);
        Assert.Equal(SocketErrno.None, client.Call(SocketCall.Disconnect, default));
        Assert.Equal(default, client.Remote);
        Assert.Equal(SocketErrno.ECONNRESET, accepted.AwaitError());
        Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At("10.0.0.2", 80)));
        TestSocket again = listener.Accept();
        client.Write([1, 2, 3]);
        Assert.Equal([1, 2, 3], again.Read(3));
    }

    [Fact]
    public void An_option_that_is_set_on_a_connection_counts_from_then_on()
    {
        using TwoGuests guests = new();
        (TestSocket client, _) = guests.Connect(out _);
        guests.Links[0].Passes = () => false;
        lock (guests.Hosts[0].Gate)
        {
            client.Options = client.Options with { KeepsAlive = true, KeepAliveTime = 1, KeepAliveInterval = 1, KeepAliveProbes = 1 };
            guests.Hosts[0].Request(client, SocketSignals.OptionsChanged);
        }

        Assert.Equal(SocketErrno.ETIMEDOUT, client.AwaitError());
    }

    [Fact]
    public async Task An_option_that_is_set_while_a_connect_waits_keeps_it_from_no_answer()
    {
        using TwoGuests guests = new();
        guests.Connect(out _);
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        bool passes = false;
        guests.Links[0].Passes = () =>
        {
            asked.TrySetResult();
            return Volatile.Read(ref passes);
        };
        TestSocket client = guests.Hosts[0].Open(SocketKind.Stream);
        Task<SocketErrno> connecting = Task.Run(() => client.Connect(TwoGuests.At("10.0.0.2", 80)));
        await asked.Task.WaitAsync(TimeSpan.FromMinutes(3));
        lock (guests.Hosts[0].Gate)
        {
            client.Options = client.Options with { KeepsAlive = true };
            guests.Hosts[0].Request(client, SocketSignals.OptionsChanged);
        }

        // The stack takes the request long before it sends the SYN again, a second after the first.
        Volatile.Write(ref passes, true);
        Assert.Equal(SocketErrno.None, await connecting.WaitAsync(TimeSpan.FromMinutes(3)));
    }
}
