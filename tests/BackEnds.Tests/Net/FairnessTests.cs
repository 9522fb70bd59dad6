using Xenlet.Kernel;

namespace Xenlet.BackEnds.Tests.Net;

/// <summary>
/// Front ends that always have another frame in their ring, on one event loop, as in a guest: who has how many turns. No clock decides it.
/// </summary>
public sealed class FairnessTests
{
    private const int Frames = 2000;

    [Theory]
    [InlineData(60, 60)]
    [InlineData(4096, 60)]
    [InlineData(60, 1514)]
    public async Task A_front_end_beside_one_that_floods_has_half_of_all_turns(int floodLength, int length)
    {
        using EventLoop loop = new("back ends");
        List<int> order = [];
        TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        RawNetworkFrontEnd[] front = [];
        await EventLoop.RunAsync(loop, () =>
        {
            front = [new(), new()];
            foreach (int i in (int[])[0, 1])
            {
                uint page = front[i].Grant().Reference;
                int size = i == 0 ? floodLength : length;
                front[i].Network.Sent = () =>
                {
                    order.Add(i);
                    if (order.Count == Frames)
                    {
                        over.SetResult();
                    }

                    Fill(front[i], page, size);
                };
                Fill(front[i], page, size);
            }

            return Task.CompletedTask;
        });
        await over.Task.WaitAsync(TimeSpan.FromMinutes(2));
        foreach (RawNetworkFrontEnd one in front)
        {
            await one.DisposeAsync();
        }

        int own = order.Take(Frames).Count(i => i == 1);
        Assert.True(own >= (Frames / 2) - 64, $"of {Frames} frames, {own} were of the front end that does not flood");
    }

    /// <summary>Has the ring full, whatever of it was taken.</summary>
    private static void Fill(RawNetworkFrontEnd front, uint page, int size)
    {
        while (front.Transmit.TryTake(out _))
        {
        }

        while (front.Transmit.Free > 0)
        {
            front.Put(new TransmitRequest { Reference = page, Size = (ushort)size });
        }

        front.Publish();
    }
}
