using System.Text.Json;
using Xenlet.Net.Tests.Linux.Services;
using Xenlet.Samples;

namespace Xenlet.Net.Tests.Linux;

/// <summary>Programs of Linux, as everybody uses them, with a stack of ours as their other end.</summary>
public sealed class ProgramTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public static TheoryData<string> Addresses => ["10.99.0.2", "fd99::2"];

    [Theory]
    [MemberData(nameof(Addresses))]
    public void Curl_leaves_a_file_and_fetches_it_again(string address)
    {
        Dictionary<string, byte[]> files = [];
        string host = address.Contains(':') ? $"[{address}]" : address;
        TapNeighbour.Run(
            () => InTemporaryDirectory(directory => Assert.Equal(
                "equal\n",
                LinuxProgram.Run(
                    $"""
                    cd {directory}
                    head -c 5000000 /dev/urandom > sent
                    curl -sS --fail -T sent http://{host}/file
                    curl -sS --fail http://{host}/file -o fetched http://{host}/file -o again
                    cmp sent fetched && cmp sent again && echo equal
                    """))),
            stack => TcpService.Start(stack, 80, () => new HttpStream(files)));
    }

    /// <summary>Each row is what iperf3 is told, and which ways its bytes go.</summary>
    [Theory]
    [InlineData("-c 10.99.0.2 -n 8M", true, false)]
    [InlineData("-c 10.99.0.2 -n 8M -R", false, true)]
    [InlineData("-c fd99::2 -n 8M --bidir -P 2", true, true)]
    public void Iperf3_measures_both_ways(string options, bool sends, bool receives)
    {
        IperfServer server = new();
        long sent = 0;
        TapNeighbour.Run(
            () =>
            {
                using JsonDocument result = JsonDocument.Parse(LinuxProgram.Run($"iperf3 {options} -J"));
                sent = result.RootElement.GetProperty("end").GetProperty("sum_sent").GetProperty("bytes").GetInt64();

                // iperf3 tells the end by another connection, and may have ended while bytes of this one are under way.
                SpinWait.SpinUntil(() => receives || server.Received >= sent, Patience);
            },
            server.Start);

        // Both ways at once, the test is over when one of them has had all of its bytes.
        long least = sends && receives ? 1 : 8 << 20;
        Assert.InRange(Math.Max(sent, server.Sent), 8 << 20, long.MaxValue);
        Assert.InRange(sent, least, long.MaxValue);
        if (sends)
        {
            Assert.InRange(server.Received, least, sent);
        }

        if (receives)
        {
            Assert.InRange(server.Sent, least, long.MaxValue);
        }
    }

    [Theory]
    [MemberData(nameof(Addresses))]
    public void A_file_comes_back_over_a_link_that_loses_repeats_and_reorders(string address)
    {
        long recoveries = 0;
        long duplicates = 0;
        Weather weather = new(Seed: 15, Loss: 0.02, Duplication: 0.02, Reordering: 0.05, Delay: TimeSpan.FromMilliseconds(4));
        LossyLink link = TapNeighbour.RunLossy(
            weather,
            () => InTemporaryDirectory(directory =>
            {
                Assert.Equal(
                    "equal\n",
                    LinuxProgram.Run(
                        $"""
                        cd {directory}
                        head -c 600000 /dev/urandom > sent
                        nc.openbsd -N {address} 7 < sent > returned
                        cmp sent returned && echo equal
                        """));
                recoveries = LinuxProgram.Counter("TcpExt", "TCPSackRecovery");

                // Below what is acknowledged, and behind a gap.
                duplicates = LinuxProgram.Counter("TcpExt", "TCPDSACKRecv") + LinuxProgram.Counter("TcpExt", "TCPDSACKOfoRecv");
            }),
            stack => TcpService.Start(stack, 7, () => new EchoStream()));

        Assert.InRange(link.Lost, 5, int.MaxValue);
        Assert.True(recoveries > 0, "Linux was told of no loss by SACK");
        Assert.True(duplicates > 0, "Linux was told of no segment that came twice");
    }

    [Fact]
    public void Nmap_finds_what_is_open_and_cannot_guess_sequence_numbers()
    {
        string[] lines = Scan("-O -v 10.99.0.2");

        Assert.Contains("7/tcp open   echo", lines);
        Assert.Contains("9/tcp closed discard", lines);
        Assert.Contains("7/udp open   echo", lines);
        Assert.Contains("9/udp closed discard", lines);
        Assert.Contains(lines, line => line.StartsWith("TCP Sequence Prediction:", StringComparison.Ordinal)
            && line.EndsWith("(Good luck!)", StringComparison.Ordinal));
    }

    [Fact]
    public void Nmap_finds_what_is_open_over_IPv6()
    {
        string[] lines = Scan("-6 fd99::2");

        Assert.Contains("7/tcp open   echo", lines);
        Assert.Contains("9/tcp closed discard", lines);
        Assert.Contains("7/udp open   echo", lines);
        Assert.Contains("9/udp closed discard", lines);
    }

    /// <summary>Scans two ports, of which one is open, and gives nmap's lines.</summary>
    private static string[] Scan(string options)
    {
        string output = "";
        TapNeighbour.Run(
            () => output = LinuxProgram.Run($"nmap -n -Pn -sS -sU -p T:7,9,U:7,9 {options}"),
            stack =>
            {
                TcpService.Start(stack, 7, () => new EchoStream());
                _ = new UdpEcho(stack);
            });
        return output.Split('\n');
    }

    private static void InTemporaryDirectory(Action<string> code)
    {
        string directory = Directory.CreateTempSubdirectory("xenlet-net-").FullName;
        try
        {
            code(directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
