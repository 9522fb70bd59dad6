using System.Globalization;
using System.Net;
using Xenlet.BenchPrograms;
using Xenlet.NetworkPeer;

namespace Xenlet.TcpBench;

/// <summary>dom0's end of a connection, and a flood of hostile frames over the bridge to the same guest.</summary>
/// <param name="name">What the figures are called.</param>
/// <param name="address">The guest's.</param>
internal sealed class FloodPeer(string name, IPAddress address)
{
    private const string Bridge = "xenbr0";

    /// <summary>An interface behind which nobody is.</summary>
    private const string Nowhere = "lo";

    public Task RunAsync(int kibibytes) => Controller.MeasureAsync(address, kibibytes, () =>
    {
        // The connection that tells the guest to begin has made Linux ask for its hardware address.
        string guest = File.ReadLines("/proc/net/arp").First(line => line.StartsWith($"{address} ", StringComparison.Ordinal));
        byte[] theirs = Mac(guest.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]);
        byte[] ours = Mac(File.ReadAllText($"/sys/class/net/{Bridge}/address").Trim());
        FloodFigures figures = Flood.Measure(Bridge, Nowhere, ours, theirs, new(address, Ports.Echo), kibibytes);
        Measure.Report(name, "quiet", figures.Quiet);
        Measure.Report(name, "busy", figures.Busy);
        Measure.Report(name, "flooded", figures.Flooded);
        Measure.Report(name, "frames", figures.Rate);
        return Task.CompletedTask;
    });

    private static byte[] Mac(string text) =>
        [.. text.Split(':').Select(part => byte.Parse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))];
}
