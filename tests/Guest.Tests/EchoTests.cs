using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>.NET's own sockets in a guest, through its TCP/IP stack and netback, with dom0's Linux as the other end.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class EchoTests(XenWorld world)
{
    [Fact]
    public async Task Datagrams_and_a_file_come_back_and_names_are_looked_up_by_the_second_server_as_nobody_serves_at_the_first()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: "XENLET_IP=10.99.7.2/24 XENLET_DNS=10.99.7.1,10.99.7.3 echo");
        await guest.SeesAsync("echo: ready");
        string peer = await world.Machine.CopyProgramAsync(await Images.NetworkPeer);
        await guest.Dom0Async(
            $"""
            ip addr add 10.99.7.1/24 dev xenbr0
            ip addr add 10.99.7.3/24 dev xenbr0
            {peer} names 10.99.7.3 > /dev/null 2>&1 &
            echo $! > /tmp/echo-names
            """);
        await guest.SeesAsync("echo: a.test is 192.0.2.1 2001:db8::1");
        await guest.SeesAsync("echo: vif0 is Up, 1500 bytes, ");
        string output = await guest.Dom0Async(
            $"""
            kill $(cat /tmp/echo-names)
            {peer} datagrams 10.99.7.2 7
            dd if=/dev/urandom of=/tmp/echo-sent bs=1024 count=256 2> /dev/null
            nc 10.99.7.2 7 < /tmp/echo-sent > /tmp/echo-returned
            cmp /tmp/echo-sent /tmp/echo-returned && echo equal
            rm -f /tmp/echo-sent /tmp/echo-returned /tmp/echo-names
            ip addr del 10.99.7.3/24 dev xenbr0
            ip addr del 10.99.7.1/24 dev xenbr0
            """);
        Assert.Equal("echoed 106 of 106\nequal", output);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains(ended.Lines, line => line.StartsWith("echo: 0 faults", StringComparison.Ordinal));
    }

    /// <summary>samples/Echo has no word of Xen, and its vif line an address: dom0 talks to it, and xl lists its connection.</summary>
    [Fact]
    public async Task A_program_without_a_word_of_Xen_has_the_address_of_the_vif_line_and_xl_lists_its_sockets()
    {
        XenGuest started = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Echo,
            MemoryMiB = World.DeviceMemory,
            Vifs = ["ip=10.99.8.2/24 fd99:8::2/64"],
        });
        await using XenBusGuest guest = new(world, started);
        await guest.SeesAsync("Echo: TCP and UDP, port 7");

        // The connection lasts until its input ends.
        string output = await guest.Dom0Async(
            """
            ip addr add 10.99.8.1/24 dev xenbr0
            until ping -c 1 -W 1 10.99.8.2 > /dev/null; do usleep 50000; done
            mkfifo /tmp/echo-input
            nc 10.99.8.2 7 < /tmp/echo-input > /tmp/echo-output 2> /dev/null &
            sleep 600 < /dev/null > /tmp/echo-input 2> /dev/null &
            echo $! > /tmp/echo-keeper
            echo hello > /tmp/echo-input
            until grep -q hello /tmp/echo-output; do usleep 50000; done
            xl sysrq $id n
            """);
        Assert.Equal("", output);
        await guest.SeesAsync("xenlet: end of the report");
        string report = guest.Guest.Console.Text;
        string[] expected =
        [
            @"xenlet: report: network\r?\nvif0: .*10\.99\.8\.2 \(Preferred\).*fd99:8::2",
            @"\ntcp +LISTEN +0 +\d+ 0\.0\.0\.0:7 ",
            @"\nudp +UNCONN +0\.0\.0\.0:7 ",
            @"\ntcp +ESTAB +0 +\d+ 10\.99\.8\.2:7 +10\.99\.8\.1:\d+ +rtt [\d.]+ ms rto [\d.]+ ms cwnd \d+ .* retrans \d+",
        ];
        Assert.All(expected, each => Assert.True(Regex.IsMatch(report, each), $"nothing is as {each}:\n{report}"));
        await guest.Dom0Async(
            """
            kill $(cat /tmp/echo-keeper)
            rm -f /tmp/echo-input /tmp/echo-output /tmp/echo-keeper
            ip addr del 10.99.8.1/24 dev xenbr0
            """);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains("Echo: ended", ended.Lines);
    }

    [Fact]
    public async Task With_every_thread_of_the_pool_blocked_and_another_that_never_waits_pings_are_answered_and_a_file_comes_back()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, interfaces: 1, commandLine: "XENLET_IP=10.99.9.2/24 echo-busy");
        await guest.SeesAsync("echo: ready");
        string output = await guest.Dom0Async(
            """
            ip addr add 10.99.9.1/24 dev xenbr0
            until ping -c 1 -W 1 10.99.9.2 > /dev/null; do usleep 50000; done
            ping -c 2 -W 60 10.99.9.2 | grep -o '2 packets received'
            dd if=/dev/urandom of=/tmp/busy-sent bs=1024 count=64 2> /dev/null
            nc 10.99.9.2 7 < /tmp/busy-sent > /tmp/busy-returned
            cmp /tmp/busy-sent /tmp/busy-returned && echo equal
            rm -f /tmp/busy-sent /tmp/busy-returned
            ip addr del 10.99.9.1/24 dev xenbr0
            """);
        Assert.Equal("2 packets received\nequal", output);
        await guest.Guest.ShutdownAsync();
        (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertExited(143);
    }
}
