using System.Buffers.Binary;
using Xenlet.Drivers;
using Xenlet.Net;

namespace Xenlet.GuestImage;

/// <summary>Work for an interface: asks dom0 again and again for its hardware address (ARP, RFC 826), and counts the answers.</summary>
internal sealed class NeighbourWork(NetworkInterface network)
{
    private const int FrameLength = 42;
    private const int EtherTypeArp = 0x0806;
    private const int Request = 1;
    private const int Reply = 2;
    private const int OperationOffset = 20;
    private static readonly byte[] Ours = [10, 98, 0, 2];

    // tests/Guest.Tests/HostileGuest.cs gives it to dom0's bridge.
    private static readonly byte[] Asked = [10, 98, 0, 1];
    private long _answers;

    /// <summary>The answers since the last call.</summary>
    public long TakeAnswers() => Interlocked.Exchange(ref _answers, 0);

    /// <summary>
    /// Sends as many frames as the driver may have pages, so that it allocates all of them. The back end hears of them with the last one:
    /// its answers would have the driver take back the pages of the first ones, and use these again.
    /// </summary>
    public async Task UseAllPagesAsync()
    {
        int pages = new NetworkOptions().TransmitPages;
        for (int i = 1; i <= pages; i++)
        {
            await AskAsync(hasMore: i < pages);
        }
    }

    /// <summary>Sends requests, at a slow pace, until it is cancelled.</summary>
    public async Task AskAsync(TimeSpan pause, CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            await AskAsync(hasMore: false);
            await Task.Delay(pause, CancellationToken.None);
        }
    }

    /// <summary>Takes what is received until it is cancelled.</summary>
    public async Task ListenAsync(CancellationToken ending)
    {
        try
        {
            while (true)
            {
                using FrameBuffer frame = await network.ReceiveAsync(ending);
                if (IsAnswer(frame.Data))
                {
                    Interlocked.Increment(ref _answers);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static bool IsAnswer(ReadOnlySpan<byte> frame) =>
        frame.Length >= FrameLength && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == EtherTypeArp
        && BinaryPrimitives.ReadUInt16BigEndian(frame[OperationOffset..]) == Reply && frame.Slice(28, 4).SequenceEqual(Asked);

    private ValueTask AskAsync(bool hasMore)
    {
        FrameBuffer frame = network.RentFrame();
        frame.Length = FrameLength;
        Fill(frame.Data);
        return network.SendAsync(frame, hasMore, CancellationToken.None);
    }

    private void Fill(Span<byte> frame)
    {
        const int Ethernet = 1;
        const int EtherTypeIPv4 = 0x0800;
        frame.Clear();
        MacAddress.Broadcast.CopyTo(frame);
        network.Address.CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherTypeArp);
        BinaryPrimitives.WriteUInt16BigEndian(frame[14..], Ethernet);
        BinaryPrimitives.WriteUInt16BigEndian(frame[16..], EtherTypeIPv4);
        frame[18] = MacAddress.Size;
        frame[19] = (byte)Ours.Length;
        BinaryPrimitives.WriteUInt16BigEndian(frame[OperationOffset..], Request);
        network.Address.CopyTo(frame[22..]);
        Ours.CopyTo(frame[28..]);
        Asked.CopyTo(frame[38..]);
    }
}
