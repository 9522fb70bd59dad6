using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>Front ends that send faster than their ring is emptied, served by one thread as in a guest.</summary>
public sealed class NetworkFloodTests
{
    private const long Goal = 10_000;

    /// <summary>What a flood gets if nobody else has a turn.</summary>
    private const long Much = 16 * Goal;

    [Fact]
    public async Task With_one_front_end_flooding_another_keeps_half_of_its_throughput()
    {
        using EventLoop loop = new("back ends");
        TaskCompletionSource<long> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Flood flood = new();
        Flood busy = new();
        flood.HasSent = () => flood.Ring!.IsOver |= flood.Frames >= Much;
        busy.HasSent = () =>
        {
            if (busy.Frames == Goal)
            {
                busy.Ring!.IsOver = flood.Ring!.IsOver = true;
                done.SetResult(flood.Frames);
            }
        };
        RawNetworkFrontEnd[] fronts = [];
        await EventLoop.RunAsync(loop, () =>
        {
            fronts = [flood.Start(), busy.Start()];
            return Task.CompletedTask;
        });
        long flooded = await done.Task.WaitAsync(TimeSpan.FromMinutes(2));
        foreach (RawNetworkFrontEnd front in fronts)
        {
            await front.DisposeAsync();
            Assert.False(front.HasFailed, "a flood breaks no rule of the ring");
        }

        const long turn = 32;
        Assert.True(
            flooded <= Goal + (2 * turn), $"while one front end sent {Goal} frames, the one that floods sent {flooded}");
    }

    /// <summary>A port that publishes the next request of its front end with each frame that it gets.</summary>
    private sealed class Flood : IFramePort
    {
        public FloodRing<TransmitRequest, TransmitResponse>? Ring { get; private set; }

        public Action HasSent { get; set; } = static () => { };

        public long Frames { get; private set; }

        public RawNetworkFrontEnd Start()
        {
            RawNetworkFrontEnd front = new(network: this);
            Ring = new(front.TransmitPage, new() { Reference = front.Grant().Reference, Size = 1514 });
            Ring.Begin();
            return front;
        }

        public void Send(FrameBuffer frame)
        {
            frame.Dispose();
            Frames++;
            HasSent();
            Ring!.Add();
        }
    }
}
