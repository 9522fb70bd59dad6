using System.Diagnostics;
using System.Globalization;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

// tree     finds the devices that are there, and ends with "BusBench has ended"
// follow   connects disks, and says when one is connected
using IXenStoreLink link = Guest.XenStore.Open();
await using XenStoreClient store = await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link));
switch (args)
{
    case ["tree"]:
        await MeasureTreeAsync(store);
        Console.WriteLine("BusBench has ended");
        break;
    case ["follow"]:
        await FollowAsync(store);
        break;
    default:
        throw new ArgumentException($"'{string.Join(' ', args)}' is not understood.");
}

static async Task MeasureTreeAsync(XenStoreClient store)
{
    const int reads = 101;
    long memory = GC.GetTotalMemory(forceFullCollection: true);
    long requests = store.Statistics.Requests;
    long start = Stopwatch.GetTimestamp();
    await using FrontBus front = new(store);
    await using BackBus back = new(store);
    await Task.WhenAll(front.StartAsync().AsTask(), back.StartAsync().AsTask());
    string tree = DeviceTree.Format(front, back);
    TimeSpan time = Stopwatch.GetElapsedTime(start);
    requests = store.Statistics.Requests - requests;
    int devices = front.Devices.Count;
    memory = GC.GetTotalMemory(forceFullCollection: true) - memory;
    GC.KeepAlive(tree);

    double[] roundTrips = new double[reads];
    for (int i = 0; i < reads; i++)
    {
        long before = Stopwatch.GetTimestamp();
        await store.ReadAsync("name");
        roundTrips[i] = Stopwatch.GetElapsedTime(before).TotalNanoseconds;
    }

    Array.Sort(roundTrips);
    Report("devices", devices);
    Report("tree", time.TotalNanoseconds);
    Report("requests", requests);
    Report("round-trip", roundTrips[reads / 2]);
    Report("round-trips", time.TotalNanoseconds / roundTrips[reads / 2]);
    Report("bytes", (double)memory / Math.Max(devices, 1));
}

static async Task FollowAsync(XenStoreClient store)
{
    using BlockDriver disks = new(Guest.EventChannels, Guest.Pages);
    await using FrontBus front = new(store);
    front.AddDriver(disks);
    using XenBusEvents events = front.Subscribe();
    await front.StartAsync();
    Console.WriteLine("following");
    Dictionary<XenDevice, DateTimeOffset> arrived = [];
    await foreach (XenBusEvent happened in events)
    {
        if (happened is { Kind: XenBusEventKind.Arrived, Device: { } device })
        {
            arrived[device] = happened.Time;
        }
        else if (happened is { Kind: XenBusEventKind.Attached, Device: { } attached })
        {
            Report("attach", (happened.Time - arrived[attached]).TotalNanoseconds);
        }
        else if (happened is { Kind: XenBusEventKind.StateChanged, Device.State: XenBusState.Connected })
        {
            Console.WriteLine($"connected {happened.Device.Name}");
        }
    }
}

static void Report(string what, double value) =>
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"measured {what} {value:F1}"));
