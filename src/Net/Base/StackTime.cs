namespace Xenlet.Net.Base;

/// <summary>Lengths of time in nanoseconds, the unit of <see cref="IStackClock.Now"/>.</summary>
internal static class StackTime
{
    public const long Millisecond = 1_000_000;
    public const long Second = 1_000 * Millisecond;
    public const long Minute = 60 * Second;

    /// <summary>No end.</summary>
    public const long Never = long.MaxValue;

    /// <summary>
    /// A moment some seconds from now; <see cref="uint.MaxValue"/> is for ever, as in lifetimes of RFC 4861 and RFC 2131.
    /// </summary>
    public static long After(long now, uint seconds) => seconds == uint.MaxValue ? Never : now + (seconds * Second);
}
