using Xenlet.Domain;
using Xenlet.Kernel;
using XenletDriver;

GreetingDriver driver = new();
driver.Answered += (device, answer) => Console.WriteLine($"{device.Name}: {answer}");
DomainServicesOptions options = new() { FrontDrivers = [driver] };
await using DomainServices services = await DomainServices.StartAsync(Guest.Machine, options);
Console.WriteLine("waiting for devices; `xl shutdown` ends");
await Task.Delay(Timeout.Infinite);
