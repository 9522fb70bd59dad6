using Xenlet.NetworkBench;
using Xenlet.NetworkPeer;

namespace Xenlet.FramePeer;

/// <summary>Frames in one direction between dom0 and a guest that was told of the run.</summary>
/// <param name="socket">A socket on the bridge.</param>
/// <param name="batch">Memory for frames.</param>
/// <param name="ours">The bridge's address.</param>
/// <param name="theirs">The guest's address.</param>
/// <param name="number">The run.</param>
internal sealed class Run(RawSocket socket, FrameBatch batch, byte[] ours, byte[] theirs, int number)
{
    /// <summary>The guest may not have been told yet.</summary>
    private const int Attempts = 300;

    private const int BetweenAttempts = 100;

    /// <summary>When nothing has come for so long, nothing more will: milliseconds.</summary>
    private const int Patience = 3000;

    /// <summary>For what dom0 itself still has of the frames that were sent.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(300);

    /// <summary>Sends frames as fast as netback takes them, then says that it was all.</summary>
    /// <remarks>
    /// A socket's share of memory is given back when netback has copied the frame into the guest's page, so sending waits for the guest,
    /// and nothing has to be lost on the way.
    /// </remarks>
    public void Send(int size, int count)
    {
        Begin();
        Fill(size, FrameKind.Data);
        socket.Send(batch, count);
        Thread.Sleep(Rest);
        Fill(BenchFrame.Shortest, FrameKind.End);
        socket.Send(batch, 1);
    }

    /// <summary>Counts frames until all have come, or no more do.</summary>
    public Arrivals Receive(int count)
    {
        Arrivals arrivals = new(number);
        Begin();
        while (arrivals.Count < count)
        {
            int received = socket.Receive(batch, Patience);
            if (received == 0)
            {
                break;
            }

            for (int i = 0; i < received; i++)
            {
                arrivals.Add(batch[i]);
            }

            arrivals.TakeTime();
        }

        return arrivals;
    }

    /// <summary>Waits until the guest is ready. It may begin to send right then.</summary>
    private void Begin()
    {
        Span<byte> frame = stackalloc byte[BenchFrame.Shortest];
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            Fill(BenchFrame.Shortest, FrameKind.Begin);
            socket.Send(batch, 1);

            // One frame at a time: behind the answer those to be measured may stand already.
            while (socket.Receive(frame, BetweenAttempts) != 0)
            {
                if (BenchFrame.KindOf(frame, number) == FrameKind.Ready)
                {
                    return;
                }
            }
        }

        throw new TimeoutException("the guest does not answer");
    }

    private void Fill(int size, FrameKind kind) => batch.Fill(size, frame => BenchFrame.Write(frame, theirs, ours, kind, number));
}
