using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that carries out commands with its disks (the case "block"), and dom0 beside it.</summary>
internal sealed class BlockGuest(XenWorld world, XenGuest guest) : FollowedGuest(world, guest)
{
    /// <summary>Starts a guest with disks as <c>xl</c> is told of them.</summary>
    public static Task<BlockGuest> StartAsync(XenWorld world, params string[] disks) =>
        StartAsync(world, "block", World.DeviceMemory, [], disks);

    /// <summary>Starts one that has interfaces too.</summary>
    /// <param name="world">Where.</param>
    /// <param name="commandLine">The case, "block" or another that carries out the same commands.</param>
    /// <param name="memory">Its memory in MiB.</param>
    /// <param name="interfaces">The interfaces in the words of xl.</param>
    /// <param name="disks">The disks in the words of xl.</param>
    public static async Task<BlockGuest> StartAsync(
        XenWorld world, string commandLine, int memory, IReadOnlyList<string> interfaces, params string[] disks)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = memory,
            CommandLine = commandLine,
            Disks = disks,
            Vifs = interfaces,
        });
        BlockGuest started = new(world, guest);
        await started.SeesAsync("ready");
        return started;
    }

    /// <summary>Sends a command, and returns the guest's answer.</summary>
    public async Task<string> DoAsync(string command)
    {
        await Guest.WriteConsoleAsync(System.Text.Encoding.ASCII.GetBytes(command + "\n"));
        await SeesAsync($" {command}: ");
        int from = Position;
        await SeesAsync("\n");
        return Guest.Console.Text[from..Position].Trim();
    }

    /// <summary>Ends the guest. If its disks were unplugged before, it must have released everything.</summary>
    public async Task EndAsync(bool isUnplugged = false)
    {
        await Guest.WriteConsoleAsync(System.Text.Encoding.ASCII.GetBytes(isUnplugged ? "end unplugged\n" : "end\n"));
        EndedGuest ended = (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
        if (isUnplugged)
        {
            Assert.Contains("left: 0 grants, 0 shared pages, 0 held pages", ended.Lines);
        }
    }
}
