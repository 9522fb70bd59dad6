using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Back ends of dom0 that lie (tests/HostilePeer), on a processor of their own, while a disk of blkback works. Whatever they do, the guest's heart beats
/// without a gap of two seconds, the honest disk works on, at half its pace at least where the machine is quiet (in <c>soak</c>), and everything comes
/// back when they have gone.
/// </summary>
[Collection(OnTwoProcessors.Name)]
public sealed class HostilePeerTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    /// <summary>What they do, and whether the device outlives it, where that is certain.</summary>
    internal static readonly (string Kind, string Behaviour, bool? Survives)[] All =
    [
        ("disk", "silent", true),
        ("disk", "wrong-id", false),
        ("disk", "wrong-kind", false),
        ("disk", "statuses", true),
        ("disk", "ahead", false),
        ("disk", "living-index", false),
        ("disk", "storm", true),
        ("disk", "storm-and-serve", true),
        ("disk", "scribble", false),
        ("disk", "states", false),
        ("interface", "wrong-id", false),
        ("interface", "flood", true),
        ("interface", "garbage", false),
        ("interface", "ahead", false),
        ("interface", "living-index", false),
        ("interface", "storm", true),
        ("interface", "storm-and-serve", true),
        ("interface", "flap", null),
        ("interface", "scribble", false),
        ("interface", "states", null),
    ];

    /// <summary>Those of the tests that are run each time.</summary>
    private static readonly (string Kind, string Behaviour)[] Chosen =
        [("disk", "wrong-id"), ("disk", "statuses"), ("disk", "ahead"), ("disk", "storm"), ("interface", "storm"), ("interface", "flood")];

    [Fact]
    public Task A_guest_works_on_while_disks_and_interfaces_lie() => LieAsync(world, output, All.Where(one => Chosen.Contains((one.Kind, one.Behaviour))), Short);

    [Fact]
    public Task An_interface_that_comes_and_goes_sixty_times_and_keeps_all_pages_costs_two_connections_and_works_when_it_is_honest_again() =>
        FlapAsync(world, output);

    internal static async Task LieAsConsoleAsync(TwoProcessorWorld world, ITestOutputHelper output, TimeSpan time)
    {
        await using HostileGuest guest = await HostileGuest.StartWithConsoleAsync(world);
        HostileReport quiet = await QuietAsync(guest);
        output.WriteLine($"quiet: {quiet}");
        await using IAsyncDisposable taken = await guest.TakeConsoleAsync();
        foreach (string behaviour in (string[])["deaf", "storm", "flood", "living-index", "honest", "ahead"])
        {
            string said = await guest.RunPeerAsync("console", behaviour, time);
            HostileReport report = await guest.ReportAsync();
            output.WriteLine($"console {behaviour}: {report} {said}");
            report.AssertUnharmed(time, $"the console does \"{behaviour}\"", quiet);
            Assert.True(behaviour != "honest" || said != "took 0 bytes", "the guest writes nothing any more");
        }

        // Its last words would go nowhere: what was impossible ends a console for good.
        await guest.Guest.DestroyAsync();
    }

    internal static async Task FlapAsync(TwoProcessorWorld world, ITestOutputHelper output)
    {
        // A connection's pages for frames, and its rings.
        const int PagesOfConnection = 256 + 256 + 2;
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport quiet = await QuietAsync(guest);
        output.WriteLine($"quiet: {quiet}");
        string said = await guest.StartKeepingPeerAsync("interface", "flap-and-keep", Short);
        HostileReport kept = await guest.ReportAsync();
        output.WriteLine($"kept: {kept} {said}");
        kept.AssertUnharmed(Short, "an interface flaps", quiet);
        Assert.InRange(kept.Held, 1, 2 * PagesOfConnection);
        await guest.EndPeerAsync();
        await guest.HasBackAsync(quiet, kept);
        Assert.Equal("front end was Connected", await guest.RunPeerAsync("interface", "honest", Short));
        Assert.True((await guest.ReportAsync()).Others > 0, "the interface does not work any more");
        await guest.EndAsync();
    }

    internal static async Task LieAsync(
        TwoProcessorWorld world, ITestOutputHelper output, IEnumerable<(string Kind, string Behaviour, bool? Survives)> behaviours, TimeSpan time)
    {
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport quiet = await QuietAsync(guest);
        output.WriteLine($"quiet: {quiet}");
        foreach ((string kind, string behaviour, bool? survives) in behaviours)
        {
            string said = await guest.RunPeerAsync(kind, behaviour, time, untilClosed: survives == false);
            HostileReport report = await guest.ReportAsync();
            output.WriteLine($"{kind} {behaviour}: {report} {said}");
            report.AssertUnharmed(time, $"a {kind}'s back end does \"{behaviour}\"", quiet);
            bool isConnected = said.Contains("front end was Connected", StringComparison.Ordinal);
            Assert.True((survives ?? isConnected) == isConnected, $"{kind} {behaviour}: {said}\n{guest.Guest.Console.Tail(20)}");
            await guest.HasBackAsync(quiet, report);
            if (behaviour == "storm")
            {
                await guest.SeesAsync($"{(kind == "disk" ? "vbd/" : "vif/")}{HostileGuest.NumberOf(kind)}: domain 0 signals without cause");
            }
        }

        await guest.EndAsync();
    }

    private static async Task<HostileReport> QuietAsync(HostileGuest guest)
    {
        await guest.ReportAsync();
        await guest.Dom0Async("sleep 1");
        return await guest.ReportAsync();
    }
}

/// <summary>All that they do, at length. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(OnTwoProcessors.Name)]
public sealed class HostilePeerSoakTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    [Fact]
    public Task A_guest_works_on_while_disks_and_interfaces_do_all_that_they_can() =>
        HostilePeerTests.LieAsync(world, output, HostilePeerTests.All, TimeSpan.FromSeconds(10));

    [Fact]
    public async Task A_disk_that_has_gone_and_whose_pages_stay_mapped_gives_them_back_when_its_back_end_ends()
    {
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport before = await guest.ReportAsync();
        await guest.StartKeepingPeerAsync("disk", "honest", TimeSpan.FromSeconds(1));
        HostileReport kept = await guest.ReportAsync();
        Assert.True(kept.Held > 0, $"nothing is held: {kept}");
        await guest.EndPeerAsync();
        await guest.HasBackAsync(before, kept);
        await guest.EndAsync();
    }

    [Fact]
    public Task A_guest_works_on_while_its_console_does_all_that_it_can() => HostilePeerTests.LieAsConsoleAsync(world, output, TimeSpan.FromSeconds(10));
}
