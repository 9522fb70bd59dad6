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
    private static readonly ConcurrentDictionary<string, IBlockStore> Stores = new();

    /// <summary>What the host opens the encrypted stores with.</summary>
    private static readonly byte[] Key = [.. Enumerable.Range(1, 64).Select(each => (byte)each)];

    public static IEnumerable<Case> All => [Serve("block-server", hasUplink: false), Serve("server", hasUplink: true)];

    /// <summary>Its argument is the size of each store, in MiB.</summary>
    private static Case Serve(string name, bool hasUplink) => new(name, args =>
    {
        ServeAsync(long.Parse(args[0], CultureInfo.InvariantCulture) << 20, hasUplink).GetAwaiter().GetResult();
        return 0;
    });

    /// <summary>
    /// Serves stores, each made when it is first asked for by its name. Interfaces get a switch of their own, whose uplink is this domain's
    /// first interface, and whose filter accepts everything until there are rules in xenstore.
    /// </summary>
    private static async Task ServeAsync(long storeSize, bool hasUplink)
    {
        PacketFilter filter = new(FilterRules.Parse("default accept"));
        LearningSwitch bridge = new(new() { Filter = filter });
        GuestStatistics before = Guest.ReadStatistics();
        BlockBackEndDriver driver = new(
            Guest.EventChannels, Guest.ForeignPages, (request, _) => new(Open(request.Name, storeSize)));
        DomainServicesOptions options = new()
        {
            BackDrivers = [driver, new NetworkBackEndDriver(Guest.EventChannels, Guest.ForeignPages, bridge)],
            BeforeStart = starting => _ = ShowAsync(starting.BackBus.Subscribe()),
        };
        await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, options))
        {
            await using StoredFilterRules rules = await StoredFilterRules.StartAsync(filter, services.Store, report: Console.WriteLine);
            await using NetworkUplink? uplink = hasUplink ? new(bridge, await services.Interfaces.WaitForAsync("vif0")) : null;
            Console.WriteLine("ready");
            while ((await Task.Run(Console.In.ReadLine))?.Trim() is { } line && line != "end")
            {
                if (line.Split(' ') is ["resize", string name, string length])
                {
                    ((MemoryBlockStore)Stores[name]).Resize(long.Parse(length, CultureInfo.InvariantCulture));
                }

                TellMapped(before);
            }
        }

        TellMapped(before);
    }

    /// <summary>
    /// "refused" is none; "encrypted-SIZE-of-NAME" has sectors of SIZE bytes, "changed-of-NAME" keeps what is written apart from NAME, and
    /// everything else is memory.
    /// </summary>
    private static IBlockStore Open(string name, long size) => Stores.GetOrAdd(name, name => name.Split('-') switch
    {
        ["refused"] => throw new FileNotFoundException("there is no such store"),
        ["encrypted", string sector, "of", string below] =>
            new EncryptedBlockStore(Open(below, size), Key, int.Parse(sector, CultureInfo.InvariantCulture)),
        ["changed", "of", string original] => new CopyOnWriteBlockStore(Open(original, size), new MemoryBlockStore(size)),
        _ => new MemoryBlockStore(size),
    });

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
