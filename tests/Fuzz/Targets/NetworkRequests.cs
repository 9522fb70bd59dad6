using System.Runtime.InteropServices;
using Xenlet.BackEnds;
using Xenlet.BackEnds.Net;
using Xenlet.BackEnds.Tests;
using Xenlet.BackEnds.Tests.Net;
using Xenlet.Drivers;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// A front end that sends any chains of slots and extra infos to a network back end, and gives it any pages for frames: each request is
/// answered once, a frame that is taken is what its slots say, and one that is delivered is in the pages that were given for it, and
/// nowhere else. All of it runs on one loop, in turns.
/// </summary>
internal static class NetworkRequests
{
    /// <summary>The back end's domain.</summary>
    public const ushort Self = 1;

    /// <summary>Turns in which both servers do whatever there is to do.</summary>
    private const int Turns = 12;

    private static readonly EventLoop Loop = new("network back end");

    /// <summary>An extra info, a slot that announces one, and sizes near the limits of a page.</summary>
    public static byte[][] Tokens { get; } = [[1, 1, 0x78, 5, 1], [1, 2, 0], [0, 0, 9], [0x00, 0x10], [0xFF, 0x0F], [0xFF, 0xFF]];

    public static void Run(byte[] input) => EventLoop.RunAsync(Loop, () => RunAsync(new Script(input))).GetAwaiter().GetResult();

    private static async Task RunAsync(Script script)
    {
        int flags = script.Byte();
        FrontEndFeatures features = new(
            (flags & 1) != 0, (NetworkOffloads)(flags >> 1) & ~((flags & 1) == 0
                ? NetworkOffloads.SegmentTcpV4 | NetworkOffloads.SegmentTcpV6 : NetworkOffloads.None), (flags & 64) != 0);
        TestMachine front = new();
        BackEndMachine machine = new(front, Self);
        TestPage[] rings = [(TestPage)front.Allocate(), (TestPage)front.Allocate()];
        using FrontEndPages mapped = new(machine, domain: 0, maximum: 2);
        uint[] references = [.. rings.Select(page => page.Grant(Self).Reference)];
        IForeignPage[] ringPages = mapped.MapAsync(references, CancellationToken.None).AsTask().GetAwaiter().GetResult();
        NetworkRequestModel model = new(front, rings, features);
        using TestChannel channel = (TestChannel)front.AllocateUnbound(Self);
        using IEventChannel bound = machine.BindInterdomain(0, channel.Port);
        PortCounters counters = new();
        FrontEndPort port = new(new() { WaitingFrames = 16 }, counters);
        MulticastFilter filter = new(features.FiltersMulticast);
        ReceiveServer receive = new(
            new BackEnds.BackRing<ReceiveRequest, ReceiveResponse>([ringPages[1]]), machine, 0, bound, port.Queue, features, counters);
        port.Open(filter, receive);
        TransmitServer transmit = new(
            new BackEnds.BackRing<TransmitRequest, TransmitResponse>([ringPages[0]]), machine, 0, bound, model.Frames, filter, model,
            counters, new(TimeProvider.System));
        using CancellationTokenSource ending = new();
        Task delivering = receive.RunAsync(ending.Token);
        try
        {
            while (!script.AtEnd && await StepAsync())
            {
            }
        }
        finally
        {
            await ending.CancelAsync();
            Exception? end = await Record.ExceptionAsync(() => delivering);
            Assert.True(end is OperationCanceledException or BrokenRingException, $"the server of received frames ended with {end}");
            port.Close();
        }

        async Task<bool> StepAsync()
        {
            switch (script.Below(8))
            {
                case 0:
                    // What a ring is that says so is the back end's to know.
                    Span<byte> ring = rings[script.Below(2)].Bytes;
                    ref uint producer = ref MemoryMarshal.AsRef<uint>(ring[RingPages.RequestProducer..]);
                    producer = script.Near(producer);
                    await ServeAsync(transmit, receive);
                    return false;
                case 1 or 2:
                    model.Send(script);
                    return true;
                case 3:
                    model.SendExtra(script);
                    return true;
                case 4:
                    model.Give(script);
                    return true;
                case 5:
                    model.Deliver(script, port);
                    return true;
                case 6:
                    machine.Refusal = script.Byte() is < 200 and var refused
                        ? reference => reference % 7 == refused % 9 ? GrantResult.BadReference : null
                        : static _ => null;
                    return true;
                default:
                    if (!await ServeAsync(transmit, receive))
                    {
                        return false;
                    }

                    model.CheckAnswers();
                    model.CheckDeliveries();
                    return true;
            }
        }
    }

    /// <summary>Has both servers do all that there is to do. False if the front end has broken the protocol.</summary>
    private static async Task<bool> ServeAsync(TransmitServer transmit, ReceiveServer receive)
    {
        try
        {
            await transmit.TakeAllAsync(receive, CancellationToken.None);
            for (int turn = 0; turn < Turns; turn++)
            {
                await Task.Yield();
            }

            return true;
        }
        catch (BrokenRingException)
        {
            return false;
        }
    }
}
