using System.Collections.Concurrent;
using System.Globalization;
using Xenlet.BackEnds;
using Xenlet.BenchPrograms;
using Xenlet.Domain;
using Xenlet.Kernel;

// A driver domain. target=MIB-NAME of a disk is a store of so many MiB in this domain's memory; interfaces join one switch, whose uplink is
// this domain's first interface if the argument is "uplink". Lines of standard input:
//   begin NAME    measures what other domains have it do from now on
//   end COUNT     until here: lines "measured NAME.FIGURE VALUE", for one of COUNT operations
//   collect       gives back what earlier work has left
//   memory NAME   measures the bytes that the guest could still use
ConcurrentDictionary<string, MemoryBlockStore> stores = new();
BlockBackEndDriver disks = new(Guest.EventChannels, Guest.ForeignPages, (request, _) => new(stores.GetOrAdd(
    request.Name, static name => new MemoryBlockStore(long.Parse(name.Split('-')[0], CultureInfo.InvariantCulture) << 20))));
LearningSwitch bridge = new();
NetworkBackEndDriver interfaces = new(Guest.EventChannels, Guest.ForeignPages, bridge);
await using DomainServices services = await DomainServices.StartAsync(Guest.Machine, new() { BackDrivers = [disks, interfaces] });
await using NetworkUplink? uplink = args is ["uplink"] ? new(bridge, await services.Interfaces.WaitForAsync("vif0")) : null;
Console.WriteLine("BackEndBench serves");

TaskCompletionSource<int> ended = new();
Task measured = Task.CompletedTask;
await Commands.RunAsync(words =>
{
    switch (words)
    {
        case ["begin", var name]:
            ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
            measured = Measure.RunAsync(name, () => ended.Task);
            return Task.CompletedTask;
        case ["end", var count]:
            ended.SetResult(int.Parse(count, NumberStyles.None, CultureInfo.InvariantCulture));
            return measured;
        case ["collect"]:
            Measure.Collect();
            return Task.CompletedTask;
        default:
            return null;
    }
});
