using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Xenlet.Domain;
using Xenlet.Drivers;
using Xenlet.Kernel;
using Xenlet.Net;
using Xenlet.NetworkPeer;

namespace Xenlet.GuestImage;

/// <summary>
/// A guest that means harm to another one on its bridge: <c>flood HARDWARE-ADDRESS PEER VICTIM</c>. It sends hostile frames, some of them
/// guesses about the connection between two end points, until <c>xl shutdown</c>.
/// </summary>
internal static class FloodCases
{
    private const int FramesPerSecond = 5_000;
    private const int Batch = 50;
    private const int Kinds = 2_000;
    private const int ReportedFrames = 1_000;

    public static IEnumerable<Case> All =>
    [
        new("flood", args =>
        {
            RunAsync(MacAddress.Parse(args[0]), IPEndPoint.Parse(args[1]), IPEndPoint.Parse(args[2])).GetAwaiter().GetResult();
            return 0;
        }),
    ];

    private static async Task RunAsync(MacAddress theirs, IPEndPoint peer, IPEndPoint victim)
    {
        using CancellationTokenSource ending = new();
        using PosixSignalRegistration handler = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            ending.Cancel();
        });
        await using DomainServices services = await DomainServices.StartAsync(Guest.Machine);
        NetworkInterface network = await services.Interfaces.WaitForAsync("vif0");
        HostileFrames made = new(Bytes(network.Address), Bytes(theirs), peer, victim);
        byte[][] frames = [.. Enumerable.Range(0, Kinds).Select(made.Make)];
        Task discarding = DiscardAsync(network, ending.Token);
        Stopwatch clock = Stopwatch.StartNew();
        long sent = 0;
        while (!ending.IsCancellationRequested)
        {
            if (sent > clock.Elapsed.TotalSeconds * FramesPerSecond)
            {
                await Task.Delay(1, CancellationToken.None);
                continue;
            }

            for (int i = 0; i < Batch; i++)
            {
                await SendAsync(network, frames[sent % Kinds], hasMore: i + 1 < Batch);
                sent++;
            }

            if (sent % ReportedFrames == 0)
            {
                Console.WriteLine($"flood: {sent} frames");
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"flood: ended after {sent} frames, {sent / clock.Elapsed.TotalSeconds:f0} a second"));
        await discarding;
    }

    private static ValueTask SendAsync(NetworkInterface network, byte[] data, bool hasMore)
    {
        FrameBuffer frame = network.RentFrame(data.Length);
        frame.Length = data.Length;
        data.CopyTo(frame.Data);
        return network.SendAsync(frame, hasMore, CancellationToken.None);
    }

    /// <summary>What the victim answers.</summary>
    private static async Task DiscardAsync(NetworkInterface network, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                (await network.ReceiveAsync(cancellationToken)).Dispose();
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static byte[] Bytes(MacAddress address)
    {
        byte[] bytes = new byte[MacAddress.Size];
        address.CopyTo(bytes);
        return bytes;
    }
}
