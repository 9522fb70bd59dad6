using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that serves disks to other domains (the case "block-server"), each a store in its memory.</summary>
internal sealed class BlockServerGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    /// <summary>Starts the domain.</summary>
    /// <param name="world">Where.</param>
    /// <param name="isDriverDomain">Whether it has <c>driver_domain=1</c>, which front ends do not need.</param>
    /// <param name="name">Its name; null for one that no other guest has.</param>
    public static async Task<BlockServerGuest> StartAsync(XenWorld world, bool isDriverDomain = false, string? name = null)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = name ?? world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory + 32,
            CommandLine = "block-server",
            ExtraLines = isDriverDomain ? ["driver_domain = 1"] : [],
        });
        BlockServerGuest started = new(world, guest);
        await started.SeesAsync("ready");
        return started;
    }

    /// <summary>A disk of this domain in the words of xl. Disks with the same target share a store.</summary>
    public string Disk(string target, string device) =>
        $"format=raw,vdev={device},access=rw,backend={Guest.Name},target={target}";

    /// <summary>Gives dom0's Linux a disk of this domain, by a front end of its own.</summary>
    public async Task AttachToLinuxAsync(string target, string device)
    {
        string module = await Xen.Machine.CopyProgramAsync(Xen.Machine.Image.GuestModuleFiles("xen-blkfront")[^1]);
        await Dom0Async(
            $"""
            test -d /sys/module/xen_blkfront || insmod {module}
            xl block-attach 0 '{Disk(target, device)}'
            until [ -b /dev/{device} ]; do usleep 100000; done
            """);
    }

    /// <summary>What the domain says of its mappings.</summary>
    public async Task MappedAsync(string expected)
    {
        await Guest.WriteConsoleAsync("tell\n"u8.ToArray());
        await SeesAsync($"mapped: {expected}");
    }

    /// <summary>Gives a store another size, in bytes.</summary>
    public async Task ResizeAsync(string target, long length)
    {
        await Guest.WriteConsoleAsync(System.Text.Encoding.ASCII.GetBytes($"resize {target} {length}\n"));
        await SeesAsync("mapped: ");
    }

    /// <summary>Waits until nothing is left in the store of the disks of a front end's domain.</summary>
    public Task HasNoDiskForAsync(string domain) =>
        Dom0Async($"while xenstore-ls $home/backend/vbd/{domain} 2> /dev/null | grep -q .; do usleep 100000; done");

    /// <summary>Waits until nothing is left of the only front end's domain, in the store or in this domain.</summary>
    public async Task LetsGoOfAsync(string domain)
    {
        await HasNoDiskForAsync(domain);
        await MappedAsync("0 pages, 0 stuck");
    }

    public async Task EndAsync()
    {
        await Guest.WriteConsoleAsync("end\n"u8.ToArray());
        (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }
}
