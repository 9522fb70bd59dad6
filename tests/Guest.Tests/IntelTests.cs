using System.Security.Cryptography;
using Xenlet.GuestImage;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>
/// What differs between the makers of processors, and what proves soonest that a guest works on Intel's as it does on AMD's:
/// hypercalls by vmcall, interrupts and faults by VMX, and with them event channels, grants, xenstore, a disk and a network interface.
/// </summary>
[Collection(OnIntel.Name)]
public sealed class IntelTests(IntelWorld world)
{
    private const int DiskMiB = 1;

    /// <summary>Cases that call Xen, take faults and interrupts, and change threads in every way.</summary>
    private static readonly string[] Cases =
    [
        "kernel-hypervisor", "kernel-statistics", "kernel-event-sent", "kernel-event-many-ports", "kernel-event-errors",
        "kernel-event-flood",
        "kernel-page", "kernel-grant", "kernel-xenstore", "null-read", "divide-by-zero-int", "fault-keeps-locals", "spinner-and-timer",
        "fifty-threads", "delay-order", "secure-random", "utc-now", "console-utf8",
    ];

    public static TheoryData<string> ChosenCases => [.. Cases];

    [Theory]
    [MemberData(nameof(ChosenCases))]
    public async Task A_chosen_case_holds(string name) => (await world.BootedAsync(string.Join(' ', Cases))).AssertOk("intel", name);

    [Fact]
    public async Task The_processor_is_Intels_and_Xen_runs_guests_on_it_by_VMX()
    {
        CommandResult processor = await world.Machine.RunInDom0Async("grep -m 1 vendor_id /proc/cpuinfo");
        Assert.EndsWith("GenuineIntel\n", processor.Output, StringComparison.Ordinal);
        foreach (string said in (string[])["HVM: VMX enabled", "HVM: Hardware Assisted Paging (HAP) detected"])
        {
            Assert.Contains(world.Machine.Log.Lines, line => line.EndsWith(said, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Devices_connect_a_disk_is_plugged_and_unplugged_and_xl_shuts_the_guest_down()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, disks: 1, interfaces: 1);
        await guest.SeesAsync("boot: all devices are there");
        await guest.SeesAsync("following");
        await guest.BecomesAsync($"/local/domain/0/backend/vbd/{guest.Id}/51712/state", "4");
        await guest.BecomesAsync($"/local/domain/0/backend/vif/{guest.Id}/0/state", "4");
        await guest.CycleDiskAsync("xvdb", 51728);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains(
            $"    vbd/51712  block  Connected  <-> Connected at domain 0, /local/domain/0/backend/vbd/{guest.Id}/51712", ended.Lines);
        Assert.Contains($"    vif/0  network  Connected  <-> Connected at domain 0, /local/domain/0/backend/vif/{guest.Id}/0", ended.Lines);
    }

    [Fact]
    public async Task Every_sector_that_the_guest_writes_dom0_reads_and_the_other_way_round()
    {
        string written = await world.Machine.CreateDiskAsync(DiskMiB);
        string prepared = await world.Machine.CreateDiskAsync(DiskMiB);
        await using BlockGuest guest = await BlockGuest.StartAsync(
            world, GuestConfig.RawDisk(written, "xvda"), GuestConfig.RawDisk(prepared, "xvdb"));
        Assert.Equal("ok", await guest.DoAsync("fill xvda 1"));

        // What dom0 reads here is what it writes: a pattern of the host's would cost a second of a processor for each MiB.
        byte[] pattern = new byte[DiskMiB << 20];
        BlockPattern.Fill(pattern, 0, seed: 1);
        Assert.Equal(
            Convert.ToHexStringLower(SHA256.HashData(pattern)),
            await guest.Dom0Async($"dd if={written} of={prepared} conv=notrunc bs=64k; sha256sum {prepared} | cut -d' ' -f1"));
        Assert.Equal("ok", await guest.DoAsync("check xvdb 1"));
        Assert.Equal("ok", await guest.DoAsync("check xvda 1"));
        await guest.EndAsync();
    }
}

/// <summary>Every case that can share a boot. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(OnIntel.Name)]
public sealed class SharedCaseTestsOnIntel(IntelWorld world) : SharedCaseTests(world);

/// <summary>Saves, restores, checkpoints and migrations. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(OnIntel.Name)]
public sealed class LifeCycleTestsOnIntel(IntelWorld world) : LifeCycleTests(world);

/// <summary>Pings. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(OnIntel.Name)]
public sealed class PingTestsOnIntel(IntelWorld world) : PingTests(world);
