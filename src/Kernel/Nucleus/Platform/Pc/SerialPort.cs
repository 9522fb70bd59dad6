using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Platform.Pc;

/// <summary>The first serial port, a 16550: the console in QEMU's PVH boot without Xen.</summary>
internal static unsafe class SerialPort
{
    /// <summary>The port's interrupt line on a PC.</summary>
    public const int InterruptLine = 4;

    private const ushort Base = 0x3f8;
    private const ushort InterruptEnable = Base + 1;
    private const ushort FifoControl = Base + 2;
    private const ushort LineControl = Base + 3;
    private const ushort ModemControl = Base + 4;
    private const ushort LineStatus = Base + 5;
    private const byte DataReady = 1;
    private const byte TransmitterEmpty = 0x20;

    // The number of bytes that the empty transmit FIFO accepts.
    private const int FifoSize = 16;

    /// <summary>Sets 115200 baud, eight data bits, FIFOs on, and an interrupt for every received byte.</summary>
    public static void Initialise()
    {
        Machine.Out8(LineControl, 0x80);
        Machine.Out8(Base, 1);
        Machine.Out8(InterruptEnable, 0);
        Machine.Out8(LineControl, 3);
        Machine.Out8(FifoControl, 0x07);
        Machine.Out8(ModemControl, 0x0b);
        Machine.Out8(InterruptEnable, 1);
    }

    /// <summary>Writes everything and waits for the transmitter. An emulated one is always ready at once.</summary>
    public static int Write(byte* text, int count)
    {
        for (int i = 0; i < count; i++)
        {
            while (i % FifoSize == 0 && (Machine.In8(LineStatus) & TransmitterEmpty) == 0)
            {
                Machine.Pause();
            }

            Machine.Out8(Base, text[i]);
        }

        return count;
    }

    /// <summary>Reads the received bytes.</summary>
    public static int Read(byte* buffer, int count)
    {
        int done = 0;
        while (done < count && (Machine.In8(LineStatus) & DataReady) != 0)
        {
            buffer[done++] = Machine.In8(Base);
        }

        return done;
    }
}
