using System.Net;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.Samples;
using Xenlet.XenStoreRing;

const int Failed = 1;
const int BadArguments = 2;

if (Addresses.Read(args, out string problem) is not { } addresses)
{
    Console.Error.WriteLine($"Ping: {problem}\n{Addresses.Usage}");
    return BadArguments;
}

try
{
    return await RunAsync(addresses);
}
catch (Exception failure) when (failure is PlatformNotSupportedException
    or XenException
    or XenStoreException
    or NetworkInterfaceGoneException)
{
    Console.Error.WriteLine($"Ping: {failure.Message}");
    return Failed;
}

static async Task<int> RunAsync(Addresses addresses)
{
    // `xl shutdown` comes as SIGTERM, Ctrl-C on the console as SIGINT; the program ends in order then.
    using CancellationTokenSource ending = new();
    using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
    using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

    await using DomainServices services = await DomainServices.StartAsync(Guest.Machine);
    await services.FrontBus.WaitForBootAsync();
    if (services.Interfaces.Interfaces is not [NetworkInterface first, ..])
    {
        Console.Error.WriteLine("Ping: the domain has no network interface (vif= in its configuration).");
        return Failed;
    }

    NetworkInterface network = await services.Interfaces.WaitForAsync(first.Name, ending.Token);
    if (network.Mtu < Responder.MinimumMtu)
    {
        Console.Error.WriteLine($"Ping: {network.Name} has an MTU of {network.Mtu}, and at least {Responder.MinimumMtu} are needed.");
        return Failed;
    }

    Answering answering = new(network, addresses);
    Task answers = answering.RunAsync(ending.Token);
    Console.WriteLine($"{network.Name} ({network.Address}) answers for {addresses}");
    await PublishAsync(services.Store, network.Name["vif".Length..], addresses);
    await answers;
    Console.WriteLine($"{answering.Summary}\n{network.Statistics}");
    return 0;

    // Where Xen's tools look for a guest's addresses (docs/misc/xenstore-paths.pandoc), both at once.
    static ValueTask PublishAsync(XenStoreClient store, string number, Addresses addresses) =>
        store.TransactAsync(async (transaction, cancellation) =>
    {
        foreach (byte[] address in addresses.All)
        {
            string node = $"attr/vif/{number}/{(address.Length == 4 ? "ipv4" : "ipv6")}/0";
            await transaction.WriteAsync(node, new IPAddress(address).ToString(), cancellation);
        }
    });

    void End(PosixSignalContext signal)
    {
        signal.Cancel = true;
        ending.Cancel();
    }
}
