using Xenlet.Net;

namespace Xenlet.Drivers.Net;

/// <summary>Received frames in the packet buffers of a TCP/IP stack. Used by the stack's thread alone.</summary>
internal sealed class PacketMemory : IFrameMemory<PacketBuffer>
{
    /// <summary>The stack's buffers, set before each use.</summary>
    public PacketPool? Pool { get; set; }

    public PacketBuffer Rent(int capacity) => Pool!.Rent(capacity);

    public void Return(PacketBuffer frame) => frame.Return();

    public int Capacity(PacketBuffer frame) => frame.Capacity;

    public ReadOnlySpan<byte> Data(PacketBuffer frame) => frame.Data;

    public void Append(PacketBuffer frame, ReadOnlySpan<byte> bytes) => bytes.CopyTo(frame.Append(bytes.Length));

    public void Describe(
        PacketBuffer frame, bool isChecksumBlank, bool isChecksumValidated, SegmentKind segmentKind, int segmentSize) =>
        frame.Offload = new(isChecksumBlank, isChecksumValidated, segmentSize);
}
