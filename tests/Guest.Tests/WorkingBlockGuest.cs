using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// A guest in the middle of its disk's work (the command "steady" of the case "block"), and what xl does to it. After each the work must
/// have continued.
/// </summary>
internal sealed class WorkingBlockGuest : IAsyncDisposable
{
    private readonly XenWorld _world;
    private readonly BlockGuest _guest;
    private int _connections = 1;

    private WorkingBlockGuest(XenWorld world, BlockGuest guest)
    {
        _world = world;
        _guest = guest;
    }

    /// <summary>The domain's number, which a restore and a migration change.</summary>
    public string Id => _guest.Id;

    /// <summary>The guest itself.</summary>
    public FollowedGuest Guest => _guest;

    private string SaveFile => XenMachine.SavePath(_guest.Guest.Name);

    /// <summary>Starts the guest and its work.</summary>
    /// <param name="world">Where.</param>
    /// <param name="disk">Its xvda in the words of xl.</param>
    public static async Task<WorkingBlockGuest> StartAsync(XenWorld world, string disk) =>
        await StartAsync(world, await BlockGuest.StartAsync(world, "block", World.SavedMemory, [], disk));

    /// <summary>Starts the work of a guest that has been started.</summary>
    public static async Task<WorkingBlockGuest> StartAsync(XenWorld world, BlockGuest guest)
    {
        Assert.Equal("ok", await guest.DoAsync("steady xvda 7"));
        return new WorkingBlockGuest(world, guest);
    }

    public async Task SaveAndRestoreAsync()
    {
        await _guest.Guest.SaveAsync(SaveFile, World.Limit);
        await _guest.SeesAsync("suspending in the middle of work");
        await _guest.GoOnAsAsync(await _world.Machine.RestoreGuestAsync(_guest.Guest.Name, SaveFile));
        await _guest.Dom0Async($"rm {SaveFile}");
        await AssertGoesOnAsync("Resumed");
    }

    public async Task CheckpointAsync()
    {
        await _guest.Guest.CheckpointAsync(SaveFile, World.Limit);
        await _guest.SeesAsync("suspending in the middle of work");
        await _guest.Dom0Async($"rm {SaveFile}");
        await AssertGoesOnAsync("Cancelled");
    }

    /// <summary>Saves it to a place without room.</summary>
    public async Task FailToSaveAsync()
    {
        string directory = $"/tmp/full-{_guest.Guest.Name}";
        await _guest.Dom0Async($"mkdir {directory} && mount -t tmpfs -o size=4M full {directory}");
        await Assert.ThrowsAsync<QemuXenException>(() => _guest.Guest.SaveAsync($"{directory}/state", World.Limit));
        await _guest.Dom0Async($"umount {directory} && rmdir {directory}");
        await AssertGoesOnAsync("Cancelled");
    }

    public async Task MigrateAsync()
    {
        await _guest.GoOnAsAsync(await _guest.Guest.MigrateAsync());
        await AssertGoesOnAsync("Resumed");
    }

    /// <summary>Ends the work and the guest.</summary>
    public async Task EndAsync()
    {
        Assert.Equal("ok", await _guest.DoAsync("stop xvda"));
        string counts = await _guest.DoAsync("count xvda");
        Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $", connections {_connections}"), counts, StringComparison.Ordinal);
        Assert.DoesNotContain("failures", counts, StringComparison.Ordinal);
        await _guest.EndAsync();
    }

    public ValueTask DisposeAsync() => _guest.DisposeAsync();

    private async Task AssertGoesOnAsync(string outcome)
    {
        await _guest.SeesAsync($"suspended: {outcome}");
        Assert.Equal("ok", await _guest.DoAsync("progress xvda"));
        if (outcome == "Resumed")
        {
            _connections++;
        }
    }
}
