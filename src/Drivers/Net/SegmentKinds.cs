namespace Xenlet.Drivers.Net;

/// <summary>What <see cref="SegmentKind"/> needs of the other end.</summary>
internal static class SegmentKinds
{
    /// <summary>The offload of whoever takes a frame of several segments as it is; without it the frame has to be cut.</summary>
    public static NetworkOffloads Offload(this SegmentKind kind) =>
        kind == SegmentKind.TcpV6 ? NetworkOffloads.SegmentTcpV6 : NetworkOffloads.SegmentTcpV4;
}
