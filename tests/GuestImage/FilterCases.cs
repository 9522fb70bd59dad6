using Xenlet.BackEnds;
using Xenlet.Domain;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>
/// A switch with a filter that this domain has for others, with its first interface as the uplink and its rules in xenstore, as
/// samples/Firewall has it, and a limit for each front end. The host ends the case by a line at the console.
/// </summary>
internal static class FilterCases
{
    public static IEnumerable<Case> All => [new("net-filter", RunAsync)];

    private static async Task RunAsync()
    {
        PacketFilter filter = new();
        LearningSwitch bridge = new(new() { Filter = filter, BytesPerSecond = 1000, BurstBytes = 200_000 });
        NetworkBackEndDriver driver = new(Guest.EventChannels, Guest.ForeignPages, bridge);
        await using DomainServices services = await DomainServices.StartAsync(Guest.Machine, new() { BackDrivers = [driver] });
        await using StoredFilterRules rules = await StoredFilterRules.StartAsync(filter, services.Store, report: Console.WriteLine);
        await using NetworkUplink uplink = new(bridge, await services.Interfaces.WaitForAsync("vif0"));
        Console.WriteLine("ready");
        await Task.Run(Console.In.ReadLine);
        Console.WriteLine($"filter: {filter}");
        Console.WriteLine($"switch: {bridge}");
    }
}
