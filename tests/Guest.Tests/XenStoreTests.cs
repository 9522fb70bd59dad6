using System.Globalization;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>A guest's xenstore client against the domain's real ring and real xenstored; the test is dom0.</summary>
[Collection(DevicesUnderXen.Name)]
public sealed class XenStoreTests(XenWorld world)
{
    [Fact]
    public async Task A_guest_reads_writes_watches_transacts_and_lists_with_dom0_at_the_other_end()
    {
        await using XenGuest guest = (XenGuest)await world.StartCaseAsync("xenstore");
        string home = $"/local/domain/{guest.DomainId.ToString(CultureInfo.InvariantCulture)}";
        await WaitAsync(guest, $"name {guest.Name}, domain {guest.DomainId}");

        await WaitAsync(guest, "watching");
        Assert.Equal("by the guest", (await Dom0Async($"xenstore-read {home}/data/left")).Trim());
        await Dom0Async($"xenstore-write {home}/data/ping pong");
        await WaitAsync(guest, "watch saw pong");

        await WaitAsync(guest, "in transaction");
        await Dom0Async($"xenstore-write {home}/data/counter 41");
        await WaitAsync(guest, "committed 42 in 2 attempts");
        Assert.Equal("42", (await Dom0Async($"xenstore-read {home}/data/counter")).Trim());

        await WaitAsync(guest, "make the directory");
        await Dom0Async(
            $"i=0; while [ $i -lt 2000 ]; do printf '{home}/data/many/%04d x ' $i; i=$((i+1)); done | xargs -n 400 xenstore-write;"
            + $" xenstore-write {home}/data/many-made yes");
        await WaitAsync(guest, "listed 2000 names from 0000 to 1999");

        await WaitAsync(guest, "read 2000 times");
        await WaitAsync(guest, "errors are named");
        (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
    }

    [Theory]
    [InlineData("exit-return 0", 0)]
    [InlineData("exit-call 7", 7)]
    public async Task The_exit_status_is_left_in_xenstore(string commandLine, int status)
    {
        const string log = "/tmp/exit-status";
        await using XenGuest guest = (XenGuest)await world.StartAsync(new GuestConfig
        {
            Name = world.NewName(),
            Kernel = await Images.Cases,
            MemoryMiB = World.CaseMemory,
            CommandLine = commandLine,
            Paused = true,

            // The node goes with the domain.
            OnPowerOff = "preserve",
        });
        string node = $"/local/domain/{guest.DomainId.ToString(CultureInfo.InvariantCulture)}/data/xenlet/exit";
        await Dom0Async(
            $"""
            rm -f {log} {log}-watched
            (xenstore-watch {node} | while read -r _; do touch {log}-watched; xenstore-read {node} > {log} && break; done) \
                > /dev/null 2>&1 &
            until [ -e {log}-watched ]; do usleep 20000; done
            """);
        await guest.UnpauseAsync();
        (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(status);
        Assert.Equal(
            status.ToString(CultureInfo.InvariantCulture),
            (await Dom0Async($"until [ -s {log} ]; do usleep 100000; done; cat {log}")).Trim());
    }

    private static Task<int> WaitAsync(XenGuest guest, string text) => guest.WaitForTextAsync(text, World.Limit);

    private async Task<string> Dom0Async(string command) =>
        (await world.Machine.RunInDom0Async(command, World.Limit)).ThrowIfFailed(command).Output;
}
