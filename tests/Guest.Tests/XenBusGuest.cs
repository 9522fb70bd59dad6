using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest that follows its devices (the case "xenbus" or another), and dom0 beside it, which plugs them.</summary>
internal sealed class XenBusGuest : IAsyncDisposable
{
    private readonly XenWorld _world;
    private int _position;

    private XenBusGuest(XenWorld world, XenGuest guest)
    {
        _world = world;
        Guest = guest;
    }

    public XenGuest Guest { get; private set; }

    /// <summary>The domain's number as it stands in paths.</summary>
    public string Id => Guest.DomainId.ToString(CultureInfo.InvariantCulture);

    /// <summary>Its directory in xenstore.</summary>
    public string Home => $"/local/domain/{Id}";

    /// <summary>Starts a guest.</summary>
    /// <param name="world">Where.</param>
    /// <param name="disks">Number of empty disks it has from the beginning.</param>
    /// <param name="interfaces">Number of network interfaces.</param>
    /// <param name="beforeBoot">Runs before the guest's first instruction.</param>
    /// <param name="commandLine">The case that it runs.</param>
    public static async Task<XenBusGuest> StartAsync(
        XenWorld world, int disks = 0, int interfaces = 0, Func<XenBusGuest, Task>? beforeBoot = null, string commandLine = "xenbus")
    {
        List<string> words = [];
        for (int i = 0; i < disks; i++)
        {
            words.Add(GuestConfig.RawDisk(await world.Machine.CreateDiskAsync(4), $"xvd{(char)('a' + i)}"));
        }

        XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.CaseMemory,
            CommandLine = commandLine,
            Disks = words,
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

    /// <summary>The domain was restored or migrated: it is another one now.</summary>
    public async Task GoOnAsAsync(XenGuest guest)
    {
        await Guest.DisposeAsync();
        Guest = guest;
        _position = 0;
    }

    /// <summary>Waits for a line with this text behind the one waited for last.</summary>
    public async Task SeesAsync(string text) => _position = await Guest.WaitForTextAsync(text, World.Limit, _position);

    /// <summary>Runs a script in dom0, in which $home stands for the guest's directory and $id for its number.</summary>
    public async Task<string> Dom0Async(string script) =>
        (await _world.Machine.RunInDom0Async($"home={Home}\nid={Id}\n{script}", World.Limit)).ThrowIfFailed(script).Output.Trim();

    /// <summary>Puts a file of the host where dom0 can run it, and gives its path there.</summary>
    public string Share(string hostPath) => _world.Machine.Share(hostPath);

    /// <summary>Waits until a node has a value.</summary>
    public Task BecomesAsync(string node, string value) => Dom0Async(
        $"""
        tries=0
        until [ "$(xenstore-read {node} 2>/dev/null)" = '{value}' ]; do
            tries=$((tries + 1))
            if [ $tries -ge 600 ]; then
                echo "{node} is $(xenstore-read {node} 2>&1), not {value}" >&2
                exit 1
            fi
            usleep 100000
        done
        """);

    /// <summary>Plugs a disk, waits until both ends are connected, unplugs it, and waits until the guest has let it go.</summary>
    public async Task CycleDiskAsync(string device, int number)
    {
        await Guest.AttachDiskAsync(GuestConfig.RawDisk(await _world.Machine.CreateDiskAsync(4), device));
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

    public ValueTask DisposeAsync() => Guest.DisposeAsync();
}
