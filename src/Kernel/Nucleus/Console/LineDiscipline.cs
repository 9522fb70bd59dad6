using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using static Xenlet.Kernel.Nucleus.Console.TermiosBits;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>
/// What a terminal does between its line and a program: line editing, echo, signals from the keyboard, newline translation. Behaves as
/// Linux's N_TTY does where it does anything; it has no input or output of its own.
/// </summary>
/// <remarks>
/// <para>The owner gives every byte that the console received to <see cref="Input"/>, then sends what <see cref="TakeEcho"/> gives and
/// raises what <see cref="TakeSignals"/> gives. A program's output goes through <see cref="TranslateOutput"/>.</para>
/// <para>As on Linux, CR and LF each end a line (ICRNL), so a terminal that sends both sends an empty line too. <c>xl console</c> sends CR
/// alone for Enter.</para>
/// <para>Not offered, and absent from the flags a program reads back: flow control by Ctrl-S and Ctrl-Q (a program must not be stopped by a
/// stray byte), upper-case terminals, parity marks, ECHOPRT. VTIME is the owner's: see <see cref="ReadTimeout"/>.</para>
/// <para>Memory is fixed. A line holds 4095 bytes and its newline; complete lines wait for the program up to 4 KiB, and one more line
/// waits for room behind them. What comes beyond is dropped, a whole line at a time, each byte answered by BEL (IMAXBEL).</para>
/// </remarks>
internal unsafe partial struct LineDiscipline
{
    /// <summary>Longest line, with its newline: N_TTY_BUF_SIZE of Linux's n_tty.c.</summary>
    public const int LineLimit = InputQueue.MaximumRecord;

    /// <summary>Bit of <see cref="TakeSignals"/> for SIGINT (2).</summary>
    public const uint InterruptSignal = 1u << (2 - 1);

    /// <summary>Bit of <see cref="TakeSignals"/> for SIGQUIT (3).</summary>
    public const uint QuitSignal = 1u << (3 - 1);

    /// <summary>Bit of <see cref="TakeSignals"/> for SIGTSTP (20).</summary>
    public const uint SuspendSignal = 1u << (20 - 1);

    private const byte Bell = 7;
    private const byte Backspace = 8;
    private const byte Delete = 0x7f;
    private const int TabWidth = 8;

    private const uint KnownInputFlags = ISTRIP | INLCR | IGNCR | ICRNL | IMAXBEL | IUTF8;
    private const uint KnownOutputFlags = OPOST | ONLCR;
    private const uint KnownLocalFlags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | NOFLSH | ECHOCTL | ECHOKE | IEXTEN;

    // c_cc of a fresh terminal: INIT_C_CC of asm-generic/termios.h, without the flow control characters.
    private static ReadOnlySpan<byte> DefaultControlCharacters =>
        [3, 28, Delete, 21, 4, 0, 1, 0, 0, 0, 26, 0, 18, 15, 23, 22, 0, 0, 0];

    private Termios _termios;
    private InputQueue _queue;
    private EchoQueue _echo;
    private fixed byte _line[LineLimit];
    private int _lineLength;

    // The line is finished and waits for room in the queue.
    private bool _isLineComplete;

    // Input is being dropped up to and including the next line end.
    private bool _isDropping;
    private bool _isNextLiteral;
    private uint _signals;

    // Where the cursor is, and where it was when the line began: a tab's width depends on it.
    private int _column;
    private int _lineColumn;

    // Index of the line's next byte to show again (Ctrl-R); -1: nothing to show.
    private int _reprint;

    // ONLCR wrote the CR of a newline and found no room for the LF.
    private bool _isNewlineHalfWritten;

    /// <summary>Sets the defaults of a Linux terminal and empties every buffer; needed once before anything else.</summary>
    public void Initialise()
    {
        _termios.InputFlags = ICRNL | IMAXBEL | IUTF8;
        _termios.OutputFlags = OPOST | ONLCR;
        _termios.ControlFlags = B38400 | CS8 | CREAD | HUPCL;
        _termios.LocalFlags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
        _termios.Line = 0;
        for (int i = 0; i < Termios.NCCS; i++)
        {
            _termios.ControlCharacters[i] = DefaultControlCharacters[i];
        }

        _signals = 0;
        _column = 0;
        _isNewlineHalfWritten = false;
        _echo.Clear();
        FlushInput();
    }

    /// <summary>Whether input is edited by lines (ICANON).</summary>
    public readonly bool IsCanonical => HasLocal(ICANON);

    /// <summary>Whether a program would find something to read: what poll reports. A pending end of file counts.</summary>
    public readonly bool CanRead => CanReadAtLeast(MinimumBytes);

    /// <summary>Bytes a program could read now (FIONREAD).</summary>
    public readonly int ReadableBytes => _queue.ByteCount;

    /// <summary>The last <see cref="Read"/> gave 0 because the end of the file was typed, not because there was nothing to read.</summary>
    public bool AtEndOfFile { get; private set; }

    /// <summary>Bytes of echo waiting to be sent.</summary>
    public readonly bool HasEcho => _echo.Count > 0 || _reprint >= 0;

    /// <summary>
    /// How long a read that finds nothing waits, in tenths of a second, when line editing is off and VMIN is 0; 0: it returns at once;
    /// -1: it waits for input. With both VMIN and VTIME the read ends at its first byte, as if the time between bytes had run out.
    /// </summary>
    public readonly int ReadTimeout =>
        IsCanonical || _termios.ControlCharacters[VMIN] != 0 ? -1 : _termios.ControlCharacters[VTIME];

    private readonly int MinimumBytes
    {
        get
        {
            int minimum = _termios.ControlCharacters[VMIN];
            return _termios.ControlCharacters[VTIME] != 0 || minimum == 0 ? 1 : minimum;
        }
    }

    /// <summary>Whether a read of <paramref name="count"/> bytes has what it waits for.</summary>
    public readonly bool CanReadAtLeast(int count)
    {
        int minimum = MinimumBytes;
        return IsCanonical ? _queue.HasRecord : _queue.ByteCount >= (count < minimum ? count : minimum);
    }

    /// <summary>Copies the settings out (TCGETS).</summary>
    public readonly void GetTermios(Termios* termios) => *termios = _termios;

    /// <summary>
    /// Takes new settings (TCSETS); flags it does not know are left out. When line editing ends, the unfinished line becomes readable.
    /// </summary>
    public void SetTermios(Termios* termios)
    {
        bool wasCanonical = IsCanonical;
        _termios = *termios;
        _termios.InputFlags &= KnownInputFlags;
        _termios.OutputFlags &= KnownOutputFlags;
        _termios.LocalFlags &= KnownLocalFlags;
        _termios.Line = 0;
        _isNextLiteral = false;
        if (wasCanonical && !IsCanonical)
        {
            _isDropping = false;
            _reprint = -1;
            if (_lineLength > 0)
            {
                CompleteLine();
            }
        }
    }

    /// <summary>Discards everything typed and not yet read (TCIFLUSH), with the unfinished line.</summary>
    public void FlushInput()
    {
        _queue.Clear();
        _lineLength = 0;
        _isLineComplete = false;
        _isDropping = false;
        _isNextLiteral = false;
        _reprint = -1;
        AtEndOfFile = false;
    }

    /// <summary>Takes one byte from the console.</summary>
    public void Input(byte value)
    {
        if (HasInput(ISTRIP))
        {
            value &= 0x7f;
        }

        if (_isNextLiteral)
        {
            _isNextLiteral = false;
            Store(value);
            return;
        }

        if (HasLocal(ISIG) && TrySignal(value))
        {
            return;
        }

        if (value == '\r')
        {
            if (HasInput(IGNCR))
            {
                return;
            }

            if (HasInput(ICRNL))
            {
                value = (byte)'\n';
            }
        }
        else if (value == '\n' && HasInput(INLCR))
        {
            value = (byte)'\r';
        }

        if (!IsCanonical)
        {
            StoreRaw(value);
        }
        else if (!TryEdit(value) && !TryEndLine(value))
        {
            Store(value);
        }
    }

    /// <summary>
    /// Reads up to <paramref name="count"/> bytes: of the first line only when canonical. 0 with <see cref="AtEndOfFile"/> is the end of
    /// the file; the file goes on after it, as a terminal does.
    /// </summary>
    public int Read(byte* buffer, int count)
    {
        bool hadRecord = _queue.HasRecord;
        int taken = IsCanonical ? _queue.ReadRecord(buffer, count) : _queue.ReadBytes(buffer, count);
        AtEndOfFile = hadRecord && taken == 0 && count > 0 && IsCanonical;
        if (_isLineComplete)
        {
            CompleteLine();
        }

        return taken;
    }

    /// <summary>Takes up to <paramref name="count"/> bytes to send to the console as they are.</summary>
    public int TakeEcho(byte* buffer, int count)
    {
        int taken = _echo.Take(buffer, count);
        while (_reprint >= 0 && taken < count)
        {
            // The widest character is ^X.
            while (_reprint < _lineLength && _echo.Room >= 2)
            {
                EchoCharacter(Line[_reprint++]);
            }

            if (_reprint >= _lineLength)
            {
                _reprint = -1;
            }

            taken += _echo.Take(buffer + taken, count - taken);
        }

        return taken;
    }

    /// <summary>Takes the signals the keyboard asked for since the last call: bit n-1 is signal n, as in a Linux signal set.</summary>
    public uint TakeSignals()
    {
        uint signals = _signals;
        _signals = 0;
        return signals;
    }

    /// <summary>
    /// Translates a piece of the program's output (ONLCR) and keeps count of the column. Stops when either side is used up; the caller
    /// goes on with the rest of the source.
    /// </summary>
    /// <param name="source">The program's bytes.</param>
    /// <param name="count">How many.</param>
    /// <param name="destination">Where the bytes for the console go.</param>
    /// <param name="capacity">Room there: 1 or more makes progress.</param>
    /// <param name="consumed">How many bytes of the source are dealt with.</param>
    /// <returns>Bytes written to the destination.</returns>
    public int TranslateOutput(byte* source, int count, byte* destination, int capacity, out int consumed)
    {
        int read = 0;
        int written = 0;
        while (read < count && written < capacity)
        {
            byte value = source[read];
            if (value == '\n' && TranslatesNewline && !_isNewlineHalfWritten)
            {
                destination[written++] = (byte)'\r';
                _column = 0;
                _isNewlineHalfWritten = true;
                continue;
            }

            _isNewlineHalfWritten = false;
            destination[written++] = value;
            _column = ColumnAfter(_column, value);
            read++;
        }

        consumed = read;
        return written;
    }

    [UnscopedRef]
    private Span<byte> Line => MemoryMarshal.CreateSpan(ref _line[0], LineLimit);

    private readonly bool TranslatesNewline => (_termios.OutputFlags & (OPOST | ONLCR)) == (OPOST | ONLCR);

    private readonly bool HasInput(uint flag) => (_termios.InputFlags & flag) != 0;

    private readonly bool HasLocal(uint flag) => (_termios.LocalFlags & flag) != 0;

    private readonly bool IsSpecial(byte value, int index) => value != 0 && _termios.ControlCharacters[index] == value;

    private bool TrySignal(byte value)
    {
        uint signal;
        if (IsSpecial(value, VINTR))
        {
            signal = InterruptSignal;
        }
        else if (IsSpecial(value, VQUIT))
        {
            signal = QuitSignal;
        }
        else if (IsSpecial(value, VSUSP))
        {
            signal = SuspendSignal;
        }
        else
        {
            return false;
        }

        _signals |= signal;
        if (!HasLocal(NOFLSH))
        {
            _echo.Clear();
            FlushInput();
        }

        Echo(value);
        return true;
    }
}
