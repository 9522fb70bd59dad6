using Xenlet.Domain;
using Xenlet.Kernel;
using Xenlet.Sockets;
using Xenlet.TcpBench;

// The address is on the domain's command line.
using SocketStack stack = new(
    Guest.Sockets.Open(), new() { Addresses = AddressSettings.FromEnvironment(), Report = Console.Error.WriteLine });
stack.Start();
DomainServices? services = Guest.Hypervisor.IsPresent
    ? await DomainServices.StartAsync(Guest.Machine, new() { Interfaces = new() { LinkUser = stack } })
    : null;
await new Server().RunAsync();
