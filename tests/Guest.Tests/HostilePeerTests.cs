using Xunit.Abstractions;

namespace Xenlet.Guest.Tests;

/// <summary>
/// Back ends of dom0 that lie (tests/HostilePeer), on a processor of their own, while a disk of blkback and an interface of netback work.
/// Whatever they do, no thread of the guest stops for two seconds, the disk keeps half its pace, the interface continues to work, and
/// everything comes back when they have gone.
/// </summary>
[Collection(OnTwoProcessors.Name)]
public sealed class HostilePeerTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    /// <summary>The behaviours, and whether the device survives each, if that is certain.</summary>
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
        ("disk", "state-storm", true),
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
        ("interface", "state-storm", true),
    ];

    /// <summary>Those of the test that is run each time.</summary>
    private static readonly (string Kind, string Behaviour)[] Chosen =
        [("disk", "wrong-id"), ("disk", "statuses"), ("disk", "ahead"), ("disk", "storm"), ("interface", "storm"), ("interface", "flood")];

    [Fact]
    public async Task A_guest_works_on_while_devices_lie_and_one_that_flaps_and_keeps_all_pages_costs_two_connections()
    {
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport quiet = await QuietAsync(guest, output);
        await LieAsync(guest, quiet, output, All.Where(one => Chosen.Contains((one.Kind, one.Behaviour))), TimeSpan.FromSeconds(0.5));
        await FlapAsync(guest, quiet, output);
        await guest.EndAsync();
    }

    /// <summary>Has devices lie, one after the other.</summary>
    internal static async Task LieAsync(
        HostileGuest guest,
        HostileReport quiet,
        ITestOutputHelper output,
        IEnumerable<(string Kind, string Behaviour, bool? Survives)> behaviours,
        TimeSpan time)
    {
        HonestPace pace = new(guest, time, output);
        await pace.MeasureAsync("disk");
        foreach ((string kind, string behaviour, bool? survives) in behaviours)
        {
            await pace.AssertKeptAsync(kind, behaviour, await LieOnceAsync(), LieOnceAsync);

            async Task<double> LieOnceAsync()
            {
                (HostileReport report, string said) = await HostileReport.UnharmedAsync(
                    guest, $"a back end ({kind}) does \"{behaviour}\"", output,
                    () => guest.RunPeerAsync(kind, behaviour, time, untilClosed: survives == false));
                bool isConnected = said.Contains("front end was Connected", StringComparison.Ordinal);
                Assert.True((survives ?? isConnected) == isConnected, $"{kind} {behaviour}: {said}\n{guest.Guest.Console.Tail(20)}");
                await guest.HasBackAsync(quiet, report);
                if (behaviour == "storm")
                {
                    string device = kind == "disk" ? "vbd" : "vif";
                    await guest.SeesAsync($"{device}/{HostileGuest.NumberOf(kind)}: domain 0 signals without cause");
                }

                return report.Rate;
            }
        }
    }

    private static async Task FlapAsync(HostileGuest guest, HostileReport quiet, ITestOutputHelper output)
    {
        // A connection's pages for frames, and its rings.
        const int PagesOfConnection = 256 + 256 + 2;
        HostileReport kept = await KeptAsync(guest, quiet, "an interface flaps", output, "interface", "flap-and-keep", TimeSpan.Zero);
        Assert.InRange(kept.Held, 1, 2 * PagesOfConnection);
        await guest.EndPeerAsync();
        await guest.HasBackAsync(quiet, kept);
        await guest.UsesHonestAsync("interface", TimeSpan.FromSeconds(0.5));
    }

    /// <summary>Has a peer behave so that keeps what it has mapped, and gives the guest's report meanwhile.</summary>
    internal static async Task<HostileReport> KeptAsync(
        HostileGuest guest,
        HostileReport quiet,
        string when,
        ITestOutputHelper output,
        string kind,
        string behaviour,
        TimeSpan time)
    {
        bool isKept = false;
        return (await HostileReport.UnharmedAsync(guest, when, output, async () =>
        {
            if (isKept)
            {
                await guest.EndPeerAsync();
                await guest.HasBackAsync(quiet, await guest.ReportAsync());
            }

            isKept = true;
            return await guest.StartKeepingPeerAsync(kind, behaviour, time);
        })).Report;
    }

    /// <summary>What the guest has when its honest devices have granted all that they ever will.</summary>
    internal static async Task<HostileReport> QuietAsync(HostileGuest guest, ITestOutputHelper output)
    {
        // The interface has all its pages (NeighbourWork.UseAllPagesAsync); the disk is granted those of its work as that begins.
        HostileReport before = await guest.ReportAsync();
        HostileReport quiet = before;
        for (int i = 0; i < 120; i++)
        {
            await guest.Dom0Async("sleep 1");
            quiet = await guest.ReportAsync();
            output.WriteLine($"quiet: {quiet}");
            if (quiet.Answers > 0 && quiet.Grants == before.Grants)
            {
                return quiet;
            }

            before = quiet;
        }

        throw new InvalidOperationException($"the grants of a guest whose devices are honest rise and rise: {quiet}");
    }
}

/// <summary>All behaviours, for longer. Run by <c>build.sh soak</c>.</summary>
[Trait("Category", "Soak")]
[Collection(OnTwoProcessors.Name)]
public sealed class HostilePeerSoakTests(TwoProcessorWorld world, ITestOutputHelper output)
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("disk")]
    [InlineData("interface")]
    public async Task A_guest_works_on_while_devices_do_all_that_they_can(string kind)
    {
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport quiet = await HostilePeerTests.QuietAsync(guest, output);
        await HostilePeerTests.LieAsync(guest, quiet, output, HostilePeerTests.All.Where(one => one.Kind == kind), Long);
        await guest.EndAsync();
    }

    [Fact]
    public async Task A_disk_that_has_gone_and_whose_pages_stay_mapped_gives_them_back_when_its_back_end_ends()
    {
        await using HostileGuest guest = await HostileGuest.StartAsync(world);
        HostileReport quiet = await HostilePeerTests.QuietAsync(guest, output);
        HostileReport kept = await HostilePeerTests.KeptAsync(
            guest, quiet, "a disk keeps its pages", output, "disk", "honest", TimeSpan.FromSeconds(1));
        Assert.True(kept.Held > 0, $"nothing is held: {kept}");
        await guest.EndPeerAsync();
        await guest.HasBackAsync(quiet, kept);
        await guest.EndAsync();
    }

    [Fact]
    public async Task A_guest_works_on_while_its_console_does_all_that_it_can()
    {
        await using HostileGuest guest = await HostileGuest.StartWithConsoleAsync(world);
        await HostilePeerTests.QuietAsync(guest, output);
        await using IAsyncDisposable taken = await guest.TakeConsoleAsync();
        HonestPace pace = new(guest, Long, output);
        await pace.MeasureAsync("console");
        foreach (string behaviour in (string[])["deaf", "storm", "flood", "living-index", "honest", "ahead"])
        {
            await pace.AssertKeptAsync("console", behaviour, await LieOnceAsync(), LieOnceAsync);

            async Task<double> LieOnceAsync()
            {
                (HostileReport report, string said) = await HostileReport.UnharmedAsync(
                    guest, $"the console does \"{behaviour}\"", output, () => guest.RunPeerAsync("console", behaviour, Long));
                Assert.True(behaviour != "honest" || said != "took 0 bytes", "the guest writes nothing any more");
                return report.Rate;
            }
        }

        // Its last line would be lost: an invalid index ends a console for ever.
        await guest.Guest.DestroyAsync();
    }
}
