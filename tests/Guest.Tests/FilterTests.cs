using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Filter rules of a Xenlet that stands between dom0's bridge and a Linux front end: dom0's own, in a network namespace, since a host
/// reaches its own addresses without any interface. xl plugs no interfaces into dom0, so its nodes are written here, as libxl does.
/// </summary>
[Collection(DriversUnderXen.Name)]
public sealed class FilterTests(XenWorld world)
{
    [Fact]
    public async Task Rules_that_change_in_xenstore_refuse_and_accept_connections_and_those_that_are_open_go_on_or_end()
    {
        XenGuest started = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory,
            CommandLine = "net-filter",
            Vifs = ["bridge=xenbr0"],
        });
        await using XenBusGuest guest = new(world, started);
        await guest.SeesAsync("ready");
        string module = world.Machine.Share(world.Machine.Image.GuestModuleFiles("xen-netfront")[^1]);
        string output = await guest.Dom0Async(
            $$"""
            rules() {
                xenstore-write $home/data/filter/rules "$2"
                until xenstore-read $home/data/filter/in-force 2> /dev/null | grep "^change $1:"; do usleep 50000; done
            }
            tells() {
                echo $1 >&3
                until grep -q $1 /tmp/wall-out; do usleep 50000; done
                echo "returned $1"
            }
            far() { nsenter -t $space -n "$@"; }

            ip addr add 10.99.31.1/24 dev xenbr0
            unshare -n sleep 100000 > /dev/null 2>&1 &
            space=$!
            test -d /sys/module/xen_netfront || insmod {{module}}
            back=$home/backend/vif/0/0
            front=/local/domain/0/device/vif/0
            mac=00:16:3e:55:01:03
            xenstore-write $back "" $front ""
            xenstore-chmod $back n$id r0
            xenstore-chmod $front n0 r$id
            xenstore-write $back/frontend $front $back/frontend-id 0 $back/mac $mac $back/ip 10.99.31.3 $back/handle 0 \
                $back/bridge lan $back/type vif $back/online 1 $back/state 1 \
                $front/backend $back $front/backend-id $id $front/handle 0 $front/mac $mac $front/state 1
            until [ "$(xenstore-read $back/state)" = 4 ]; do usleep 50000; done
            until name=$(ls /sys/bus/xen/devices/vif-0/net 2> /dev/null); do usleep 50000; done
            ip link set $name netns $space
            far ip addr add 10.99.31.3/24 dev $name
            far ip link set $name up
            far nc -ll -p 7000 -e cat > /dev/null 2>&1 &
            server=$!

            rules 1 'default reject'
            nc 10.99.31.3 7000 < /dev/null 2>&1 | grep -o 'Connection refused'
            rules 2 'accept tcp from outside to 10.99.31.3 port 7000; default reject'
            mkfifo /tmp/wall-in
            nc 10.99.31.3 7000 < /tmp/wall-in > /tmp/wall-out 2> /dev/null &
            client=$!
            exec 3> /tmp/wall-in
            tells one
            far ping -c 1 -W 1 10.99.31.1 > /dev/null || echo 'no ping'
            rules 3 'accept tcp to guests port 7000; accept icmp type 8 from guests; default reject'
            tells two
            far ping -c 1 -W 60 10.99.31.1 > /dev/null && echo ping
            xenstore-write $home/data/filter/rules 'accept tcp to port http'
            until xenstore-read $home/data/filter/error 2> /dev/null; do usleep 50000; done
            tells three
            rules 4 'accept icmp type 8 from guests; default reject'
            echo four >&3
            wait $client
            grep four /tmp/wall-out || echo ended
            nc 10.99.31.3 7000 < /dev/null 2>&1 | grep -o 'Connection refused'

            exec 3>&-
            kill $server $space
            xenstore-write $back/online 0 $back/state 5
            while xenstore-exists $back; do usleep 50000; done
            xenstore-rm $front $home/backend/vif/0
            while ls /sys/bus/xen/devices | grep -q vif-0; do usleep 50000; done
            ip addr del 10.99.31.1/24 dev xenbr0
            rm -f /tmp/wall-in /tmp/wall-out
            """);
        Assert.Equal(
            """
            change 1: 0 rules, default reject
            Connection refused
            change 2: 1 rule, default reject
            returned one
            no ping
            change 3: 2 rules, default reject
            returned two
            ping
            rules: line 1, column 20: expected a port, or ports like 8000-8080, found 'http'
            returned three
            change 4: 1 rule, default reject
            ended
            Connection refused
            """,
            output);
        await guest.Guest.WriteConsoleAsync("end\n"u8.ToArray());
        (await EndedGuest.OfAsync(guest.Guest, World.Limit)).AssertExited(0);
    }
}
