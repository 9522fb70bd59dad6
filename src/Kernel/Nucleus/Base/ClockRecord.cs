using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// The record that the program's <c>clock_gettime</c> reads, and of which it changes <see cref="Last"/>. The offsets come from
/// <see cref="ClockLayout"/>, which that function is assembled from too.
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
