using Xenlet.Kernel;
using Xenlet.Samples;
using Xenlet.XenBus;
using Xenlet.XenStoreRing;

const int Failed = 1;
const int BadArguments = 2;

if (Arguments.Read(args, out string problem) is not { } arguments)
{
    Console.Error.WriteLine($"DeviceTree: {problem}\n{Arguments.Usage}");
    return BadArguments;
}

if (!Guest.Hypervisor.IsPresent)
{
    Console.Error.WriteLine("DeviceTree: there is no xenstore, and so no device: this guest runs without Xen.");
    return Failed;
}

try
{
    using IXenStoreLink link = Guest.XenStore.Open();
    await using XenStoreClient store = await XenStoreClient.ConnectAsync(XenStoreLinkTransport.Create(link));
    return await RunAsync(store, arguments);
}
catch (Exception failure) when (failure is XenException or XenStoreException)
{
    Console.Error.WriteLine($"DeviceTree: {failure.Message}");
    return Failed;
}

static async Task<int> RunAsync(XenStoreClient store, Arguments arguments)
{
    IHypervisor xen = Guest.Hypervisor;
    Console.WriteLine($"{await store.ReadAsync("name")} is domain {xen.DomainId} on Xen {xen.Version}{xen.ExtraVersion}");

    await using FrontBus front = new(store);
    await using BackBus back = new(store);
    front.AddDriver(new DiskSizeDriver(Guest.EventChannels, Guest.Pages));

    EventLog log = new(front, back);
    if (!arguments.Once)
    {
        log.Start();
    }

    await back.StartAsync();
    await front.StartAsync();
    BootReport boot = await front.WaitForBootAsync();
    log.WriteBehind(boot.IsComplete ? "" : $"{boot}\n", await DeviceTree.FormatAsync(front, back));
    if (!arguments.Once)
    {
        Console.WriteLine("watching; `xl shutdown`, Ctrl-C or Ctrl-D ends");
        string reason = await Ending.WaitAsync(store, arguments.Limit);
        log.WriteBehind($"{reason}\n", await DeviceTree.FormatAsync(front, back));
    }

    return 0;
}
