using System.Runtime.InteropServices;
using Xenlet.BackEnds;
using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Samples;

// `xl shutdown` comes as SIGTERM, Ctrl-C on the console as SIGINT; the program ends in order then.
TaskCompletionSource ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);

Stores? stores = null;
BlockBackEndDriver disks = new(Guest.EventChannels, Guest.ForeignPages, async (request, cancellationToken) =>
{
    IBlockStore store = await stores!.OpenAsync(request.Name, cancellationToken);
    Console.WriteLine($"domain {request.Domain} has {request.Name}: {store.Length} bytes in sectors of {store.SectorSize}");
    return store;
});
await using DomainServices services = await DomainServices.StartAsync(Guest.Machine, new()
{
    BackDrivers = [disks],
    BeforeStart = services => stores = new Stores(services.Disks, services.Store),
});
Console.WriteLine("StorageDomain: serves");
await ending.Task;

void End(PosixSignalContext signal)
{
    signal.Cancel = true;
    ending.TrySetResult();
}
