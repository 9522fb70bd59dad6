using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>
/// A guest that attacks the back ends of its disk and its interface, one attack after the other, and does not end by itself. From the sixth
/// connection on a back end waits, each time twice as long: there are about ten.
/// </summary>
internal static class HostileFrontCases
{
    private static readonly (string Name, Func<HostileFront, Task> Do)[] Attacks =
    [
        ("storm", StormAsync),
        ("a living index", LivingIndexAsync),
        ("requests", RequestsAsync),
        ("revoked references", RevokedAsync),
        ("indexes", IndexesAsync),

        // What is written afterwards goes into rings that are not served, until the next connection.
        ("moved rings", MovedRingsAsync),
        ("states", StatesAsync),
        ("reconnects", front => front.ConnectAsync()),
    ];

    public static IEnumerable<Case> All => [new("hostile-front", RunAsync)];

    private static async Task RunAsync()
    {
        using IXenStoreLink link = Guest.XenStore.Open();
        await using XenStoreClient store = await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link));
        HostileFront disk = new(store, "device/vbd/51712", isDisk: true);
        HostileFront network = new(store, "device/vif/0", isDisk: false);
        foreach ((string name, Func<HostileFront, Task> attack) in Attacks)
        {
            await Task.WhenAll(DoAsync(disk), DoAsync(network));
            Console.WriteLine($"attack {name}: {disk.Connections} and {network.Connections} connections");

            async Task DoAsync(HostileFront front)
            {
                if (!await front.IsServedAsync())
                {
                    await front.ConnectAsync();
                }

                await attack(front);
            }
        }

        // Never answers, and is destroyed in the middle of this.
        await disk.ConnectAsync();
        await network.ConnectAsync();
        Console.WriteLine("attacked");
        while (true)
        {
            await RequestsAsync(disk);
            await RequestsAsync(network);
        }
    }

    /// <summary>More requests than any ring holds.</summary>
    private static async Task IndexesAsync(HostileFront front)
    {
        front.Publish(0x8000_0000);
        await front.ClosesAsync();
    }

    private static async Task RequestsAsync(HostileFront front)
    {
        for (int i = 0; i < 50; i++)
        {
            front.Scribble();
            front.Publish((uint)front.Random.Next(1, 20));
            await Task.Delay(1);
        }
    }

    private static async Task RevokedAsync(HostileFront front)
    {
        for (int i = 0; i < 50; i++)
        {
            front.Scribble();
            front.Publish(8);
            for (int round = 0; round < 20; round++)
            {
                front.Revoke();
            }

            await Task.Yield();
        }
    }

    /// <summary>Requests are there or not, changing between two reads.</summary>
    private static async Task LivingIndexAsync(HostileFront front)
    {
        front.Scribble();
        for (int i = 0; i < 20_000; i++)
        {
            front.Publish(i % 2 == 0 ? 3 : unchecked((uint)-3));
        }

        await Task.Yield();
    }

    private static async Task MovedRingsAsync(HostileFront front)
    {
        for (int i = 0; i < 5; i++)
        {
            await front.OfferAsync();
            await front.SetStateAsync(i % 2 == 0 ? XenBusState.Initialised : XenBusState.Connected);
            front.Scribble();
            front.Publish(4);
        }
    }

    private static async Task StatesAsync(HostileFront front)
    {
        XenBusState[] states = Enum.GetValues<XenBusState>();
        front.Random.Shuffle(states);
        foreach (XenBusState state in states)
        {
            await front.SetStateAsync(state);
        }
    }

    private static async Task StormAsync(HostileFront front)
    {
        for (int i = 0; i < 20_000; i++)
        {
            front.Notify();
        }

        await Task.Yield();
    }
}
