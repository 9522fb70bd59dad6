using System.Diagnostics;
using System.Net;
using Xenlet.Samples;

namespace Xenlet.Net.Tests.Linux;

/// <summary>
/// A stack on a thread of its own, behind a TAP device in a network namespace: the only neighbour of the Linux programs that a test runs
/// there. Linux is 10.99.0.1 and fd99::1.
/// </summary>
internal static class TapNeighbour
{
    public const string Device = "tap0";

    /// <summary>Runs code while the stack, 10.99.0.2 and fd99::2, serves.</summary>
    /// <param name="code">What Linux does.</param>
    /// <param name="prepare">Makes what the stack serves.</param>
    public static void Run(Action code, Action<IpStack>? prepare = null) => NetworkNamespace.Run(() =>
    {
        using TapStack tap = new(Device, Simulation.TestNetwork.Unprobed);
        Prepare(tap.Stack, tap.Interface, prepare);
        Serve(tap.Run, code);
    });

    /// <summary>The same over a link that is not as good as a TAP device.</summary>
    /// <returns>The link.</returns>
    public static LossyLink RunLossy(Weather weather, Action code, Action<IpStack> prepare)
    {
        LossyLink? used = null;
        NetworkNamespace.Run(() =>
        {
            using TapLink tap = new(Device);
            LossyLink link = used = new(tap, weather);
            LinuxClock clock = new();
            IpStack stack = new(clock, clock, Simulation.TestNetwork.Unprobed);
            Prepare(stack, stack.AddInterface(Device, link), prepare);
            Serve(
                cancellationToken =>
                {
                    while (!cancellationToken.IsCancellationRequested)
                    {
                        bool hasMore = stack.Run();
                        link.Deliver(stack.Pool);
                        if (!hasMore)
                        {
                            long rest = Math.Min(stack.NextDue, link.NextDue) - Stopwatch.GetTimestamp();
                            tap.Wait((int)Math.Clamp(rest / 1_000_000, 0, 100));
                        }
                    }
                },
                code);
        });
        return used!;
    }

    private static void Prepare(IpStack stack, IpInterface at, Action<IpStack>? prepare)
    {
        NetworkNamespace.Command("ip", $"addr add 10.99.0.1/24 dev {Device}");
        NetworkNamespace.Command("ip", $"addr add fd99::1/64 dev {Device} nodad");
        NetworkNamespace.Command("ip", $"link set {Device} up");
        stack.AddAddress(at, InternetAddress.FromIPv4(0x0A63_0002), 24);
        stack.AddAddress(at, InternetAddress.From(IPAddress.Parse("fd99::2")), 64);
        prepare?.Invoke(stack);
    }

    private static void Serve(Action<CancellationToken> run, Action code)
    {
        using CancellationTokenSource ended = new();
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                run(ended.Token);
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        try
        {
            code();
        }
        finally
        {
            ended.Cancel();
            thread.Join();
        }

        Assert.True(failure is null, $"the stack's thread ended by {failure}");
    }
}
