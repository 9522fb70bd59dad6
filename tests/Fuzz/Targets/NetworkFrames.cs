using System.Runtime.InteropServices;
using Xenlet.Drivers;
using Xenlet.Drivers.Tests;
using Xenlet.Kernel;
using Xenlet.Net;

namespace Xenlet.Fuzz.Targets;

/// <summary>
/// The receive ring of a network back end that writes any response: frames are put together, lost, or the connection ends.
/// </summary>
internal static class NetworkFrames
{
    private const byte Pattern = 0x5A;

    public static byte[][] Tokens { get; } =
    [
        [0, 0, 0, 0, 4, 0, 60, 0], [0, 0, 0, 0, 8, 0, 60, 0], [1, 0, 0xB4, 5, 1, 0, 0, 0], [1, 1, 0xB4, 5, 2, 0, 0, 0],
        [0, 0, 0, 0, 12, 0, 0, 16], [0x08, 0x00, 0x45], [0x86, 0xDD, 0x60], [6], [17],
    ];

    public static void Run(byte[] input)
    {
        Script script = new(input);
        TestMachine machine = new();
        TestPage page = (TestPage)machine.Allocate();
        FrontRing<ReceiveRequest, ReceiveResponse> ring = new([page]);
        BackRing<ReceiveRequest, ReceiveResponse> back = new([page.Bytes], 8);
        byte[] data = new byte[ISharedPage.Size];
        Array.Fill(data, Pattern);
        NetworkCounters counters = new();
        FrameAssembly<FrameBuffer> assembly = new(new FramePool(), counters);
        for (ushort id = 0; id < ring.Capacity; id++)
        {
            ring.Put(new ReceiveRequest { Id = id });
        }

        ring.Publish();
        ushort next = 0;
        try
        {
            while (!script.AtEnd)
            {
                switch (script.Below(4))
                {
                    case 0:
                        back.ResponseProducer = script.Near(back.ResponseProducer);
                        break;
                    case 1:
                        int at = script.UInt16() % (data.Length - 256);
                        script.Bytes(script.Byte()).CopyTo(data.AsSpan(at));
                        break;
                    default:
                        ReadOnlySpan<ReceiveResponse> said = MemoryMarshal.Cast<byte, ReceiveResponse>(script.Bytes(8));
                        ReceiveResponse answer = said.IsEmpty ? default : said[0];
                        answer.Id ^= next;
                        back.Put(answer);
                        back.ResponseProducer++;
                        break;
                }

                do
                {
                    while (ring.TryTake(out ReceiveResponse response))
                    {
                        using FrameBuffer? frame = assembly.Add(in response, data, next);
                        ring.Put(new ReceiveRequest { Id = next });
                        ring.Publish();
                        next = (ushort)((next + 1) % ring.Capacity);
                        Check(frame);
                    }
                }
                while (ring.FinalCheck());
            }
        }
        catch (BrokenRingException)
        {
            // The connection ends, and says why.
        }

        assembly.Abandon();
    }

    private static void Check(FrameBuffer? frame)
    {
        if (frame is null)
        {
            return;
        }

        Assert.InRange(frame.Length, EthernetHeader.Size, NetProtocol.MaximumFrameSize);
        Assert.Equal(frame.SegmentSize > 0, frame.SegmentKind != SegmentKind.None);
        byte[] before = frame.Data.ToArray();
        if (InternetChecksum.TryFill(frame.Data))
        {
            Assert.True(InternetChecksum.IsRight(frame.Data), "a checksum was filled, and is not right");
            Assert.True(InternetChecksum.TryFillPseudoHeader(frame.Data));
        }
        else
        {
            Assert.True(frame.Data.SequenceEqual(before), "a frame without a checksum was changed");
        }
    }
}
