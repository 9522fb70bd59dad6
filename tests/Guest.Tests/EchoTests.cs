using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>.NET's own sockets in a guest, through its TCP/IP stack and netback, with dom0's Linux as the other end.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class EchoTests(XenWorld world)
{
    [Fact]
    public async Task Datagrams_of_dom0_come_back_whole_and_in_fragments_and_a_file_comes_back_by_TCP()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, interfaces: 1, commandLine: "XENLET_IP=10.99.7.2/24 echo");
        await guest.SeesAsync("echo: ready");
        string peer = world.Machine.Share(await Images.NetworkPeer);
        string output = await guest.Dom0Async(
            $"""
            ip addr add 10.99.7.1/24 dev xenbr0
            until ping -c 1 -W 1 10.99.7.2 > /dev/null; do usleep 50000; done
            {peer} datagrams 10.99.7.2 7
            dd if=/dev/urandom of=/tmp/echo-sent bs=1024 count=256 2> /dev/null
            nc 10.99.7.2 7 < /tmp/echo-sent > /tmp/echo-returned
            cmp /tmp/echo-sent /tmp/echo-returned && echo equal
            rm -f /tmp/echo-sent /tmp/echo-returned
            ip addr del 10.99.7.1/24 dev xenbr0
            """);
        Assert.Equal("echoed 106 of 106\nequal", output);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains(ended.Lines, line => line.StartsWith("echo: 0 faults", StringComparison.Ordinal));
    }
}
