using Xenlet.Drivers;
using Xenlet.Net.Wire;

namespace Xenlet.BackEnds.Net;

/// <summary>
/// Whether a frame that stands for several TCP segments is one. Whoever gets it relies on that: its receiver may need it cut.
/// </summary>
internal static class SegmentCheck
{
    /// <summary>Whether a frame can be cut as the other domain says.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="kind">What it is cut into.</param>
    /// <param name="size">Bytes of data in each segment.</param>
    public static bool CanBeCut(ReadOnlySpan<byte> frame, SegmentKind kind, int size) =>
        TcpSegments.TryRead(frame, size, out TcpSegments segments) && segments.IsIPv6 == (kind == SegmentKind.TcpV6);
}
