using System.Text;

namespace Xenlet.Kernel.Tests.Console;

/// <summary>A line discipline with strings at both ends. Bytes are Latin-1 characters, so tests can write any byte.</summary>
internal sealed unsafe class TerminalFixture
{
    private LineDiscipline _discipline;

    public TerminalFixture() => _discipline.Initialise();

    public ref LineDiscipline Discipline => ref _discipline;

    /// <summary>Types, and returns the echo.</summary>
    public string Type(string bytes)
    {
        StringBuilder echo = new();
        foreach (char character in bytes)
        {
            _discipline.Input((byte)character);
            echo.Append(TakeEcho());
        }

        return echo.ToString();
    }

    /// <summary>Types, and ignores the echo.</summary>
    public void TypeAhead(string bytes)
    {
        foreach (char character in bytes)
        {
            _discipline.Input((byte)character);
        }
    }

    public string TakeEcho()
    {
        StringBuilder echo = new();
        byte* buffer = stackalloc byte[7];
        while (true)
        {
            int count = _discipline.TakeEcho(buffer, 7);
            if (count == 0)
            {
                return echo.ToString();
            }

            echo.Append(Encoding.Latin1.GetString(buffer, count));
        }
    }

    public string Read(int count = 10000)
    {
        byte[] buffer = new byte[count];
        fixed (byte* pointer = buffer)
        {
            return Encoding.Latin1.GetString(buffer, 0, _discipline.Read(pointer, count));
        }
    }

    public string Print(string bytes, int chunk = 1000)
    {
        byte[] source = Encoding.Latin1.GetBytes(bytes);
        byte[] destination = new byte[chunk];
        StringBuilder output = new();
        int position = 0;
        fixed (byte* from = source, to = destination)
        {
            while (position < source.Length)
            {
                int written = _discipline.TranslateOutput(from + position, source.Length - position, to, chunk, out int consumed);
                output.Append(Encoding.Latin1.GetString(destination, 0, written));
                position += consumed;
            }
        }

        return output.ToString();
    }

    public Termios GetTermios()
    {
        Termios termios;
        _discipline.GetTermios(&termios);
        return termios;
    }

    public void SetTermios(Termios termios) => _discipline.SetTermios(&termios);

    public void ChangeLocalFlags(uint clear, uint set = 0)
    {
        Termios termios = GetTermios();
        termios.LocalFlags = (termios.LocalFlags & ~clear) | set;
        SetTermios(termios);
    }
}
