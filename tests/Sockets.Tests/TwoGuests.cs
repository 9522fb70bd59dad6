using System.Net;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets.Tests;

/// <summary>Two guests on one cable: 10.0.0.1 and fd00::1, 10.0.0.2 and fd00::2; of a second one, vif1, 10.0.1.1 and 10.0.1.2.</summary>
internal sealed class TwoGuests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly SocketStack[] _stacks;
    private readonly string _gateways;
    private readonly IStackClock _clock;
    private readonly List<string> _reports = [];

    /// <param name="gateways">The gateways of both, which are not there.</param>
    /// <param name="clock">The time of both, or the machine's, by which what a busy machine delays is sent again.</param>
    public TwoGuests(string gateways = "", IStackClock? clock = null)
    {
        _gateways = gateways;
        _clock = clock ?? new StackClock();
        (MemoryLink first, MemoryLink second) = MemoryLink.MakePair();
        Links = [first, second];
        _stacks = [Start(Hosts[0], first, 1), Start(Hosts[1], second, 2)];
    }

    public TestSocketHost[] Hosts { get; } = [new(), new()];

    public IReadOnlyList<MemoryLink> Links { get; }

    public IReadOnlyList<SocketStack> Stacks => _stacks;

    public static SocketEndpoint At(string address, ushort port = 0) =>
        SocketEndpoint.Read(IPAddress.Parse(address).GetAddressBytes(), port);

    /// <summary>A connection from the first guest to the second.</summary>
    public (TestSocket Client, TestSocket Accepted) Connect() => Connect(out _);

    /// <summary>A connection from the first guest to the second, whose port 80 goes on listening.</summary>
    public (TestSocket Client, TestSocket Accepted) Connect(out TestSocket listener)
    {
        listener = Hosts[1].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, listener.Bind(At("0.0.0.0", 80)));
        Assert.Equal(SocketErrno.None, listener.Listen());
        TestSocket client = Hosts[0].Open(SocketKind.Stream);
        Assert.Equal(SocketErrno.None, client.Connect(At("10.0.0.2", 80)));
        return (client, listener.Accept());
    }

    /// <summary>What the stacks have said of exceptions.</summary>
    public IReadOnlyList<string> ReadReports()
    {
        lock (_reports)
        {
            return [.. _reports];
        }
    }

    /// <summary>Waits until a stack says something.</summary>
    public void AwaitReport(string part)
    {
        lock (_reports)
        {
            while (!_reports.Any(report => report.Contains(part, StringComparison.Ordinal)))
            {
                Assert.True(Monitor.Wait(_reports, s_patience), $"no stack said '{part}' but: {string.Join('\n', _reports)}");
            }
        }
    }

    public void Dispose()
    {
        foreach (SocketStack stack in _stacks)
        {
            stack.Dispose();
        }
    }

    private SocketStack Start(TestSocketHost host, MemoryLink link, int number)
    {
        SocketStackOptions options = new()
        {
            Addresses = AddressSettings.From(
                new Dictionary<string, string>
                {
                    ["XENLET_IP"] = $"10.0.0.{number}/24, fd00::{number}/64",
                    ["XENLET_IP_1"] = $"10.0.1.{number}/24, fd01::{number}/64",
                    ["XENLET_GATEWAY"] = _gateways,
                }),
            Stack = new() { IPv4ProbeInterval = TimeSpan.Zero, IPv6ProbeInterval = TimeSpan.Zero },
            Report = text =>
            {
                lock (_reports)
                {
                    _reports.Add(text);
                    Monitor.PulseAll(_reports);
                }
            },
        };
        SocketStack stack = new(host, options, _clock);
        link.Wake = stack.Wake;
        stack.AddLink("vif0", link);
        stack.Start();
        return stack;
    }
}
