using Xenlet.GuestImage.SocketTable;
using Xenlet.Kernel;
using Xenlet.Sockets;

namespace Xenlet.GuestImage;

/// <summary>
/// The table of what .NET's sockets do, a line for each row. The same case on Linux prints what is right: a test on the host compares. Both
/// have a loopback, and an interface vif0 with the addresses 10.9.0.2/24 and fd09::2/64 on which nobody answers.
/// </summary>
internal static class SocketTableCases
{
    public static IEnumerable<Case> All => [new("socket-table", RunAsync)];

    private static async Task RunAsync()
    {
        // A guest's program has a name that no runtime on Linux has.
        using SocketStack? stack = Path.GetFileName(Environment.ProcessPath) == "xenlet" ? StartStack() : null;
        foreach (SocketRow row in SocketRows.All)
        {
            Console.WriteLine($"socket-table {await SocketRows.RunAsync(row)}");
        }

        foreach (SocketRow row in RefusedRows.All)
        {
            Console.WriteLine($"socket-refused {await SocketRows.RunAsync(row)}");
        }

        Check.Equal(0, stack?.Faults ?? 0);
    }

    private static SocketStack StartStack()
    {
        SocketStack stack = new(Guest.Sockets.Open(), new()
        {
            Addresses = AddressSettings.From(new Dictionary<string, string> { ["XENLET_IP"] = "10.9.0.2/24,fd09::2/64" }),
            AddressLimit = TimeSpan.Zero,
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
            Report = Console.Error.WriteLine,
        });
        stack.AddLink("vif0", new SilentLink());
        stack.Start();
        return stack;
    }
}
