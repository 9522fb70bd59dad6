using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.BackEnds;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.XenBus;

namespace Xenlet.GuestImage;

/// <summary>Back ends that this domain has for others. The host ends the case by a line at the console.</summary>
internal static class BackEndCases
{
    public static IEnumerable<Case> All => [Serve("block-server", hasUplink: false), Serve("server", hasUplink: true)];

    /// <summary>Its argument is the size of each store, in MiB.</summary>
    private static Case Serve(string name, bool hasUplink) => new(name, args =>
    {
        ServeAsync(long.Parse(args[0], CultureInfo.InvariantCulture) << 20, hasUplink).GetAwaiter().GetResult();
        return 0;
    });

    /// <summary>
    /// Serves stores in memory, each made when it is first asked for by its name; "refused" is none. Interfaces get a switch of their own,
    /// whose uplink is this domain's first interface.
    /// </summary>
    private static async Task ServeAsync(long storeSize, bool hasUplink)
    {
        LearningSwitch bridge = new();
        ConcurrentDictionary<string, MemoryBlockStore> stores = new();
        GuestStatistics before = Guest.ReadStatistics();
        BlockBackEndDriver driver = new(Guest.EventChannels, Guest.ForeignPages, (request, _) => new(
            request.Name == "refused" ? throw new FileNotFoundException("there is no such store")
                : stores.GetOrAdd(request.Name, _ => new MemoryBlockStore(storeSize))));
        DomainServicesOptions options = new()
        {
            BackDrivers = [driver, new NetworkBackEndDriver(Guest.EventChannels, Guest.ForeignPages, bridge)],
            BeforeStart = starting => _ = ShowAsync(starting.BackBus.Subscribe()),
        };
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, options))
        {
            await using NetworkUplink? uplink = hasUplink ? new(bridge, await services.Interfaces.WaitForAsync("vif0")) : null;
            Console.WriteLine("ready");
            while ((await Task.Run(Console.In.ReadLine))?.Trim() is { } line && line != "end")
            {
                if (line.Split(' ') is ["resize", string name, string length])
                {
                    stores[name].Resize(long.Parse(length, CultureInfo.InvariantCulture));
                }

                TellMapped(before);
            }
        }

        TellMapped(before);
    }

    private static async Task ShowAsync(XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            Console.WriteLine($"bus {happened}");
        }
    }

    /// <summary>Says what of other domains is mapped, beyond what was before.</summary>
    public static void TellMapped(GuestStatistics before)
    {
        GuestStatistics now = Guest.ReadStatistics();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"mapped: {now.ForeignPages - before.ForeignPages} pages, {now.StuckForeignPages} stuck"));
    }
}
