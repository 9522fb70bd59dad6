using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that does with its disks what it is told (the case "block"), and dom0 beside it.</summary>
internal sealed class BlockGuest : IAsyncDisposable
{
    private readonly XenWorld _world;
    private int _position;

    private BlockGuest(XenWorld world, XenGuest guest)
    {
        _world = world;
        Guest = guest;
    }

    public XenGuest Guest { get; }

    /// <summary>Starts a guest with disks as <c>xl</c> is told of them.</summary>
    public static async Task<BlockGuest> StartAsync(XenWorld world, params string[] disks)
    {
        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.CaseMemory,
            CommandLine = "block",
            Disks = disks,
        });
        BlockGuest started = new(world, guest);
        await started.SeesAsync("ready");
        return started;
    }

    /// <summary>Waits for a line with this text behind the one waited for last.</summary>
    public async Task SeesAsync(string text) => _position = await Guest.WaitForTextAsync(text, World.Limit, _position);

    /// <summary>Waits for lines with these texts, in any order, behind the one waited for last.</summary>
    public async Task SeesAllAsync(params string[] texts)
    {
        int from = _position;
        foreach (string text in texts)
        {
            _position = Math.Max(_position, await Guest.WaitForTextAsync(text, World.Limit, from));
        }
    }

    /// <summary>Has something done, and gives what the guest says of it.</summary>
    public async Task<string> DoAsync(string command)
    {
        await Guest.WriteConsoleAsync(System.Text.Encoding.ASCII.GetBytes(command + "\n"));
        await SeesAsync($" {command}: ");
        int from = _position;
        await SeesAsync("\n");
        return Guest.Console.Text[from.._position].Trim();
    }

    /// <summary>Runs a script in dom0, in which $home stands for the guest's directory and $id for its number.</summary>
    public async Task<string> Dom0Async(string script)
    {
        string id = Guest.DomainId.ToString(CultureInfo.InvariantCulture);
        return (await _world.Machine.RunInDom0Async($"home=/local/domain/{id}\nid={id}\n{script}", World.Limit)).ThrowIfFailed(script).Output.Trim();
    }

    /// <summary>Ends the guest. With its disks unplugged before, it must hold nothing any more.</summary>
    public async Task EndAsync(bool isUnplugged = false)
    {
        await Guest.WriteConsoleAsync("end\n"u8.ToArray());
        EndedGuest ended = (await EndedGuest.OfAsync(Guest, World.Limit)).AssertExited(0);
        if (isUnplugged)
        {
            Assert.Contains("left: 0 grants, 0 shared pages, 0 held pages", ended.Lines);
        }
    }

    public ValueTask DisposeAsync() => Guest.DisposeAsync();
}
