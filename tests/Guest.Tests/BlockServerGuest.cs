using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that serves disks to other domains (the case "block-server"), each a store in its memory.</summary>
internal sealed class BlockServerGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    public static async Task<BlockServerGuest> StartAsync(XenWorld world)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.DeviceMemory + 32,
            CommandLine = "block-server",
        });
        BlockServerGuest started = new(world, guest);
        await started.SeesAsync("ready");
        return started;
    }

    /// <summary>A disk of this domain in the words of xl. Disks with the same target share a store.</summary>
    public string Disk(string target, string device) =>
        $"format=raw,vdev={device},access=rw,backend={Guest.Name},target={target}";

    /// <summary>What the domain says of its mappings.</summary>
    public async Task MappedAsync(string expected)
    {
        await Guest.WriteConsoleAsync("tell\n"u8.ToArray());
        await SeesAsync($"mapped: {expected}");
    }

    public async Task EndAsync()
    {
        await Guest.WriteConsoleAsync("end\n"u8.ToArray());
        (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
    }
}
