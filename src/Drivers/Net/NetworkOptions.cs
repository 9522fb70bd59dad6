using Xenlet.Drivers.Net;

namespace Xenlet.Drivers;

/// <summary>How network interfaces are driven.</summary>
public sealed record NetworkOptions
{
    /// <summary>Pages that wait for frames at the back end, of each interface: 20 to 256, which is all that the ring takes.</summary>
    public int ReceivePages { get; init; } = 256;

    /// <summary>
    /// Pages for frames on their way to the back end, of each interface, 20 to 256. They are made as they are needed, and kept.
    /// </summary>
    public int TransmitPages { get; init; } = 256;

    /// <summary>Received frames that wait for the program, of each interface. What comes beyond them is dropped, and counted.</summary>
    public int ReceiveQueueFrames { get; init; } = 512;

    /// <summary>Memory of received frames that wait for the program, of each interface, in bytes.</summary>
    public int ReceiveQueueBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>
    /// Takes frames whose checksum of TCP or UDP the back end has not done (<see cref="FrameBuffer.IsChecksumBlank"/>). Without it the back
    /// end does all checksums.
    /// </summary>
    public bool TakesBlankChecksums { get; init; } = true;

    /// <summary>
    /// Takes frames that stand for many TCP segments (<see cref="FrameBuffer.SegmentSize"/>), which may be much longer than the MTU. Needs
    /// <see cref="TakesBlankChecksums"/>.
    /// </summary>
    public bool TakesLargeSegments { get; init; } = true;

    /// <summary>
    /// Asks the back end to deliver only those multicast frames whose address was joined by
    /// <see cref="NetworkInterface.JoinMulticastAsync"/>. Where it cannot, all come.
    /// </summary>
    public bool FiltersMulticast { get; init; }

    /// <summary>
    /// Asks for two event channels, one for each ring, where the back end can: what was sent then wakes nobody who waits for frames.
    /// </summary>
    public bool SplitsEventChannels { get; init; } = true;

    /// <summary>
    /// Who may take interfaces as links of a TCP/IP stack, as they come; what it leaves is the program's. <see langword="null"/>: all are
    /// the program's.
    /// </summary>
    public INetworkLinkUser? LinkUser { get; init; }

    /// <summary>Where captured frames are written; <see langword="null"/> for the console.</summary>
    public TextWriter? CaptureOutput { get; init; }

    /// <summary>The clock of the pauses between connections.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Pages of one connection at most: those of frames and the two rings.</summary>
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
