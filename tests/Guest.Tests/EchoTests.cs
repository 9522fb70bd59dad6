using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>.NET's own sockets in a guest, through its TCP/IP stack and netback, with dom0's Linux as the other end.</summary>
[Collection(DriversUnderXen.Name)]
public sealed class EchoTests(XenWorld world)
{
    [Fact]
    public async Task Datagrams_and_a_file_come_back_and_names_are_looked_up_by_the_second_server_as_nobody_serves_at_the_first()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, interfaces: 1, commandLine: "XENLET_IP=10.99.7.2/24 XENLET_DNS=10.99.7.1,10.99.7.3 echo");
        await guest.SeesAsync("echo: ready");
        string peer = world.Machine.Share(await Images.NetworkPeer);
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
        Assert.Contains("echo: 0 faults", ended.Lines);
    }
}
