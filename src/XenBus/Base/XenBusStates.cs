using System.Globalization;

namespace Xenlet.XenBus;

/// <summary>Parses states, and says which changes of a state <c>io/xenbus.h</c> describes.</summary>
public static class XenBusStates
{
    // Row: from. Bit: to. From any state a device may close (5, 6), or the tool stack may set it up again (1).
    private const int AnyTime = (1 << 1) | (1 << 5) | (1 << 6);

    private static ReadOnlySpan<ushort> Next =>
    [
        AnyTime,
        AnyTime | (1 << 2) | (1 << 3) | (1 << 4),
        AnyTime | (1 << 3) | (1 << 4),
        AnyTime | (1 << 4),
        AnyTime | (1 << 7),
        (1 << 1) | (1 << 6),
        // A back end goes from Closed to InitWait when its front end starts again.
        (1 << 1) | (1 << 2),
        AnyTime | (1 << 8),
        AnyTime | (1 << 4) | (1 << 7),
    ];

    /// <summary>
    /// Whether the protocol describes a change. For diagnosis only: real peers make other changes as well, so the bus refuses none.
    /// </summary>
    public static bool IsUsual(XenBusState from, XenBusState to) =>
        (uint)from < (uint)Next.Length && (uint)to < (uint)Next.Length && (Next[(int)from] & (1 << (int)to)) != 0;

    /// <summary>
    /// The state in a node's value. A missing node, and a value that is no state, are <see cref="XenBusState.Closed"/>: such an end takes
    /// no part any more.
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
