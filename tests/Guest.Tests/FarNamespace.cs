using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Linux's network front end with an interface that a Xenlet serves: dom0's own, in a network namespace, since a host reaches its own
/// addresses without any interface. xl plugs no interfaces into dom0, so the nodes of the device are written here, as libxl does.
/// </summary>
internal sealed class FarNamespace(FollowedGuest server, string peer)
{
    /// <summary>
    /// Shell functions: "far" runs a command in the namespace, "streams" has a Xenlet echo 200 KB and more, and "serves" gives a file of
    /// one end to the other. Both write much at once, which Linux leaves to an interface to cut.
    /// </summary>
    private const string Functions =
        """
        back=$home/backend/vif/0/0
        front=/local/domain/0/device/vif/0
        far() { nsenter -t $(cat /tmp/far) -n "$@"; }
        streams() {
            rm -f /tmp/streamed*
            $1 $peer stream $2 7 /tmp/streamed > /tmp/streamed.said 2>&1 &
            until [ "$(cat /tmp/streamed)" -ge 200000 ] 2> /dev/null; do usleep 50000; done
            touch /tmp/streamed.stop
            wait $!
            cat /tmp/streamed.said
        }
        serves() {
            $1 httpd -f -p 7000 -h /tmp &
            until $1 netstat -ltn | grep -q ':7000 '; do usleep 50000; done
            $3 wget -q -O /tmp/received http://$2:7000/sent && cmp /tmp/sent /tmp/received && echo equal
            killall httpd
        }

        """;

    /// <summary>Plugs the interface, and gives it addresses.</summary>
    /// <param name="world">Where.</param>
    /// <param name="server">The guest that serves it.</param>
    /// <param name="mac">Its hardware address.</param>
    /// <param name="address">Its IPv4 address.</param>
    /// <param name="address6">Its IPv6 address.</param>
    /// <param name="isHeld">Whether the tool stack says that it has these IP addresses, to which it is held then.</param>
    public static async Task<FarNamespace> StartAsync(
        XenWorld world, FollowedGuest server, string mac, string address, string address6, bool isHeld = false)
    {
        FarNamespace started = new(server, await world.Machine.CopyProgramAsync(await Images.NetworkPeer));
        await world.LoadModuleAsync("xen-netfront");
        await started.RunAsync(
            $"""
            unshare -n sleep 100000 > /dev/null 2>&1 & echo $! > /tmp/far
            xenstore-write $back "" $front ""
            xenstore-chmod $back n$id r0
            xenstore-chmod $front n0 r$id
            xenstore-write $back/frontend $front $back/frontend-id 0 $back/mac {mac} $back/handle 0 \
                $back/ip '{(isHeld ? $"{address} {address6}" : "")}' $back/bridge xenbr0 $back/type vif $back/online 1 $back/state 1 \
                $front/backend $back $front/backend-id $id $front/handle 0 $front/mac {mac} $front/state 1
            until [ "$(xenstore-read $back/state)" = 4 ]; do usleep 300000; done
            until ls /sys/bus/xen/devices/vif-0/net > /tmp/far-name 2> /dev/null; do usleep 50000; done
            name=$(cat /tmp/far-name)
            ip link set $name netns $(cat /tmp/far)
            far sh -c "for each in all default $name; do echo 0 > /proc/sys/net/ipv6/conf/\$each/accept_dad; done"
            far ip addr add {address}/24 dev $name
            far ip link set $name up
            far ip -6 addr add {address6}/64 dev $name
            """);
        return started;
    }

    /// <summary>
    /// Runs a script in dom0, which may use the functions, $name for the interface's and $peer for the program tests/NetworkPeer.
    /// </summary>
    public Task<string> RunAsync(string script) =>
        server.Dom0Async($"{Functions}peer={peer}\nname=$(cat /tmp/far-name 2> /dev/null)\n{script}");

    /// <summary>Unplugs the interface as xl does.</summary>
    public Task EndAsync() => RunAsync(
        """
        kill $(cat /tmp/far)
        xenstore-write $back/online 0 $back/state 5
        while xenstore-exists $back; do usleep 300000; done
        xenstore-rm $front $home/backend/vif/0
        until [ -z "$(ls /sys/bus/xen/devices | grep vif-0)" ]; do usleep 50000; done
        rm -f /tmp/far /tmp/far-name /tmp/sent /tmp/received
        """);
}
