using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform.Pc;

/// <summary>The PC's battery-backed clock (MC146818), read once at boot without Xen. Assumed to run in UTC, as QEMU's does.</summary>
internal static class CmosClock
{
    private const ushort Index = 0x70;
    private const ushort Data = 0x71;
    private const byte StatusA = 0x0a;
    private const byte StatusB = 0x0b;
    private const byte UpdateInProgress = 0x80;
    private const byte BinaryMode = 4;
    private const byte TwentyFourHours = 2;

    /// <summary>Seconds since 1970-01-01 UTC.</summary>
    public static ulong UnixTime()
    {
        while (true)
        {
            ulong first = Read();
            // Two equal readings without an update in between are consistent.
            if ((Register(StatusA) & UpdateInProgress) == 0 && first == Read())
            {
                return first;
            }
        }
    }

    private static ulong Read()
    {
        byte mode = Register(StatusB);
        byte rawHour = Register(4);
        uint hour = Decode((byte)(rawHour & 0x7f), mode);
        if ((mode & TwentyFourHours) == 0)
        {
            hour = hour % 12 + ((rawHour & 0x80) != 0 ? 12u : 0);
        }

        uint year = 2000 + Decode(Register(9), mode);
        return UnixDays(year, Decode(Register(8), mode), Decode(Register(7), mode)) * 86400
            + hour * 3600 + Decode(Register(2), mode) * 60 + Decode(Register(0), mode);
    }

    /// <summary>
    /// The number of days from 1970-01-01 to a date of the Gregorian calendar. The computation starts the year in March, so that leap days
    /// come last.
    /// </summary>
    public static ulong UnixDays(uint year, uint month, uint day)
    {
        uint y = month <= 2 ? year - 1 : year;
        uint m = (month + 9) % 12;
        return 365UL * y + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
    }

    private static uint Decode(byte value, byte mode) =>
        (mode & BinaryMode) != 0 ? value : (uint)(value >> 4) * 10 + (value & 15u);

    private static byte Register(byte index)
    {
        Machine.Out8(Index, index);
        return Machine.In8(Data);
    }
}
