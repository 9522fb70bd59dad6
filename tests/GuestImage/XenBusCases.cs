using System.Globalization;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

namespace Xenlet.GuestImage;

/// <summary>
/// Both buses with a driver for each kind of device that the tests on the host plug: what happens is printed, and <c>xl shutdown</c> ends
/// it.
/// </summary>
internal static class XenBusCases
{
    /// <summary>How long boot waits for its devices, unless the command line has a number of seconds.</summary>
    private static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(2);

    public static IEnumerable<Case> All => [new("xenbus", args => RunAsync(
        args.Length > 0 ? TimeSpan.FromSeconds(int.Parse(args[0], CultureInfo.InvariantCulture)) : BootLimit).GetAwaiter().GetResult())];

    private static async Task<int> RunAsync(TimeSpan bootLimit)
    {
        using IXenStoreLink link = Guest.XenStore.Open();
        await using XenStoreClient store = await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link));
        GuestStatistics before = Guest.ReadStatistics();
        using (BlockDriver disks = new(Guest.EventChannels, Guest.Pages))
        await using (NetworkDriver interfaces = new(Guest.EventChannels, Guest.Pages))
        await using (FrontBus front = new(store))
        await using (BackBus back = new(store))
        {
            front.AddDriver(disks);
            front.AddDriver(interfaces);
            front.AddDriver(new ManyDriver());
            back.AddDriver(new EchoBackEnd());
            Task[] showing = [ShowAsync("front", front.Subscribe()), ShowAsync("back", back.Subscribe())];
            await back.StartAsync();
            await front.StartAsync();
            Console.WriteLine($"boot: {await front.WaitForBootAsync(bootLimit)}");
            await WaitForShutdownAsync(store);
            Console.WriteLine(await DeviceTree.FormatAsync(front, back));
            await back.DisposeAsync();
            await front.DisposeAsync();
            await Task.WhenAll(showing);
        }

        Leftovers.Report(before);
        return 0;
    }

    private static async Task ShowAsync(string bus, XenBusEvents events)
    {
        await foreach (XenBusEvent happened in events)
        {
            Console.WriteLine($"{bus} {happened}");
        }
    }

    private static async Task WaitForShutdownAsync(XenStoreClient store)
    {
        const string node = "control/shutdown";
        await using XenStoreWatch watch = await store.WatchAsync(node);
        Console.WriteLine("following");
        await foreach (XenStoreWatchEvent _ in watch)
        {
            if (await store.TryReadAsync(node) is { Length: > 0 })
            {
                await store.WriteAsync(node, "");
                return;
            }
        }
    }

    /// <summary>For devices of which there are many: three nodes of its own for each, then what every front end does.</summary>
    private sealed class ManyDriver : XenBusDriver
    {
        public override string Name => "many";

        public override int? Probe(XenDevice device) => device.Type == "many" ? ProbePriority.Default : null;

        public override async ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
        {
            foreach (string name in (string[])["one", "two", "three"])
            {
                await device.Bus.Store.WriteAsync($"{device.Node}/{name}", name, cancellationToken);
            }

            return new Session(device);
        }

        private sealed class Session(XenDevice device) : DeviceSession
        {
            public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken) =>
                await device.SetStateAsync(
                    state == XenBusState.Connected ? XenBusState.Connected : XenBusState.Closed, cancellationToken);

            public override ValueTask<bool> DetachAsync() => new(true);
        }
    }

    /// <summary>A back end that follows its front end's states, and copies its node "word".</summary>
    private sealed class EchoBackEnd : XenBusDriver
    {
        public override string Name => "echo";

        public override int? Probe(XenDevice device) => device.Type == "echo" ? ProbePriority.Default : null;

        public override async ValueTask<DeviceSession> AttachAsync(XenDevice device, CancellationToken cancellationToken)
        {
            await device.SetStateAsync(XenBusState.InitWait, cancellationToken);
            return new Session(device);
        }

        private sealed class Session(XenDevice device) : DeviceSession
        {
            public override async ValueTask OtherEndChangedAsync(XenBusState state, CancellationToken cancellationToken)
            {
                switch (state)
                {
                    case XenBusState.Initialised or XenBusState.Connected:
                        string word = await device.Bus.Store.ReadAsync(device.OtherEndPath + "/word", cancellationToken);
                        await device.Bus.Store.WriteAsync(device.Node + "/word", word, cancellationToken);
                        await device.SetStateAsync(XenBusState.Connected, cancellationToken);
                        break;
                    case XenBusState.Closing:
                        await device.SetStateAsync(XenBusState.Closing, cancellationToken);
                        break;
                    case XenBusState.Closed:
                        await device.SetStateAsync(XenBusState.Closed, cancellationToken);
                        break;
                }
            }

            public override ValueTask<bool> DetachAsync() => new(true);
        }
    }
}
