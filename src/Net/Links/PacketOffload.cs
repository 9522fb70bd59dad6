namespace Xenlet.Net;

/// <summary>What is left to the device for a packet that is sent, or known of one that was received.</summary>
/// <param name="IsChecksumPartial">
/// The checksum field of TCP or UDP holds the sum of the pseudo header only. Sending, the device completes it; received, the packet never
/// left this machine and is whole.
/// </param>
/// <param name="IsChecksumVerified">The device has verified the checksum of TCP or UDP of a received packet.</param>
/// <param name="SegmentSize">
/// The payload of each segment that the device cuts this packet into, in bytes; 0 for a packet that is sent as it is. Of a received packet:
/// the size of the segments that were joined.
/// </param>
public readonly record struct PacketOffload(bool IsChecksumPartial, bool IsChecksumVerified, int SegmentSize);
