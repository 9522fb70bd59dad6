using System.Globalization;

namespace Xenlet.XenBus;

/// <summary>Reads states, and knows which changes a connection makes when all goes as <c>io/xenbus.h</c> describes.</summary>
public static class XenBusStates
{
    // Row: from. Bit: to. A device may be given up (5, 6) or be set up anew by the tool stack (1) from any state.
    private const int AnyTime = (1 << 1) | (1 << 5) | (1 << 6);

    private static ReadOnlySpan<ushort> Next =>
    [
        AnyTime,
        AnyTime | (1 << 2) | (1 << 3) | (1 << 4),
        AnyTime | (1 << 3) | (1 << 4),
        AnyTime | (1 << 4),
        AnyTime | (1 << 7),
        (1 << 1) | (1 << 6),
        // A back end whose front end starts again goes from Closed to InitWait.
        (1 << 1) | (1 << 2),
        AnyTime | (1 << 8),
        AnyTime | (1 << 4) | (1 << 7),
    ];

    /// <summary>
    /// Whether a change is one that the protocol describes. For traces and diagnosis only: nothing is refused for it, as peers do other
    /// things too.
    /// </summary>
    public static bool IsUsual(XenBusState from, XenBusState to) =>
        (uint)from < (uint)Next.Length && (uint)to < (uint)Next.Length && (Next[(int)from] & (1 << (int)to)) != 0;

    /// <summary>
    /// The state that a node's value says. A missing node, and a value that is no state, are <see cref="XenBusState.Closed"/>: an end that
    /// cannot be read takes no part any more.
    /// </summary>
    public static XenBusState Parse(string? value) =>
        int.TryParse(
            value,
            NumberStyles.None,
            CultureInfo.InvariantCulture,
            out int number) && (uint)number <= (uint)XenBusState.Reconfigured
            ? (XenBusState)number
            : XenBusState.Closed;
}
