using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Platform.Pc;
using Xenlet.Kernel.Nucleus.Platform.Xen;
using Xenlet.Kernel.Nucleus.Threads;
using Xenlet.Kernel.Nucleus.Xen.Abi;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>
/// The guest's console: Xen's console ring, or the first serial port without Xen, with a terminal's line discipline in front.
/// </summary>
internal static unsafe class ConsoleDevice
{
    private const int StagingSize = 1024;

    // How long a guest waits for the other side before it is suspended, and in all before it ends: a domain whose console nobody drains
    // must still do both.
    private const ulong PatienceNanoseconds = 2_000_000_000;

    private static LineDiscipline s_terminal;
    private static Staging s_staging;
    private static WaitQueue s_waiters;
    private static int s_stagingStart;
    private static int s_stagingEnd;

    // Whether the last byte written was no newline.
    private static bool s_isInLine;

    // Set once the device and a clock are there: a panic before that has port 0xE9 only.
    private static bool s_isReady;

    // Nanoseconds spent waiting for room since the guest began to end. What has been waited is never given back: a report is thousands of
    // bytes, and a limit for each of them would let whoever takes none, or a few, keep the guest alive for hours.
    private static ulong s_waitedAtEnd;

    /// <summary>Threads that wait for input or for room for output.</summary>
    public static WaitQueue* Waiters => (WaitQueue*)Unsafe.AsPointer(ref s_waiters);

    /// <summary>Whether a read would return something: a line, bytes, or the end of file.</summary>
    public static bool CanRead => s_terminal.CanRead;

    /// <summary>Whether the console would take output now.</summary>
    public static bool CanWrite
    {
        get
        {
            DrainStaging();
            return s_stagingStart == s_stagingEnd;
        }
    }

    public static void Initialise()
    {
        s_terminal.Initialise();
        if (!XenPlatform.IsPresent)
        {
            SerialPort.Initialise();
        }
    }

    /// <summary>The device behind the console is there from now on.</summary>
    public static void DeviceReady() => s_isReady = true;

    /// <summary>
    /// The device behind the console is not there until <see cref="DeviceReady"/>; output is kept, as far as there is room.
    /// </summary>
    public static void DeviceGone() => s_isReady = false;

    /// <summary>Reads what the line discipline has ready.</summary>
    /// <returns>Bytes read; 0 for end of file; -EAGAIN when there is nothing yet.</returns>
    public static long Read(byte* buffer, ulong count)
    {
        if (!s_terminal.CanRead)
        {
            return -Errno.EAGAIN;
        }

        return s_terminal.Read(buffer, (int)Math.Min(count, int.MaxValue));
    }

    /// <summary>Writes as much as there is room for, NL as CR NL.</summary>
    /// <returns>Bytes of the program's text that were taken.</returns>
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

    /// <summary>Whether the other side has read or written since the last call; a serial port interrupts for nothing else.</summary>
    public static bool TakeNews() => !XenPlatform.IsPresent || PvConsole.TakeNews();

    /// <summary>Takes input from the device, as much as Xen's ring holds at most, and echoes it.</summary>
    /// <returns>False when there may be more input.</returns>
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

            // Not for each byte: the other side is notified each time.
            DrainStaging();
        }

        StageEcho();
        DrainStaging();
        return total < (int)xencons_interface.InputSize;
    }

    /// <summary>The signals that keys have asked for since the last call, as <see cref="LineDiscipline.TakeSignals"/>.</summary>
    public static uint TakeSignals() => s_terminal.TakeSignals();

    /// <summary>
    /// Writes a byte without the line discipline's state, waiting for room: for the last words of the nucleus. All of them, and
    /// <see cref="DrainAtEnd"/>, share two seconds of waiting; after that a byte that finds no room is dropped.
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

    /// <summary>Ends the line that the program or its user left unfinished, so that what the nucleus writes begins one.</summary>
    public static void StartLine()
    {
        if (s_isInLine)
        {
            WriteByPolling((byte)'\n');
        }
    }

    /// <summary>Waits until the other side has taken all output, at most two seconds.</summary>
    public static void WaitUntilDrained()
    {
        ulong waited = 0;
        WaitUntilDrained(ref waited);
    }

    /// <summary>
    /// As <see cref="WaitUntilDrained()"/>, for a guest that ends: with what is left of the two seconds for all its last words.
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

    /// <summary>Waits a while for room and adds the time to <paramref name="waited"/>; false when that is over the limit.</summary>
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

    /// <summary>Gives dom0 the processor for a while; without Xen the port is always ready soon.</summary>
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

        // Echo that finds no room stays queued in the line discipline until the next interrupt.
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
