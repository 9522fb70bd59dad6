using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// What the program's <c>clock_gettime</c> reads, and changes: <see cref="Last"/>. The offsets are <see cref="ClockLayout"/>'s, which that
/// function is assembled from as well.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = ClockLayout.Size)]
internal struct ClockRecord
{
    [FieldOffset(ClockLayout.Record)] public ulong Record;
    [FieldOffset(ClockLayout.WallClock)] public ulong WallClock;
    [FieldOffset(ClockLayout.Generation)] public ulong Generation;
    [FieldOffset(ClockLayout.Offset)] public long Offset;
    [FieldOffset(ClockLayout.Last)] public ulong Last;
}
