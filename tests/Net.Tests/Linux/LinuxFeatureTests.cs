using System.Net;
using System.Net.Sockets;
using Xenlet.Net.Tcp;
using Xenlet.Net.Tests.Simulation;
using Xenlet.Net.Tests.Tcp.Simulation;

namespace Xenlet.Net.Tests.Linux;

/// <summary>What Linux's TCP and ours make of each other, part by part.</summary>
public sealed class LinuxFeatureTests
{
    private const int OurPort = 80;
    private const int TheirPort = 4000;
    private const long Second = 1_000_000_000;

    [Theory]
    [InlineData(1, "ts sack wscale")]
    [InlineData(0, "")]
    public void Linux_agrees_with_us_on_options_and_is_refused_ECN(int isOn, string expected) => LinuxHost.Run(host =>
    {
        foreach (string option in (string[])["tcp_timestamps", "tcp_sack", "tcp_window_scaling"])
        {
            LinuxProgram.Run($"echo {isOn} > /proc/sys/net/ipv4/{option}");
        }

        LinuxProgram.Run("echo 1 > /proc/sys/net/ipv4/tcp_ecn");
        SimulatedServer server = new(60_000, 60_000);
        Pair.Listen(host, server);
        using Pair pair = Pair.Accept(host, server, 1);
        string shown = LinuxProgram.Run("ss -tionH state established");

        string[] words = [.. shown.Split([' ', '\t', '\n', ':'], StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(
            expected.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            words.Where(word => word is "ts" or "sack" or "wscale" or "ecn" or "ecnseen"));
        pair.Exchange(host, 20_000);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_ends_may_close_at_once(bool isAbrupt) => LinuxHost.Run(host =>
    {
        using Pair pair = Pair.Open(host);
        pair.Exchange(host, 1_000);

        // Neither stack has heard of the other's end when it sends its own.
        pair.Theirs.Shutdown(SocketShutdown.Send);
        if (isAbrupt)
        {
            pair.Ours.Connection!.Abort();
            host.WaitFor("the reset", () => pair.ErrorOfTheirs() == SocketError.ConnectionReset);
            Assert.Equal(0, host.Stack.Tcp.TimeWaitCount);
            return;
        }

        pair.Ours.Connection!.Close();
        host.WaitFor("our end", () => pair.Ours.HasEnded);
        Assert.Equal(TcpError.None, pair.Ours.Error);
        Assert.Equal(1, host.Stack.Tcp.TimeWaitCount);
        Assert.Equal(0, pair.Theirs.Receive(new byte[1]));
        pair.Theirs.Close();
        host.WaitFor("Linux's TIME-WAIT", () => LinuxProgram.Run("ss -tnH state time-wait").Contains("10.9.0.2", StringComparison.Ordinal));
    });

    [Fact]
    public void Both_ends_may_open_at_once() => LinuxHost.Run(host =>
    {
        using Socket theirs = Pair.Bound(TheirPort);
        theirs.Blocking = false;
        Assert.Equal(
            SocketError.WouldBlock,
            Assert.Throws<SocketException>(() => theirs.Connect(IPAddress.Parse("10.9.0.2"), OurPort)).SocketErrorCode);
        SimulatedUser ours = Pair.Connect(host);
        Pair pair = new(theirs, ours);

        host.WaitFor("the connection", () => ours.IsConnected && theirs.Poll(0, SelectMode.SelectWrite));

        pair.Exchange(host, 20_000);
        Assert.Equal((1, 0), (host.Stack.Tcp.Counters.ActiveOpens, host.Stack.Tcp.Counters.PassiveOpens));
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_end_may_go_on_when_the_other_has_finished(bool isLinuxFirst) => LinuxHost.Run(host =>
    {
        const int Count = 300_000;
        using Pair pair = Pair.Open(host);
        if (isLinuxFirst)
        {
            pair.Theirs.Shutdown(SocketShutdown.Send);
            host.WaitFor("Linux's end", () => pair.Ours.HasPeerFinished);
            pair.Receive(host, Count);
            pair.Ours.Connection!.Close();
            host.WaitFor("our end", () => pair.Theirs.Poll(0, SelectMode.SelectRead));
            Assert.Equal(0, pair.Theirs.Receive(new byte[1]));
            host.WaitFor("the last acknowledgment", () => pair.Ours.HasEnded);
            Assert.Equal(0, host.Stack.Tcp.TimeWaitCount);
        }
        else
        {
            pair.Ours.Connection!.FinishSending();
            host.WaitFor("our end", () => pair.Theirs.Poll(0, SelectMode.SelectRead));
            Assert.Equal(0, pair.Theirs.Receive(new byte[1]));
            pair.Send(host, Count);
            pair.Theirs.Shutdown(SocketShutdown.Send);
            host.WaitFor("Linux's end", () => pair.Ours.HasEnded);
            Assert.Equal(1, host.Stack.Tcp.TimeWaitCount);
        }

        Assert.Equal(TcpError.None, pair.Ours.Error);
    });

    [Fact]
    public void A_window_that_Linux_closes_is_probed_until_it_opens() => LinuxHost.Run(host =>
    {
        using Pair pair = Pair.Open(host);
        pair.Theirs.ReceiveBufferSize = 4_096;

        // As much as Linux takes and more, since our own queue is filled again.
        host.WaitFor("Linux's window to close", () =>
        {
            pair.Ours.Write(100_000);
            return pair.Ours.Connection!.GetInfo().SendWindow == 0;
        });
        long sent = host.Stack.Tcp.Counters.OutSegs;
        host.WaitFor("two probes of ours", () => host.Stack.Tcp.Counters.OutSegs - sent >= 2);

        pair.ReceiveWritten(host);
    });

    [Fact]
    public void Linux_probes_a_window_that_we_close_and_goes_on_when_it_opens() => LinuxHost.Run(host =>
    {
        using Pair pair = Pair.Open(host);
        pair.Ours.Arrived = null;
        int sent = 0;
        byte[] data = new byte[100_000];
        Pattern.Fill(0, data);
        host.WaitFor("our queue to fill", () =>
        {
            sent += pair.Theirs.Poll(0, SelectMode.SelectWrite)
                ? pair.Theirs.Send(data.AsSpan(Math.Min(sent, data.Length)), SocketFlags.None, out _)
                : 0;
            return pair.Ours.Received == pair.Ours.Capacity;
        });
        long came = host.Stack.Tcp.Counters.InSegs;
        host.WaitFor("two probes of Linux", () => host.Stack.Tcp.Counters.InSegs - came >= 2);
        Assert.Equal(pair.Ours.Capacity, pair.Ours.Received);

        host.WaitFor("the rest", () =>
        {
            pair.Ours.Read(int.MaxValue);
            if (sent < data.Length && pair.Theirs.Poll(0, SelectMode.SelectWrite))
            {
                sent += pair.Theirs.Send(data.AsSpan(sent), SocketFlags.None, out _);
            }

            return pair.Ours.Received == data.Length;
        });
    });

    /// <summary><c>tcpi_probes</c> of Linux's <c>struct tcp_info</c> (include/uapi/linux/tcp.h).</summary>
    private static int UnansweredProbes(Socket socket)
    {
        const int TcpInfo = 11;
        const int Probes = 3;
        Span<byte> info = stackalloc byte[8];
        _ = socket.GetRawSocketOption((int)SocketOptionLevel.Tcp, TcpInfo, info);
        return info[Probes];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Either_end_answers_the_others_keep_alive_probes(bool isOurs) => LinuxHost.Run(host =>
    {
        // So many probes without an answer would end the connection before the last of those that are waited for; one alone can be answered
        // too late where the machine is busy.
        const int Unanswered = 3;
        const int LinuxMostProbes = 127;
        using Pair pair = Pair.Open(host);
        if (isOurs)
        {
            pair.Ours.Connection!.Apply(new TcpSettings
            {
                IsKeepAlive = true,
                KeepAliveIdle = Second / 2,
                KeepAliveInterval = Second / 2,
                KeepAliveProbes = Unanswered,
            });
            long sent = host.Stack.Tcp.Counters.OutSegs;
            host.WaitFor("probes of ours", () => host.Stack.Tcp.Counters.OutSegs - sent > Unanswered);
        }
        else
        {
            pair.Theirs.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            pair.Theirs.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 1);
            pair.Theirs.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 1);

            // Linux counts those without an answer: that they are answered is seen at the count, and no pause of the machine ends the
            // connection.
            pair.Theirs.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, LinuxMostProbes);
            long came = host.Stack.Tcp.Counters.InSegs;
            host.WaitFor("probes of Linux", () => host.Stack.Tcp.Counters.InSegs - came > Unanswered);
            host.WaitFor("Linux to have an answer to each", () => UnansweredProbes(pair.Theirs) == 0);
        }

        Assert.False(pair.Ours.HasEnded, $"the connection ended with {pair.Ours.Error}");
        pair.Exchange(host, 10_000);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_connection_in_TIME_WAIT_gives_way_to_a_new_one_of_the_same_ports(bool isOurs) => LinuxHost.Run(host =>
    {
        SimulatedServer server = new(100_000, 100_000);
        using Socket listener = Pair.Bound(TheirPort);
        if (isOurs)
        {
            Pair.Listen(host, server);
        }
        else
        {
            listener.Listen();
        }

        for (int round = 1; round <= 2; round++)
        {
            using Pair pair = isOurs ? Pair.Accept(host, server, round) : Pair.Open(host, listener);
            pair.Exchange(host, 1_000);
            if (isOurs)
            {
                pair.Ours.Connection!.Close();
                host.WaitFor("our end", () => pair.Theirs.Poll(0, SelectMode.SelectRead));
                Assert.Equal(0, pair.Theirs.Receive(new byte[1]));
                pair.Theirs.Close();
                host.WaitFor("our TIME-WAIT", () => pair.Ours.HasEnded);
            }
            else
            {
                pair.Theirs.Shutdown(SocketShutdown.Send);
                host.WaitFor("Linux's end", () => pair.Ours.HasPeerFinished);
                pair.Ours.Connection!.Close();
                host.WaitFor("the last acknowledgment", () => pair.Ours.HasEnded);
            }
        }

        Assert.Equal(isOurs ? 1 : 0, host.Stack.Tcp.TimeWaitCount);
    });
}
