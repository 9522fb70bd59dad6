using Xenlet.Drivers.Net;

namespace Xenlet.Drivers;

/// <summary>Options of network interfaces.</summary>
public sealed record NetworkOptions
{
    /// <summary>Pages of each interface that wait for frames at the back end: 20 to 256, the size of the ring.</summary>
    public int ReceivePages { get; init; } = 256;

    /// <summary>
    /// Pages of each interface for frames on their way to the back end, 20 to 256. They are allocated on demand, and kept.
    /// </summary>
    public int TransmitPages { get; init; } = 256;

    /// <summary>Received frames of each interface that wait for the program. Further ones are dropped and counted.</summary>
    public int ReceiveQueueFrames { get; init; } = 512;

    /// <summary>Memory of each interface's received frames that wait for the program, in bytes.</summary>
    public int ReceiveQueueBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>
    /// Accepts frames whose checksum of TCP or UDP is blank (<see cref="FrameBuffer.IsChecksumBlank"/>). Without it the back end completes
    /// all checksums.
    /// </summary>
    public bool TakesBlankChecksums { get; init; } = true;

    /// <summary>
    /// Accepts frames that stand for many TCP segments (<see cref="FrameBuffer.SegmentSize"/>), which may be much longer than the MTU.
    /// Needs <see cref="TakesBlankChecksums"/>.
    /// </summary>
    public bool TakesLargeSegments { get; init; } = true;

    /// <summary>
    /// Requests that the back end deliver only those multicast frames whose address was joined by
    /// <see cref="NetworkInterface.JoinMulticastAsync"/>. If it cannot, all are delivered.
    /// </summary>
    public bool FiltersMulticast { get; init; }

    /// <summary>
    /// Requests two event channels, one for each ring, if the back end supports them: then sending does not wake a reader.
    /// </summary>
    public bool SplitsEventChannels { get; init; } = true;

    /// <summary>
    /// Who may take interfaces as links of a TCP/IP stack, as they come; what it leaves is the program's. <see langword="null"/>: all are
    /// the program's.
    /// </summary>
    public INetworkLinkUser? LinkUser { get; init; }

    /// <summary>Receives captured frames; <see langword="null"/> for the console.</summary>
    public TextWriter? CaptureOutput { get; init; }

    /// <summary>The clock for the pauses between connections.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The largest number of pages of one connection: those for frames and the two rings.</summary>
    internal int PagesPerConnection => ReceivePages + TransmitPages + 2;

    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    internal void Check()
    {
        const int Least = NetProtocol.MaximumReceiveSlots + 1;
        foreach ((int value, string name) in new[] { (ReceivePages, nameof(ReceivePages)), (TransmitPages, nameof(TransmitPages)) })
        {
            if (value is < Least or > 256)
            {
                throw new ArgumentOutOfRangeException(name, value, $"Between {Least} and 256 pages.");
            }
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ReceiveQueueFrames);
        ArgumentOutOfRangeException.ThrowIfLessThan(ReceiveQueueBytes, FramePool.MaximumCapacity);
    }
}
