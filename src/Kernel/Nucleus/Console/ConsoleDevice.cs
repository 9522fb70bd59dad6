using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>
/// The guest's console with a terminal's line discipline in front: Xen's console ring, or the first serial port without Xen.
/// </summary>
internal static unsafe class ConsoleDevice
{
    private const int StagingSize = 1024;

    // How long a guest waits for the back end before it suspends, and in total before it ends. A domain whose console nobody drains must
    // still be able to do both.
    private const ulong PatienceNanoseconds = 2_000_000_000;

    private static LineDiscipline s_terminal;
    private static Staging s_staging;
    private static WaitQueue s_waiters;
    private static int s_stagingStart;
    private static int s_stagingEnd;

    // Whether the last byte written was not a newline.
    private static bool s_isInLine;

    // Set once the device and a clock exist. An earlier panic goes to port 0xE9 only.
    private static bool s_isReady;

    // Nanoseconds spent waiting for room since the guest began to end. It never decreases: a report has thousands of bytes, and with a
    // limit per byte a back end that takes none or few could keep the guest alive for hours.
    private static ulong s_waitedAtEnd;

    /// <summary>Threads that wait for input or for room for output.</summary>
    public static WaitQueue* Waiters => (WaitQueue*)Unsafe.AsPointer(ref s_waiters);

    /// <summary>Whether a read would return at once: with a line, bytes, or end of file.</summary>
    public static bool CanRead => s_terminal.CanRead;

    /// <summary>Whether the console would accept output now.</summary>
    public static bool CanWrite
    {
        get
        {
            DrainStaging();
            return s_stagingStart == s_stagingEnd;
        }
    }

    /// <summary>Whether what was written last has not ended its line.</summary>
    public static bool IsInLine => s_isInLine;

    public static void Initialise()
    {
        s_terminal.Initialise();
        if (!XenPlatform.IsPresent)
        {
            SerialPort.Initialise();
        }
    }

    /// <summary>The device behind the console is usable from now on.</summary>
    public static void DeviceReady() => s_isReady = true;

    /// <summary>
    /// The device behind the console is unusable until <see cref="DeviceReady"/>. Output is kept as far as there is room.
    /// </summary>
    public static void DeviceGone() => s_isReady = false;

    /// <summary>Reads what the line discipline has ready.</summary>
    /// <returns>The number of bytes read; 0 at end of file; -EAGAIN when there is nothing yet.</returns>
    public static long Read(byte* buffer, ulong count)
    {
        if (!s_terminal.CanRead)
        {
            return -Errno.EAGAIN;
        }

        return s_terminal.Read(buffer, (int)Math.Min(count, int.MaxValue));
    }

    /// <summary>Writes as much as there is room for, with NL as CR NL.</summary>
    /// <returns>The number of bytes of the program's text that were accepted.</returns>
    public static ulong Write(byte* text, ulong count)
    {
        ulong done = 0;
        while (true)
        {
            DrainStaging();
            if (s_stagingStart != s_stagingEnd || done == count)
            {
                return done;
            }

            s_stagingStart = 0;
            s_stagingEnd = s_terminal.TranslateOutput(
                text + done, (int)Math.Min(count - done, StagingSize), StagingBytes, StagingSize, out int consumed);
            done += (ulong)consumed;
        }
    }

    /// <summary>Whether the back end has read or written since the last call. A serial port interrupts for no other reason.</summary>
    public static bool TakeProgress() => !XenPlatform.IsPresent || PvConsole.TakeProgress();

    /// <summary>Takes input from the device, at most as much as Xen's ring holds, and echoes it.</summary>
    /// <returns>False if there may be more input.</returns>
    public static bool Service()
    {
        byte* buffer = stackalloc byte[64];
        int total = 0;
        int count;
        while (total < (int)xencons_interface.InputSize && (count = DeviceRead(buffer, 64)) > 0)
        {
            total += count;
            for (int i = 0; i < count; i++)
            {
                s_terminal.Input(buffer[i]);
                StageEcho();
            }

            // Once for the whole input and not for each byte, since each flush notifies the back end.
            DrainStaging();
        }

        StageEcho();
        DrainStaging();
        return total < (int)xencons_interface.InputSize;
    }

    /// <summary>The signals that keys have requested since the last call, as <see cref="LineDiscipline.TakeSignals"/>.</summary>
    public static uint TakeSignals() => s_terminal.TakeSignals();

    /// <summary>
    /// Writes a byte past the line discipline and waits for room, for the nucleus's final messages. All such writes and
    /// <see cref="DrainAtEnd"/> together wait at most two seconds; after that, a byte for which there is no room is dropped.
    /// </summary>
    public static void WriteByPolling(byte value)
    {
        if (!s_isReady)
        {
            return;
        }

        if (value == '\n')
        {
            WriteRawByPolling((byte)'\r');
        }

        WriteRawByPolling(value);
    }

    /// <summary>Ends the line that the program or its user left unfinished, so that the nucleus's message starts a new one.</summary>
    public static void StartLine()
    {
        if (s_isInLine)
        {
            WriteByPolling((byte)'\n');
        }
    }

    /// <summary>Waits until the back end has taken all output, at most two seconds.</summary>
    public static void WaitUntilDrained()
    {
        ulong waited = 0;
        WaitUntilDrained(ref waited);
    }

    /// <summary>
    /// As <see cref="WaitUntilDrained()"/>, for a guest that ends: waits for the rest of the two seconds that all its final messages share.
    /// </summary>
    public static void DrainAtEnd() => WaitUntilDrained(ref s_waitedAtEnd);

    private static byte* StagingBytes => (byte*)Unsafe.AsPointer(ref s_staging);

    private static void WaitUntilDrained(ref ulong waited)
    {
        while (s_isReady)
        {
            DrainStaging();
            if (s_stagingStart == s_stagingEnd && (!XenPlatform.IsPresent || PvConsole.OutputDrained))
            {
                return;
            }

            if (!TryWaitForRoom(ref waited))
            {
                return;
            }
        }
    }

    private static void WriteRawByPolling(byte value)
    {
        while (DeviceWrite(&value, 1) == 0 && TryWaitForRoom(ref s_waitedAtEnd))
        {
        }
    }

    /// <summary>
    /// Waits a while for room and adds the time to <paramref name="waited"/>. Returns false once the total exceeds the limit.
    /// </summary>
    private static bool TryWaitForRoom(ref ulong waited)
    {
        if (waited >= PatienceNanoseconds)
        {
            return false;
        }

        ulong start = Clock.Now();
        WaitForRoom();
        waited += Clock.Now() - start;
        return true;
    }

    /// <summary>Gives dom0 the processor for a while. Without Xen the port is soon ready anyway.</summary>
    private static void WaitForRoom()
    {
        if (XenPlatform.IsPresent)
        {
            uint port = PvConsole.Port;
            EventChannels.Clear(port);
            _ = SchedOp.Poll(&port, 1, PvClock.SystemTime() + 10_000_000);
        }
        else
        {
            Machine.Pause();
        }
    }

    private static void StageEcho()
    {
        if (!s_terminal.HasEcho)
        {
            return;
        }

        if (s_stagingStart == s_stagingEnd)
        {
            s_stagingStart = 0;
            s_stagingEnd = 0;
        }

        // Echo for which there is no room stays in the line discipline until the next interrupt.
        s_stagingEnd += s_terminal.TakeEcho(StagingBytes + s_stagingEnd, StagingSize - s_stagingEnd);
        if (s_terminal.HasEcho)
        {
            DrainStaging();
        }
    }

    private static void DrainStaging()
    {
        while (s_stagingStart < s_stagingEnd)
        {
            int count = DeviceWrite(StagingBytes + s_stagingStart, s_stagingEnd - s_stagingStart);
            if (count == 0)
            {
                return;
            }

            s_stagingStart += count;
        }
    }

    private static int DeviceWrite(byte* text, int count)
    {
        int written = XenPlatform.IsPresent ? PvConsole.Write(text, count) : SerialPort.Write(text, count);
        if (written > 0)
        {
            s_isInLine = text[written - 1] != '\n';
        }

        return written;
    }

    private static int DeviceRead(byte* buffer, int count) =>
        XenPlatform.IsPresent ? PvConsole.Read(buffer, count) : SerialPort.Read(buffer, count);

    [InlineArray(StagingSize)]
    private struct Staging
    {
        private byte _first;
    }
}
