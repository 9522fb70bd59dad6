using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus;

/// <summary>
/// The guest's console: Xen's console ring, or the first serial port without Xen, with a terminal's line discipline in front.
/// </summary>
internal static unsafe class ConsoleDevice
{
    private const int StagingSize = 1024;

    private static LineDiscipline s_terminal;
    private static Staging s_staging;
    private static int s_stagingStart;
    private static int s_stagingEnd;

    private static byte s_lastWritten = (byte)'\n';

    // Set once the device and a clock are there: a panic before that has port 0xE9 only.
    private static bool s_isReady;

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

    /// <summary>The device behind the console is not there until <see cref="DeviceReady"/>; output is kept, as far as there is room.</summary>
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

    /// <summary>Takes input from the device, echoes it, raises the signals of the keyboard. Called for every console interrupt.</summary>
    public static void Service()
    {
        byte* buffer = stackalloc byte[64];
        int count;
        while ((count = DeviceRead(buffer, 64)) > 0)
        {
            for (int i = 0; i < count; i++)
            {
                s_terminal.Input(buffer[i]);
                SendEcho();
            }
        }

        SendEcho();
        DrainStaging();
        uint signals = s_terminal.TakeSignals();
        for (int signal = 1; signal < 32; signal++)
        {
            if ((signals & (uint)SignalNumber.Bit(signal)) != 0)
            {
                Signals.SendToProcess(signal);
            }
        }
    }

    /// <summary>Writes a byte without the line discipline's state, waiting for room: for the last words of the nucleus.</summary>
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
        if (s_lastWritten != '\n')
        {
            WriteByPolling((byte)'\n');
        }
    }

    /// <summary>
    /// Waits until the other side has taken all output, at most two seconds: a domain whose console nobody drains must still end.
    /// </summary>
    public static void WaitUntilDrained()
    {
        if (!s_isReady)
        {
            return;
        }

        ulong deadline = Clock.After(2_000_000_000);
        while (Clock.Now() < deadline)
        {
            DrainStaging();
            if (s_stagingStart == s_stagingEnd && (!XenPlatform.IsPresent || PvConsole.OutputDrained))
            {
                return;
            }

            WaitForRoom();
        }
    }

    private static byte* StagingBytes => (byte*)Unsafe.AsPointer(ref s_staging);

    private static void WriteRawByPolling(byte value)
    {
        ulong deadline = 0;
        while (DeviceWrite(&value, 1) == 0)
        {
            ulong now = Clock.Now();
            if (deadline == 0)
            {
                deadline = now + 2_000_000_000;
            }
            else if (now > deadline)
            {
                return;
            }

            WaitForRoom();
        }
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

    private static void SendEcho()
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
        DrainStaging();
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
            s_lastWritten = text[written - 1];
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
