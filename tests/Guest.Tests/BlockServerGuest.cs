using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest that serves disks to other domains, each a store in its memory, and joins their interfaces by a switch (the cases "block-server"
/// and "server").
/// </summary>
internal sealed class BlockServerGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    /// <summary>Size of a store in MiB that is more than a ring and all its pages take, several times.</summary>
    public const int SmallMiB = 4;

    /// <summary>Size of a store in MiB that has room for a file system.</summary>
    public const int LargeMiB = 16;

    /// <summary>Starts the domain.</summary>
    /// <param name="world">Where.</param>
    /// <param name="isDriverDomain">Whether it has <c>driver_domain=1</c>, which front ends do not need.</param>
    /// <param name="name">Its name; null for one that no other guest has.</param>
    /// <param name="hasUplink">Whether the switch of its interfaces is connected to dom0's bridge.</param>
    /// <param name="storeMiB">Size of each store in MiB.</param>
    public static async Task<BlockServerGuest> StartAsync(
        XenWorld world, bool isDriverDomain = false, string? name = null, bool hasUplink = false, int storeMiB = LargeMiB)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = name ?? world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory + 32,
            CommandLine = string.Create(CultureInfo.InvariantCulture, $"{(hasUplink ? "server" : "block-server")} {storeMiB}"),
            ExtraLines = isDriverDomain ? ["driver_domain = 1"] : [],
            Vifs = hasUplink ? ["bridge=xenbr0"] : [],
        });
        BlockServerGuest started = new(world, guest);
        await started.SeesAsync("ready");
        return started;
    }

    /// <summary>A disk of this domain in the words of xl. Disks with the same target share a store.</summary>
    public string Disk(string target, string device) =>
        $"format=raw,vdev={device},access=rw,backend={Guest.Name},target={target}";

    /// <summary>An interface of this domain in the words of xl.</summary>
    public string Interface(string words) => $"backend={Guest.Name},{words}";

    /// <summary>Gives dom0's Linux a disk of this domain, by a front end of its own.</summary>
    public async Task AttachToLinuxAsync(string target, string device)
    {
        await Xen.LoadModuleAsync("xen-blkfront");
        await Dom0Async(
            $"""
            xl block-attach 0 '{Disk(target, device)}'
            until [ -b /dev/{device} ]; do usleep 100000; done
            """);
    }

    /// <summary>
    /// Takes it away again, when Linux has nothing under way: what its front end has not passed on by then would never be answered, and all
    /// of dom0's devices would wait for it.
    /// </summary>
    public Task DetachFromLinuxAsync(string device) => Dom0Async(
        $"""
        until grep -qE '^ *0 +0$' /sys/block/{device}/inflight; do usleep 50000; done
        xl block-detach 0 {device}
        """);

    /// <summary>Fails unless the domain says this of its mappings.</summary>
    public async Task MappedAsync(string expected)
    {
        await Guest.WriteConsoleAsync("tell\n"u8.ToArray());
        await SeesAsync("mapped: ");
        int from = Position;
        await SeesAsync("\n");
        Assert.Equal(expected, Guest.Console.Text[from..Position].Trim());
    }

    /// <summary>Gives a store another size, in bytes.</summary>
    public async Task ResizeAsync(string target, long length)
    {
        await Guest.WriteConsoleAsync(System.Text.Encoding.ASCII.GetBytes($"resize {target} {length}\n"));
        await SeesAsync("mapped: ");
    }

    /// <summary>Waits until nothing is left in the store of a front end's domain.</summary>
    public Task HasNothingForAsync(string domain) => Dom0Async(
        $"while for kind in vbd vif; do xenstore-list $home/backend/$kind/{domain}; done 2> /dev/null | grep -q .; do usleep 300000; done");

    /// <summary>Waits until nothing is left of the only front end's domain, in the store or in this domain.</summary>
    public async Task LetsGoOfAsync(string domain)
    {
        await HasNothingForAsync(domain);
        await MappedAsync("0 pages, 0 stuck");
    }

    /// <summary>Unplugs the xvda of a guest, the only front end: nothing is left of it.</summary>
    public async Task UnplugAsync(BlockGuest guest)
    {
        await guest.Guest.DetachDiskAsync("xvda");
        await guest.SeesAsync("bus vbd/51712: departed");
        await LetsGoOfAsync(guest.Id);
    }

    public async Task EndAsync()
    {
        await Guest.WriteConsoleAsync("end\n"u8.ToArray());
        (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }
}
