using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest with interfaces on two of dom0's bridges (the case "interfaces").</summary>
[Collection(DriversUnderXen.Name)]
public sealed class TwoInterfacesTests(XenWorld world)
{
    private const string Dom0First = "10.99.20.1";
    private const string Dom0Second = "10.99.21.1";
    private const string First = "10.99.20.2";
    private const string Other = "10.99.20.3";
    private const string ByDhcp = "10.99.21.50";

    [Fact]
    public async Task Two_interfaces_have_their_addresses_and_connections_and_one_works_on_when_the_other_is_unplugged()
    {
        XenGuest started = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory,
            CommandLine = $"XENLET_IP={First}/24,{Other}/24,fd99:20::2/64 XENLET_GATEWAY={Dom0First} interfaces {Dom0First} {Dom0Second}",
            Vifs = ["bridge=xenbr0", "bridge=xenbr1"],
            Paused = true,
        });
        await using XenBusGuest guest = new(world, started);
        await guest.Dom0Async(
            $"""
            ip addr add {Dom0First}/24 dev xenbr0
            ip addr add {Dom0Second}/24 dev xenbr1
            nc -ll -p 5000 -e cat > /dev/null 2>&1 &
            echo $! > /tmp/interfaces-echo
            cat > /tmp/udhcpd.conf << END
            start {ByDhcp}
            end {ByDhcp}
            interface xenbr1
            lease_file /tmp/udhcpd.leases
            opt subnet 255.255.255.0
            END
            touch /tmp/udhcpd.leases
            udhcpd -f -a 1 /tmp/udhcpd.conf > /dev/null 2>&1 &
            echo $! > /tmp/interfaces-dhcp
            """);
        await started.UnpauseAsync();
        await guest.SeesAllAsync(
            $"interfaces: there are lo 127.0.0.1 ::1; vif0 {First} {Other} fd99:20::2; vif1 {ByDhcp}",
            $"interfaces: freely to {Dom0First} from {First}, echoed: True",
            $"interfaces: freely to {Dom0Second} from {ByDhcp}, echoed: True",
            $"interfaces: bound to vif0 to {Dom0Second} from {First}, echoed: True",
            $"interfaces: bound to vif1 to {Dom0First} from {ByDhcp}, echoed: True",
            $"interfaces: as {First} to {Dom0First} from {First}, echoed: True",
            $"interfaces: as {Other} to {Dom0First} from {Other}, echoed: True",
            "interfaces: ready");

        // The listener at port 8 is bound to vif1.
        Assert.Equal("by vif1", await guest.Dom0Async($"echo by vif1 | nc {ByDhcp} 8; echo by vif0 | nc {First} 8 2> /dev/null; true"));
        Dom0Stream first = await Dom0Stream.StartAsync(guest, Other);
        Dom0Stream second = await Dom0Stream.StartAsync(guest, ByDhcp);
        await guest.Guest.DetachInterfaceAsync("1");
        await guest.SeesAllAsync(
            $"interfaces: there are lo 127.0.0.1 ::1; vif0 {First} {Other} fd99:20::2\r\n",
            "echo: a connection has ended: NetworkDown");
        await first.GrowsAsync();
        Assert.Equal("all came back: True, the idle one works: True", await first.EndAsync());
        await second.AbandonAsync();
        await guest.Dom0Async(
            $"""
            kill $(cat /tmp/interfaces-echo) $(cat /tmp/interfaces-dhcp)
            rm -f /tmp/interfaces-* /tmp/udhcpd.*
            ip addr del {Dom0First}/24 dev xenbr0
            ip addr del {Dom0Second}/24 dev xenbr1
            """);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains("interfaces: 0 faults", ended.Lines);
        Assert.Equal(2, ended.Lines.Count(line => line == "echo: a connection has ended: NetworkDown"));
    }
}
