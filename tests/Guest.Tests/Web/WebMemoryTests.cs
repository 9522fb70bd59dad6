namespace Xenlet.Guest.Tests.Web;

/// <summary>How little memory samples/Web needs, OpenSSL included. Run by <c>build.sh soak</c>.</summary>
[Collection(DriversUnderXen.Name)]
[Trait("Category", "Soak")]
public sealed class WebMemoryTests(XenWorld world)
{
    private const int MemoryMiB = 40;
    private const int TooLittleMiB = 36;
    private const int Loads = 8;
    private const int ConnectionsOfEach = 8;

    /// <summary>Sixty-four connections that ask all the time would leave dom0 nothing for anything else.</summary>
    private const int RestMilliseconds = 1_000;

    /// <summary>
    /// Eight connections at a time: Kestrel gives a handshake ten seconds, and sixty-four together take longer on a busy machine. Once all
    /// are open, all of them ask.
    /// </summary>
    [Fact]
    public async Task Sixty_four_connections_of_TLS_are_served_in_40_MiB()
    {
        await using WebGuest guest = await WebGuest.StartAsync(world, MemoryMiB);
        List<WrkLoad> loads = [];
        while (loads.Count < Loads)
        {
            loads.Add(await WrkLoad.StartAsync(world, guest, $"{WebGuest.Https}/hello/wrk", RestMilliseconds, ConnectionsOfEach));
        }

        foreach (WrkLoad load in loads)
        {
            await load.GoesOnAsync();
        }

        string report = await world.ReportAsync(guest.Guest, 'm');
        foreach (WrkLoad load in loads)
        {
            string said = await load.EndAsync();
            Assert.True(said == WrkLoad.NoneFailed, $"wrk says {said}, the guest has\n{report}\nand has said\n{guest.Guest.Console.Text}");
        }

        await guest.EndAsync();
    }

    /// <summary>What becomes of the program is its own affair: connections fail, or .NET ends it when a thread finds no memory.</summary>
    [Fact]
    public async Task A_domain_whose_memory_is_used_up_says_so_on_its_console()
    {
        await using WebGuest guest = await WebGuest.StartAsync(world, TooLittleMiB);
        await world.GiveProgramsAsync("wrk");
        await guest.Dom0Async($"wrk -t 1 -c {Loads * ConnectionsOfEach} -d 24h {WebGuest.Https}/hello/wrk > /dev/null 2>&1 &");

        await guest.SeesAsync("xenlet: the domain's memory is used up: ");

        // wrk has ended, if the guest has.
        await guest.Dom0Async("killall -q wrk || true");
        await guest.LeaveAsync();
    }
}
