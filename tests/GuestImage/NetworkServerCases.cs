using System.Diagnostics;
using Xenlet.BackEnds;
using Xenlet.Domain;
using Xenlet.Kernel;

namespace Xenlet.GuestImage;

/// <summary>
/// A switch that this domain has for others, with its own first interface as the uplink. The host ends the case by a line at the console;
/// any other line has it tell how it stands.
/// </summary>
internal static class NetworkServerCases
{
    public static IEnumerable<Case> All => [new("net-server", RunAsync)];

    private static async Task RunAsync()
    {
        GuestStatistics before = Guest.ReadStatistics();
        LearningSwitch bridge = new();
        NetworkBackEndDriver driver = new(Guest.EventChannels, Guest.ForeignPages, bridge);
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, new() { BackDrivers = [driver] }))
        {
            await using NetworkUplink uplink = new(bridge, await services.Interfaces.WaitForAsync("vif0"));
            Console.WriteLine("ready");
            while ((await Task.Run(Console.In.ReadLine))?.Trim() is not (null or "end"))
            {
                BackEndCases.TellMapped(before);
                Console.WriteLine($"clock: {Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000)} ms");
                Console.WriteLine($"switch: {bridge}");
                Console.WriteLine($"uplink: {uplink}");
                driver.WriteReport(Console.Out);
                Console.WriteLine("told");
            }
        }

        BackEndCases.TellMapped(before);
    }
}
