using System.Collections.Concurrent;
using Xenlet.AssembledGuests;
using Xenlet.QemuXen.Commands;

namespace Xenlet.QemuXen.Tests;

/// <summary>What <c>run --dom0</c> does: a command in dom0 beside the guest.</summary>
[Collection(XenFixture.Collection)]
public sealed class GuestShowTests(XenFixture fixture)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_commands_output_is_shown_line_by_line_while_it_runs()
    {
        Lines lines = new();
        Task<CommandResult> command = fixture.Machine.RunInDom0Async(
            "echo first; echo second >&2; until [ -e /tmp/go-on ]; do usleep 20000; done; rm /tmp/go-on; printf 'third\\nlast'; exit 3",
            lines, TimeSpan.FromMinutes(5));

        await lines.WaitForAsync("first");
        Assert.False(command.IsCompleted);
        await fixture.Machine.RunInDom0Async("touch /tmp/go-on");

        Assert.Equal(new CommandResult(3, "first\nthird\nlast", "second\n"), await command);
        Assert.Equal(["first", "third", "last"], lines);
    }

    [Fact]
    public async Task A_guest_that_does_not_follow_is_destroyed_after_the_command_whose_failure_is_told()
    {
        Lines lines = new();
        await using XenGuest guest = await CreateAsync("deaf");

        string? problem = await GuestShow.RunAsync(
            fixture.Machine, guest, null, "xl domname $GUEST; echo wrong >&2; exit 7", TimeSpan.FromSeconds(
                2), lines, CancellationToken.None);

        Assert.Equal(["dom0: deaf", "dom0: wrong", "xl shutdown deaf"], lines);
        Assert.Contains("status 7", problem, StringComparison.Ordinal);
        Assert.Contains("did not follow xl shutdown", problem, StringComparison.Ordinal);
        Assert.Equal(GuestEndReason.Destroyed, (await guest.WaitForEndAsync(TimeSpan.FromMinutes(2))).Reason);
    }

    [Fact]
    public async Task A_guest_that_ends_first_ends_the_command()
    {
        await using XenGuest guest = await CreateAsync("short");
        using CancellationTokenSource ended = new();
        Lines lines = new();
        Task<string?> show = GuestShow.RunAsync(
            fixture.Machine, guest, null, "echo begun; sleep 600", Limit, lines, ended.Token);
        await lines.WaitForAsync("dom0: begun");

        await ended.CancelAsync();

        Assert.Null(await show.WaitAsync(TimeSpan.FromMinutes(2)));
        Assert.Equal(["dom0: begun"], lines);
    }

    [Fact]
    public async Task A_command_that_ends_the_guest_itself_has_not_failed()
    {
        await using XenGuest guest = await CreateAsync("ended");

        string? problem = await GuestShow.RunAsync(
            fixture.Machine, guest, null, "xl destroy $GUEST", Limit, progress: null, CancellationToken.None);

        Assert.Null(problem);
        Assert.Equal(GuestEndReason.Destroyed, (await guest.WaitForEndAsync(TimeSpan.FromMinutes(2))).Reason);
    }

    private async Task<XenGuest> CreateAsync(string name)
    {
        string kernel = AssembledGuest.Build(guest => guest.Hang());
        try
        {
            return await fixture.Machine.CreateGuestAsync(new() { Name = name, Kernel = kernel, MemoryMiB = 4 });
        }
        finally
        {
            File.Delete(kernel);
        }
    }

    private sealed class Lines : ConcurrentQueue<string>, IProgress<string>
    {
        public void Report(string value) => Enqueue(value);

        public async Task WaitForAsync(string line)
        {
            using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
            while (!this.Contains(line))
            {
                await Task.Delay(20, limit.Token);
            }
        }
    }
}
