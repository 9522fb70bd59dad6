using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that follows its devices (the case "xenbus" or another), and dom0 beside it, which plugs them.</summary>
internal sealed class XenBusGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    private string? _plugged;

    /// <summary>Starts a guest.</summary>
    /// <param name="world">Where.</param>
    /// <param name="disks">Number of empty disks it has from the beginning.</param>
    /// <param name="interfaces">Number of network interfaces.</param>
    /// <param name="beforeBoot">Runs before the guest's first instruction.</param>
    /// <param name="commandLine">The case that it runs.</param>
    /// <param name="memory">Its memory in MiB.</param>
    public static async Task<XenBusGuest> StartAsync(
        XenWorld world,
        int disks = 0,
        int interfaces = 0,
        Func<XenBusGuest, Task>? beforeBoot = null,
        string commandLine = "xenbus",
        int memory = World.DeviceMemory)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = memory,
            CommandLine = commandLine,
            Disks = await world.CreateDisksAsync(disks),
            Vifs = [.. Enumerable.Repeat("", interfaces)],
            Paused = beforeBoot is not null,
        });
        XenBusGuest started = new(world, guest);
        if (beforeBoot is not null)
        {
            await beforeBoot(started);
            await guest.UnpauseAsync();
        }

        return started;
    }

    /// <summary>Waits until a node has a value.</summary>
    public Task BecomesAsync(string node, string value) => Dom0Async(
        $"""
        tries=0
        until [ "$(xenstore-read {node} 2>/dev/null)" = '{value}' ]; do
            tries=$((tries + 1))
            if [ $tries -ge 800 ]; then
                echo "{node} is $(xenstore-read {node} 2>&1), not {value}" >&2
                exit 1
            fi
            usleep 300000
        done
        """);

    /// <summary>Plugs a disk, waits until both ends are connected, unplugs it, and waits until the guest has released it.</summary>
    public async Task CycleDiskAsync(string device, int number)
    {
        _plugged ??= await Xen.Machine.CreateDiskAsync(4);
        await Guest.AttachDiskAsync(GuestConfig.RawDisk(_plugged, device));
        await SeesAsync($"front vbd/{number}: Initialised -> Connected");
        await Guest.DetachDiskAsync(device);
        await SeesAsync($"front vbd/{number}: departed");
    }

    /// <summary>The same with a network interface, which must be the only one.</summary>
    public async Task CycleInterfaceAsync()
    {
        await Guest.AttachInterfaceAsync("mac=00:16:3e:00:00:01");
        await SeesAsync("front vif/0: Initialising -> Connected");
        await Guest.DetachInterfaceAsync("0");
        await SeesAsync("front vif/0: departed");
    }

    /// <summary>Asks the guest to end and waits for it.</summary>
    public async Task<EndedGuest> ShutDownAsync()
    {
        await Guest.ShutdownAsync();
        return (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }
}
