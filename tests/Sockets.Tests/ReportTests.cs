using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.Drivers;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>The report of <c>xl sysrq GUEST n</c>, which another thread than the stack's asks for.</summary>
public sealed class ReportTests
{
    [Fact]
    public void Interfaces_listeners_datagrams_and_connections_are_listed_with_queues_and_times()
    {
        using TwoGuests guests = new(clock: new TestStackClock());
        TestSocketHost server = guests.Hosts[1];
        TestSocket listener = server.Open(SocketKind.Stream, isIPv6: true);
        Assert.Equal(SocketErrno.None, listener.Bind(TwoGuests.At("::", 80)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        Assert.Equal(SocketErrno.None, server.Open(SocketKind.Datagram).Bind(TwoGuests.At("10.0.0.2", 7)));
        TestSocket client = guests.Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, client.Connect(TwoGuests.At("10.0.0.2", 80)));
        TestSocket accepted = listener.Accept();
        client.Write([1, 2, 3]);
        lock (server.Gate)
        {
            server.Await(() => accepted.Received.Count == 3, "what the client has sent");
        }

        string[] lines = Read(guests.Stacks[1]).Split('\n');
        string[] expected =
        [
            @"^vif0: .*10\.0\.0\.2 \(Preferred\).* MTU 1500, received \d+, sent \d+ packets$",
            @"^tcp: 1 connections, 0 in TIME-WAIT, \d+ segments sent, 0 again; 0 exceptions$",
            @"^Netid State +Recv-Q +Send-Q Local +Peer *$",
            @"^tcp +LISTEN +0 +16 \*:80 +\* *$",
            @"^udp +UNCONN +10\.0\.0\.2:7 +\* *$",
            string.Create(CultureInfo.InvariantCulture, $@"^tcp +ESTAB +3 +0 10\.0\.0\.2:80 +10\.0\.0\.1:{client.Local.Port} ")
                + @"+rtt [\d.]+ ms rto [\d.]+ ms cwnd \d+ ssthresh none snd_wnd \d+ mss 1448 retrans 0$",
        ];
        Assert.All(expected, each =>
            Assert.True(lines.Any(line => Regex.IsMatch(line, each)), $"no line is as {each}:\n{string.Join('\n', lines)}"));
    }

    [Fact]
    public void A_stack_that_has_ended_says_so()
    {
        TwoGuests guests = new();
        guests.Dispose();
        Assert.Equal("TCP/IP has ended: sockets answer ENETDOWN\n", Read(guests.Stacks[0]));
    }

    /// <summary>The report of a stack.</summary>
    public static string Read(SocketStack stack)
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        ((IReportSource)stack).WriteReport(writer);
        return writer.ToString();
    }
}
