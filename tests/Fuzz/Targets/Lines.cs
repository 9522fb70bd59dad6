using System.Runtime.InteropServices;

namespace Xenlet.Fuzz.Targets;

/// <summary>Whatever is typed, whatever the settings: the line discipline stays within its memory and its counts are right.</summary>
internal static unsafe class Lines
{
    private const int GuardSize = 64;
    private const byte Guard = 0xA5;
    private const int Room = 5000;

    public static void Run(byte[] input)
    {
        int size = sizeof(LineDiscipline);
        byte* memory = (byte*)NativeMemory.Alloc((nuint)(size + (2 * GuardSize)));
        try
        {
            Span<byte> all = new(memory, size + (2 * GuardSize));
            all.Fill(Guard);
            LineDiscipline* terminal = (LineDiscipline*)(memory + GuardSize);
            terminal->Initialise();
            Script script = new(input);
            while (!script.AtEnd)
            {
                Step(script, terminal);
            }

            Assert.Equal(-1, all[..GuardSize].IndexOfAnyExcept(Guard));
            Assert.Equal(-1, all[^GuardSize..].IndexOfAnyExcept(Guard));
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private static void Step(Script script, LineDiscipline* terminal)
    {
        byte* buffer = stackalloc byte[Room];
        int count;
        switch (script.Below(16))
        {
            case 0:
                Termios termios;
                terminal->GetTermios(&termios);
                termios.InputFlags = script.UInt32();
                termios.OutputFlags = script.UInt16();
                termios.LocalFlags = script.UInt32();
                terminal->SetTermios(&termios);
                break;
            case 1:
                terminal->GetTermios(&termios);
                termios.ControlCharacters[script.Below(Termios.NCCS)] = script.Byte();
                terminal->SetTermios(&termios);
                break;
            case 2:
                terminal->FlushInput();
                Assert.Equal(0, terminal->ReadableBytes);
                break;
            case 3 or 4:
                count = script.Below(Room);
                int before = terminal->ReadableBytes;
                bool canRead = terminal->CanReadAtLeast(1);
                int read = terminal->Read(buffer, count);
                Assert.InRange(read, 0, Math.Min(count, before));
                Assert.True(read == 0 || canRead, "there was nothing to be read, and it was read");
                break;
            case 5:
                TakeEcho(terminal, buffer, script.Below(300) + 1);
                break;
            case 6:
                count = script.Below(600);
                script.Bytes(count).CopyTo(new Span<byte>(buffer, count));
                int capacity = script.Below(600) + 1;
                Assert.InRange(terminal->TranslateOutput(buffer, count, buffer + 1000, capacity, out int consumed), 0, capacity);
                Assert.InRange(consumed, 0, count);
                break;
            case 7:
                _ = terminal->TakeSignals();
                byte value = script.Byte();
                for (int i = script.Below(5000); i > 0; i--)
                {
                    terminal->Input(value);
                }

                break;
            default:
                foreach (byte typed in script.Bytes(script.Below(20) + 1))
                {
                    terminal->Input(typed);
                }

                break;
        }

        Assert.InRange(terminal->ReadableBytes, 0, LineDiscipline.N_TTY_BUF_SIZE);
    }

    private static void TakeEcho(LineDiscipline* terminal, byte* buffer, int count)
    {
        int total = 0;
        int taken;
        while ((taken = terminal->TakeEcho(buffer, count)) > 0)
        {
            Assert.InRange(taken, 1, count);
            total += taken;
            Assert.InRange(total, 0, 100_000);
        }

        Assert.False(terminal->HasEcho, "there is echo that cannot be taken");
    }
}
