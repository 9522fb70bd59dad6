using System.Globalization;
using Xenlet.DomainTime;

// DomainTime ID...   writes a line for each domain: how long its processors have run since it was made, in nanoseconds
nint handle = NativeMethods.Open();
nint node = handle == 0 ? 0 : NativeMethods.GetNode(handle, 0);
if (node == 0)
{
    Console.Error.WriteLine("libxenstat does not answer.");
    return 1;
}

foreach (string id in args)
{
    nint domain = NativeMethods.GetDomain(node, uint.Parse(id, CultureInfo.InvariantCulture));
    if (domain == 0)
    {
        Console.Error.WriteLine($"there is no domain {id}.");
        return 1;
    }

    Console.WriteLine(NativeMethods.GetProcessorTime(domain));
}

return 0;
