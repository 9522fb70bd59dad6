using System.Globalization;
using Xenlet.GuestImage;
using Xenlet.QemuXen;
using Xenlet.Tests;

namespace Xenlet.Guest.Tests;

/// <summary>Real Xen with a dom0, booted once for all tests of its collection.</summary>
public class XenWorld : World
{
    // The first to start boots dom0 and saves its state, which the others restore.
    private static readonly SemaphoreSlim OneAtATime = new(1);

    private XenMachine? _machine;

    /// <inheritdoc/>
    public override string Name => "under Xen";

    /// <summary>Processors of the machine.</summary>
    protected virtual int Processors => 1;

    /// <summary>The machine.</summary>
    public XenMachine Machine => _machine!;

    /// <inheritdoc/>
    public override async Task InitializeAsync() => _machine = await StartMachineAsync();

    /// <inheritdoc/>
    public override async Task DisposeAsync()
    {
        if (_machine is not null)
        {
            await _machine.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    public override async Task<DateTime> NowAsync()
    {
        CommandResult date = (await Machine.RunInDom0Async("date -u +%s")).ThrowIfFailed("date in dom0");
        return DateTime.UnixEpoch.AddSeconds(long.Parse(date.Output.Trim(), CultureInfo.InvariantCulture));
    }

    /// <summary>Makes empty disks of 4 MiB, and gives them in the words of xl: xvda first.</summary>
    public async Task<IReadOnlyList<string>> CreateDisksAsync(int count)
    {
        List<string> disks = [];
        for (int i = 0; i < count; i++)
        {
            disks.Add(GuestConfig.RawDisk(await Machine.CreateDiskAsync(4), $"xvd{(char)('a' + i)}"));
        }

        return disks;
    }

    /// <summary>A disk with the pattern of <see cref="BlockPattern"/> in every sector, as a file that dom0 sees.</summary>
    public string SharePattern(int seed, int sizeMiB)
    {
        byte[] pattern = new byte[sizeMiB << 20];
        BlockPattern.Fill(pattern, 0, seed);
        string name = string.Create(CultureInfo.InvariantCulture, $"xenlet-pattern-{Environment.ProcessId}-{seed}-{sizeMiB}");
        string path = Path.Combine(Path.GetTempPath(), name);
        File.WriteAllBytes(path, pattern);
        try
        {
            return Machine.Share(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Gives dom0 programs of this machine that it has not.</summary>
    public async Task GiveProgramsAsync(params string[] names)
    {
        foreach (string name in names)
        {
            if ((await Machine.RunInDom0Async($"command -v {name}")).ExitCode != 0)
            {
                await Machine.InstallProgramAsync(name);
            }
        }
    }

    /// <summary>Has xl ask a guest for a report, and gives the console from there to the report's end.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="letter">Which report: docs/programs.md has the letters.</param>
    public async Task<string> ReportAsync(XenGuest guest, char letter)
    {
        int from = guest.Console.Text.Length;
        (await Machine.RunInDom0Async($"xl sysrq {guest.DomainId} {letter}", Limit)).ThrowIfFailed("xl sysrq");
        int end = await guest.WaitForTextAsync("xenlet: end of the report", Limit, from);
        return guest.Console.Text[from..end];
    }

    /// <summary>Loads a module for Linux guests, and those that it needs, into dom0's kernel.</summary>
    public async Task LoadModuleAsync(string name)
    {
        foreach (string file in Machine.Image.GuestModuleFiles(name))
        {
            string copy = await Machine.CopyProgramAsync(file);
            CommandResult loading = await Machine.RunInDom0Async(
                $"test -d /sys/module/{Path.GetFileNameWithoutExtension(file)} || insmod {copy}");
            loading.ThrowIfFailed($"loading {file} in dom0");
        }
    }

    /// <inheritdoc/>
    public override async Task<IGuest> StartAsync(GuestConfig config) => await Machine.CreateGuestAsync(config);

    /// <summary>Starts the machine.</summary>
    protected virtual async Task<XenMachine> StartMachineAsync()
    {
        await OneAtATime.WaitAsync();
        try
        {
            return await XenMachine.StartAsync(
                new XenMachineOptions { Dom0Directory = Images.Dom0Directory, MemoryMiB = 1280, Cpus = Processors });
        }
        finally
        {
            OneAtATime.Release();
        }
    }
}

/// <summary>
/// The tests of the kernel, of programs, of disks and of the domain's life, which run under one Xen, one after the other. This collection
/// and the next two take about equally long: the last to end would keep one processor alone.
/// </summary>
[CollectionDefinition(Name)]
public sealed class UnderXen : ICollectionFixture<XenWorld>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "under Xen";
}

/// <summary>
/// The tests of xenstore, of the bus, of what xl asks of a domain, and some of connections, under a Xen of their own beside the other ones.
/// </summary>
[CollectionDefinition(Name)]
public sealed class DevicesUnderXen : ICollectionFixture<XenWorld>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "devices under Xen";
}

/// <summary>The tests of network interfaces and most of those of connections, likewise.</summary>
[CollectionDefinition(Name)]
public sealed class DriversUnderXen : ICollectionFixture<XenWorld>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "drivers under Xen";
}
