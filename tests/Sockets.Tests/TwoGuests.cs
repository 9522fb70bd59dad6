using System.Net;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Sockets.Tests;

/// <summary>Two guests on one cable: 10.0.0.1 and fd00::1, 10.0.0.2 and fd00::2.</summary>
internal sealed class TwoGuests : IDisposable
{
    private readonly SocketStack[] _stacks;

    public TwoGuests()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.MakePair();
        Links = [first, second];
        _stacks = [Start(Hosts[0], first, 1), Start(Hosts[1], second, 2)];
    }

    public TestSocketHost[] Hosts { get; } = [new(), new()];

    public IReadOnlyList<MemoryLink> Links { get; }

    public IReadOnlyList<SocketStack> Stacks => _stacks;

    /// <summary>What the stacks have said of exceptions.</summary>
    public List<string> Reports { get; } = [];

    public static SocketEndpoint At(string address, ushort port = 0) =>
        SocketEndpoint.Read(IPAddress.Parse(address).GetAddressBytes(), port);

    public void Dispose()
    {
        foreach (SocketStack stack in _stacks)
        {
            stack.Dispose();
        }
    }

    private SocketStack Start(TestSocketHost host, MemoryLink link, int number)
    {
        SocketStack stack = new(host, new()
        {
            Addresses = AddressSettings.From(
                new Dictionary<string, string> { ["XENLET_IP"] = $"10.0.0.{number}/24, fd00::{number}/64" }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
            Report = text =>
            {
                lock (Reports)
                {
                    Reports.Add(text);
                }
            },
        });
        link.Wake = stack.Wake;
        stack.AddLink("vif0", link);
        stack.Start();
        return stack;
    }
}
