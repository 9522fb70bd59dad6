using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>samples/Ping as a guest, and dom0 as its neighbour on a bridge.</summary>
internal sealed class PingGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    public const string Ipv4 = "10.0.0.2";
    public const string Ipv6 = "fd00::2";

    /// <summary>Starts the guest, and gives dom0 addresses from which it is reached.</summary>
    public static async Task<PingGuest> StartAsync(XenWorld world)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Ping,
            MemoryMiB = World.SmallMemory,
            Vifs = [""],
        });
        PingGuest started = new(world, guest);
        await started.SeesAsync($"answers for {Ipv4} and {Ipv6}");
        await started.Dom0Async(
            $"""
            echo 0 > /proc/sys/net/ipv6/conf/xenbr0/accept_dad
            ip addr add 10.0.0.1/24 dev xenbr0
            ip -6 addr add fd00::1/64 dev xenbr0
            """);
        return started;
    }

    /// <summary>Pings once with each number of data bytes; every answer must come, and have the bytes that were sent.</summary>
    public Task PingAsync(string command, string address, IEnumerable<int> sizes) => Dom0Async(
        $"""
        for size in {string.Join(' ', sizes)}; do
            {command} -c 1 -W 120 -s $size {address} || exit 1
        done
        """);

    /// <summary>Has dom0 ping without end.</summary>
    public Task StartEndlessAsync() => Dom0Async($"ping -i 0.1 {Ipv4} > /tmp/answers & echo $! > /tmp/pinging");

    /// <summary>Waits until more of the endless pings are answered.</summary>
    public Task IsAnsweredAsync() => Dom0Async(
        """
        goal=$(($(grep -c 'bytes from' /tmp/answers) + 5))
        until [ $(grep -c 'bytes from' /tmp/answers) -ge $goal ]; do usleep 200000; done
        """);

    public Task StopEndlessAsync() => Dom0Async("kill $(cat /tmp/pinging); rm -f /tmp/pinging /tmp/answers");

    /// <summary>Ends the guest in order, and takes dom0's addresses back.</summary>
    public async Task<EndedGuest> EndAsync()
    {
        await Guest.ShutdownAsync();
        EndedGuest ended = (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
        (await Xen.Machine.RunInDom0Async(
            "ip addr del 10.0.0.1/24 dev xenbr0; ip -6 addr del fd00::1/64 dev xenbr0",
            World.Limit)).ThrowIfFailed("removing the addresses");
        return ended;
    }
}
