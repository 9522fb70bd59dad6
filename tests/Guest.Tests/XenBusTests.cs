using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>XenBus in a guest with real back ends: blkback and netback of dom0's Linux, plugged by the real xl.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed partial class XenBusTests(XenWorld world)
{
    [Fact]
    public async Task Devices_present_at_boot_connect_and_those_whose_back_ends_never_appear_are_named()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, disks: 1, interfaces: 1, beforeBoot: guest => guest.Dom0Async(
            """
            silent=/local/domain/0/backend/silent/$id
            xenstore-write $silent/1/state 1
            xenstore-chmod -r $silent n0 r$id
            for device in 60000 60001; do
                xenstore-write $home/device/vbd/$device ""
                xenstore-chmod $home/device/vbd/$device n$id r0
            done
            xenstore-write $home/device/vbd/60000/backend-id 0 $home/device/vbd/60000/backend $silent/1 $home/device/vbd/60000/state 1
            xenstore-write $home/device/vbd/60001/backend-id 0 $home/device/vbd/60001/backend $silent/2 $home/device/vbd/60001/state 1
            """), commandLine: "xenbus 10");
        await guest.SeesAsync("boot: still missing: ");
        await guest.SeesAsync("vbd/60000: Initialising, other end Initialising, for ");
        await guest.SeesAsync("following");
        await guest.BecomesAsync($"/local/domain/0/backend/vbd/{guest.Id}/51712/state", "4");
        await guest.BecomesAsync($"/local/domain/0/backend/vif/{guest.Id}/0/state", "4");
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains(
            $"    vbd/51712  block  Connected  <-> Connected at domain 0, /local/domain/0/backend/vbd/{guest.Id}/51712", ended.Lines);
        Assert.Contains($"    vif/0  network  Connected  <-> Connected at domain 0, /local/domain/0/backend/vif/{guest.Id}/0", ended.Lines);
        Assert.Contains($"    vbd/60001  block  Closed  <-> Closed at domain 0, /local/domain/0/backend/silent/{guest.Id}/2", ended.Lines);
        await guest.Dom0Async("xenstore-rm /local/domain/0/backend/silent");
    }

    [Fact]
    public async Task A_disk_and_an_interface_left_in_use_by_who_ran_before_are_reset_at_boot_and_connect()
    {
        // Linux's back ends try to connect to what is not there, fail, and close.
        await using XenBusGuest guest = await XenBusGuest.StartAsync(
            world, disks: 1, interfaces: 1, beforeBoot: guest => guest.Dom0Async(
                "xenstore-write $home/device/vbd/51712/state 4 $home/device/vif/0/state 4"));
        await guest.SeesAllAsync(
            "vbd/51712: was left Connected by who ran here before, and is reset",
            "vif/0: was left Connected by who ran here before, and is reset",
            "boot: all devices are there");
        await guest.BecomesAsync($"/local/domain/0/backend/vbd/{guest.Id}/51712/state", "4");
        await guest.BecomesAsync($"/local/domain/0/backend/vif/{guest.Id}/0/state", "4");
        await guest.ShutDownAsync();
    }

    [Fact]
    public async Task Fifteen_disks_and_five_interfaces_come_and_go_and_nothing_is_left_of_them() =>
        await CycleAsync(world, disks: 15, interfaces: 5);

    [Theory]
    [InlineData("front vbd/51728: arrived")]
    [InlineData("front vbd/51728: driver block")]
    [InlineData("front vbd/51728: other end Connected -> Closing")]
    public async Task A_guest_destroyed_in_the_middle_of_a_plug_leaves_dom0_and_the_next_guest_healthy(string moment)
    {
        await using (XenBusGuest guest = await XenBusGuest.StartAsync(world, disks: 1))
        {
            await guest.SeesAsync("following");
            Task plugging = PlugAndUnplugAsync(guest.Guest);
            await guest.SeesAsync(moment);
            await guest.Guest.DestroyAsync();
            await plugging;
            await guest.Dom0Async("! xenstore-exists $home");
        }

        await using XenBusGuest next = await XenBusGuest.StartAsync(world, disks: 1);
        await next.SeesAsync("boot: all devices are there");
        await next.SeesAsync("following");
        await next.CycleDiskAsync("xvdb", 51728);
        await next.ShutDownAsync();
    }

    [Fact]
    public async Task A_back_end_that_dom0_gives_the_guest_follows_its_front_end()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world);
        await guest.SeesAsync("following");
        string back = $"{guest.Home}/backend/echo/0/7";
        const string front = "/local/domain/0/data/echo/7";
        await guest.Dom0Async(
            $"""
            xenstore-write {front}/word first {front}/state 1
            xenstore-chmod -r {front} n0 r$id
            xenstore-write {back} ""
            xenstore-chmod -r $home/backend n$id r0
            xenstore-write {back}/frontend {front} {back}/frontend-id 0 {back}/online 1 {back}/hotplug-status connected {back}/state 1
            """);
        await guest.SeesAsync("back echo/0/7: Initialising -> InitWait");
        await guest.SeesAsync("back echo/0/7: other end Unknown -> Initialising");
        await guest.Dom0Async($"xenstore-write {front}/state 3");
        await guest.SeesAsync("back echo/0/7: InitWait -> Connected");
        Assert.Equal("first", await guest.Dom0Async($"xenstore-read {back}/word"));
        await guest.Dom0Async($"xenstore-write {front}/state 4");
        await guest.SeesAsync("back echo/0/7: other end Initialised -> Connected");

        await guest.Dom0Async($"xenstore-write {front}/state 5");
        await guest.BecomesAsync($"{back}/state", "5");
        await guest.Dom0Async($"xenstore-write {front}/state 6");
        await guest.BecomesAsync($"{back}/state", "6");

        // A front end that starts again finds the back end ready, as long as it is online.
        await guest.Dom0Async($"xenstore-write {front}/word second {front}/state 1");
        await guest.BecomesAsync($"{back}/state", "2");
        await guest.Dom0Async($"xenstore-write {front}/state 3");
        await guest.BecomesAsync($"{back}/state", "4");
        Assert.Equal("second", await guest.Dom0Async($"xenstore-read {back}/word"));

        // Offline, it removes its hot-plug mark.
        await guest.Dom0Async($"xenstore-write {back}/online 0; xenstore-write {front}/state 6");
        await guest.BecomesAsync($"{back}/state", "6");
        await guest.BecomesAsync($"{back}/hotplug-status", "");
        await guest.Dom0Async($"xenstore-rm {back}");
        await guest.SeesAsync("back echo/0/7: departed");
        await guest.ShutDownAsync();
        await guest.Dom0Async($"xenstore-rm {front}");
    }

    [Fact]
    public async Task With_default_quotas_110_devices_work_and_at_150_messages_name_what_is_lost_and_nothing_else_breaks()
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world, disks: 1);
        await guest.SeesAllAsync("front vbd/51712: Initialised -> Connected", "following");
        await MakeManyAsync(guest, from: 0, to: 110);
        await UntilAsync(guest, () => CountSeenConnected(guest) == 110);
        Assert.Equal(110, await CountConnectedAsync(guest));

        await MakeManyAsync(guest, from: 110, to: 150);
        int lost = 0;
        await UntilAsync(guest, () => CountSeenConnected(guest) + (lost = Count(guest, ": given up")) == 150);
        Assert.Equal(150 - lost, await CountConnectedAsync(guest));
        Assert.InRange(lost, 1, 40);
        Assert.Equal(lost, Count(guest, ": 28 driver many cannot be attached: "));
        Assert.NotEqual(0, Count(guest, ": its other end cannot be watched"));

        // All connected devices still follow their other ends.
        await guest.Dom0Async("xenstore-write /local/domain/0/data/many/$id/5/state 5");
        await guest.BecomesAsync($"{guest.Home}/device/many/5/state", "6");
        await guest.Guest.DetachDiskAsync("xvda");
        await guest.SeesAsync("front vbd/51712: departed");

        await guest.Dom0Async("xenstore-rm $home/device/many; xenstore-rm /local/domain/0/data/many");
        await UntilAsync(guest, () => Count(guest, ": departed") == 151 - lost);
        await guest.CycleDiskAsync("xvdb", 51728);
        EndedGuest ended = await guest.ShutDownAsync();
        Assert.DoesNotContain(ended.Lines, line => line.StartsWith("    many/", StringComparison.Ordinal));
        Assert.Contains("left: 0 grants, 0 shared pages, 0 held pages", ended.Lines);
    }

    /// <summary>Plug cycles in one guest; at the end it holds nothing that it did not hold at the beginning.</summary>
    internal static async Task CycleAsync(XenWorld world, int disks, int interfaces)
    {
        await using XenBusGuest guest = await XenBusGuest.StartAsync(world);
        await guest.SeesAsync("following");
        for (int i = 0; i < disks; i++)
        {
            await guest.CycleDiskAsync("xvdb", 51728);
        }

        for (int i = 0; i < interfaces; i++)
        {
            await guest.CycleInterfaceAsync();
        }

        EndedGuest ended = await guest.ShutDownAsync();
        Assert.Contains("left: 0 grants, 0 shared pages, 0 held pages", ended.Lines);
        Assert.DoesNotContain(ended.Lines, line => line.StartsWith("    v", StringComparison.Ordinal));
    }

    /// <summary>The domain is destroyed somewhere in between; what xl says of that is of no interest.</summary>
    private async Task PlugAndUnplugAsync(XenGuest guest)
    {
        try
        {
            await guest.AttachDiskAsync(GuestConfig.RawDisk(await world.Machine.CreateDiskAsync(4), "xvdb"));
            await guest.WaitForTextAsync("front vbd/51728: Initialised -> Connected", World.Limit);
            await guest.DetachDiskAsync("xvdb");
        }
        catch (QemuXenException)
        {
        }
    }

    /// <summary>
    /// Makes devices whose other ends are connected already. Their directories belong to the guest, as xl does it, so their nodes count for
    /// its quota: seven each, with those that the driver writes.
    /// </summary>
    private static async Task MakeManyAsync(XenBusGuest guest, int from, int to) => await guest.Dom0Async(
        string.Create(CultureInfo.InvariantCulture, $$"""
        others=/local/domain/0/data/many/$id
        xenstore-exists $others || { xenstore-write $others ""; xenstore-chmod $others n0 r$id; }
        xenstore-exists $home/device/many || { xenstore-write $home/device/many ""; xenstore-chmod $home/device/many n$id r0; }
        i={{from}}
        while [ $i -lt {{to}} ]; do
            echo $others/$i/state 4
            echo $home/device/many/$i/backend-id 0 $home/device/many/$i/backend $others/$i $home/device/many/$i/state 1
            i=$((i + 1))
        done | xargs -n 80 xenstore-write
        """));

    /// <summary>Waits for what the guest writes, which costs dom0 nothing: a look at so many nodes of xenstore costs it a second.</summary>
    private static async Task UntilAsync(XenBusGuest guest, Func<bool> condition)
    {
        long limit = Environment.TickCount64 + (long)World.Limit.TotalMilliseconds;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < limit, guest.Guest.Console.Text);
            await Task.Delay(200);
        }
    }

    /// <summary>How many of the many devices the guest has said to be connected. It says so after it has written the state.</summary>
    private static int CountSeenConnected(XenBusGuest guest) =>
        SeenConnected().Count(guest.Guest.Console.Text);

    /// <summary>How many are connected as xenstore has it.</summary>
    private static async Task<int> CountConnectedAsync(XenBusGuest guest) =>
        int.Parse(await guest.Dom0Async("xenstore-ls $home/device/many | grep -c 'state = \"4\"' || true"), CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^front many/\d+: \w+ -> Connected ", RegexOptions.Multiline)]
    private static partial Regex SeenConnected();

    /// <summary>How many times the guest has written a text.</summary>
    private static int Count(XenBusGuest guest, string part)
    {
        string text = guest.Guest.Console.Text;
        return (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;
    }
}

/// <summary>The same at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(DevicesUnderXen.Name)]
public sealed class XenBusSoakTests(XenWorld world)
{
    [Fact]
    public async Task Two_hundred_disks_and_interfaces_come_and_go_and_nothing_is_left_of_them() =>
        await XenBusTests.CycleAsync(world, disks: 150, interfaces: 50);
}
