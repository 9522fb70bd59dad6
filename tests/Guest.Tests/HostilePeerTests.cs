using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Back ends of dom0 that lie (tests/HostilePeer), on a processor of their own, while a disk of blkback works. Whatever they do, the guest's heart beats
/// without a gap of two seconds, the honest disk does at least half its operations, and everything comes back when they have gone.
/// </summary>
[Collection(OnTwoProcessors.Name)]
public sealed class HostilePeerTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(1);

    /// <summary>What they do, and whether the device outlives it.</summary>
    internal static readonly (string Kind, string Behaviour, bool Survives)[] All =
    [
        ("disk", "silent", true),
        ("disk", "wrong-id", false),
        ("disk", "wrong-kind", false),
        ("disk", "statuses", true),
        ("disk", "ahead", false),
        ("disk", "living-index", false),
        ("disk", "storm", true),
        ("disk", "scribble", false),
        ("disk", "states", false),
        ("interface", "wrong-id", false),
        ("interface", "flood", true),
        ("interface", "garbage", true),
        ("interface", "ahead", false),
        ("interface", "living-index", false),
        ("interface", "storm", true),
        ("interface", "scribble", false),
        ("interface", "states", false),
    ];

    /// <summary>Those of the tests that are run each time.</summary>
    private static readonly (string Kind, string Behaviour)[] Chosen =
        [("disk", "wrong-id"), ("disk", "statuses"), ("disk", "ahead"), ("disk", "storm"), ("interface", "storm"), ("interface", "flood")];

    [Fact]
    public Task A_guest_works_on_while_disks_and_interfaces_lie() => LieAsync(world, output, All.Where(one => Chosen.Contains((one.Kind, one.Behaviour))), Short);

    [Fact]
    public Task An_interface_that_comes_and_goes_sixty_times_and_keeps_all_pages_costs_two_connections_and_works_when_it_is_honest_again() =>
        FlapAsync(world, output);

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
        kept.AssertUnharmed("an interface flaps", quiet);
        Assert.InRange(kept.Held, 1, 2 * PagesOfConnection);
        await guest.EndPeerAsync();
        await guest.HasBackAsync(quiet, kept);
        Assert.Equal("front end was Connected", await guest.RunPeerAsync("interface", "honest", Short));
        Assert.True((await guest.ReportAsync()).Others > 0, "the interface does not work any more");
        await guest.EndAsync();
    }

    internal static async Task LieAsync(
        TwoProcessorWorld world, ITestOutputHelper output, IEnumerable<(string Kind, string Behaviour, bool Survives)> behaviours, TimeSpan time)
    {
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport quiet = await QuietAsync(guest);
        output.WriteLine($"quiet: {quiet}");
        foreach ((string kind, string behaviour, bool survives) in behaviours)
        {
            string said = await guest.RunPeerAsync(kind, behaviour, time);
            HostileReport report = await guest.ReportAsync();
            output.WriteLine($"{kind} {behaviour}: {report} {said}");
            report.AssertUnharmed($"a {kind}'s back end does \"{behaviour}\"", quiet);
            Assert.True(survives == said.Contains("front end was Connected", StringComparison.Ordinal), $"{kind} {behaviour}: {said}\n{guest.Guest.Console.Tail(20)}");
            await guest.HasBackAsync(quiet, report);
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
}
