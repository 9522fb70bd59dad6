using Xenlet.Domain;
using Xenlet.Drivers;
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

try
{
    return await RunAsync(arguments);
}
catch (Exception failure) when (failure is PlatformNotSupportedException or XenException or XenStoreException)
{
    Console.Error.WriteLine($"DeviceTree: {failure.Message}");
    return Failed;
}

static async Task<int> RunAsync(Arguments arguments)
{
    EventLog? log = null;
    await using (DomainServices services = await DomainServices.StartAsync(Guest.Machine, new()
    {
        BeforeStart = services =>
        {
            log = new(services.Disks, services.FrontBus, services.BackBus);
            if (!arguments.Once)
            {
                log.Start();
            }
        },
    }))
    {
        IHypervisor xen = Guest.Hypervisor;
        string name = $"{await services.Store.ReadAsync("name")} is domain {xen.DomainId} on Xen {xen.Version}{xen.ExtraVersion}\n";
        BootReport boot = await services.FrontBus.WaitForBootAsync();
        log!.WriteBehind(name, boot.IsComplete ? "" : $"{boot}\n", await DeviceTree.FormatAsync(services.FrontBus, services.BackBus));
        if (!arguments.Once)
        {
            Console.WriteLine("watching; `xl shutdown`, Ctrl-C or Ctrl-D ends");
            string reason = await Ending.WaitAsync(arguments.Limit);
            log.WriteBehind($"{reason}\n", await DeviceTree.FormatAsync(services.FrontBus, services.BackBus));
        }
    }

    // How the devices were closed.
    log.WriteBehind();
    return 0;
}
