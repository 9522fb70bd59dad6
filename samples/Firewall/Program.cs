using System.Runtime.InteropServices;
using Xenlet.BackEnds;
using Xenlet.Domain;
using Xenlet.Kernel;

// `xl shutdown` comes as SIGTERM, Ctrl-C on the console as SIGINT; the program ends in order then.
using CancellationTokenSource ending = new();
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

// Until there are rules, nothing passes.
PacketFilter filter = new();
LearningSwitch bridge = new(new() { Filter = filter });
NetworkBackEndDriver networks = new(Guest.EventChannels, Guest.ForeignPages, bridge);
await using DomainServices services = await DomainServices.StartAsync(Guest.Machine, new() { BackDrivers = [networks] });
await using StoredFilterRules rules = await StoredFilterRules.StartAsync(filter, services.Store, report: Console.WriteLine);
Console.WriteLine("Firewall: serves");
try
{
    while (true)
    {
        // The interface may be unplugged, and another one plugged.
        await using NetworkUplink uplink = new(bridge, await services.Interfaces.WaitForAsync("vif0", ending.Token));
        Console.WriteLine("Firewall: has its uplink");
        await uplink.Completion.WaitAsync(ending.Token);
    }
}
catch (OperationCanceledException)
{
    Console.WriteLine($"Firewall: {bridge}");
    Console.WriteLine($"Firewall: {filter}");
}

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    ending.Cancel();
}
