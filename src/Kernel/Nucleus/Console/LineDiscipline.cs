using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using static Xenlet.Kernel.Nucleus.Console.TermiosBits;

namespace Xenlet.Kernel.Nucleus.Console;

/// <summary>
/// A terminal's line discipline between the device and the program: line editing, echo, signals from the keyboard, newline translation.
/// What it supports works as in Linux's N_TTY. It does no input or output itself.
/// </summary>
/// <remarks>
/// <para>The owner passes every byte that the console received to <see cref="Input"/>, then sends what <see cref="TakeEcho"/> returns and
/// raises what <see cref="TakeSignals"/> returns. A program's output goes through <see cref="TranslateOutput"/>.</para>
/// <para>As on Linux, CR and LF each end a line (ICRNL), so a terminal that sends both also sends an empty line. <c>xl console</c> sends
/// only CR for Enter.</para>
/// <para>Not supported, and absent from the flags that a program reads back: flow control by Ctrl-S and Ctrl-Q (a stray byte must not stop
/// a program), upper-case terminals, parity marks, ECHOPRT. The owner implements VTIME: see <see cref="ReadTimeout"/>.</para>
/// <para>Memory is fixed. A line holds 4095 bytes and its newline; up to 4 KiB of complete lines wait for the program, and one more line
/// waits for room behind them. Further input is dropped, a whole line at a time, and each dropped byte is answered with BEL
/// (IMAXBEL).</para>
/// </remarks>
internal unsafe partial struct LineDiscipline
{
    /// <summary>The longest line including its newline: N_TTY_BUF_SIZE of Linux's n_tty.c.</summary>
    public const int N_TTY_BUF_SIZE = InputQueue.MaximumRecord;

    /// <summary>The bit of SIGINT (2) in <see cref="TakeSignals"/>.</summary>
    public const uint InterruptSignal = 1u << (2 - 1);

    /// <summary>The bit of SIGQUIT (3) in <see cref="TakeSignals"/>.</summary>
    public const uint QuitSignal = 1u << (3 - 1);

    /// <summary>The bit of SIGTSTP (20) in <see cref="TakeSignals"/>.</summary>
    public const uint SuspendSignal = 1u << (20 - 1);

    private const byte Bell = 7;
    private const byte Backspace = 8;
    private const byte Delete = 0x7f;
    private const int TabWidth = 8;

    private const uint KnownInputFlags = ISTRIP | INLCR | IGNCR | ICRNL | IMAXBEL | IUTF8;
    private const uint KnownOutputFlags = OPOST | ONLCR;
    private const uint KnownLocalFlags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHONL | NOFLSH | ECHOCTL | ECHOKE | IEXTEN;

    // c_cc of a new terminal: INIT_C_CC of asm-generic/termios.h without the flow control characters.
    private static ReadOnlySpan<byte> DefaultControlCharacters =>
        [3, 28, Delete, 21, 4, 0, 1, 0, 0, 0, 26, 0, 18, 15, 23, 22, 0, 0, 0];

    private Termios _termios;
    private InputQueue _queue;
    private EchoQueue _echo;
    private fixed byte _line[N_TTY_BUF_SIZE];
    private int _lineLength;

    // The line is finished and waits for room in the queue.
    private bool _isLineComplete;

    // Input is being dropped up to and including the next line end.
    private bool _isDropping;
    private bool _isNextLiteral;
    private uint _signals;

    // The cursor's column, and its column when the line began: a tab's width depends on them.
    private int _column;
    private int _lineColumn;

    // Index of the line's next byte to reprint (Ctrl-R); -1 if there is none.
    private int _reprint;

    // ONLCR has written a newline's CR and found no room for the LF.
    private bool _isNewlineHalfWritten;

    /// <summary>Sets the defaults of a Linux terminal and empties every buffer. Call it once before anything else.</summary>
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

    /// <summary>Whether input is edited line by line (ICANON).</summary>
    public readonly bool IsCanonical => HasLocal(ICANON);

    /// <summary>Whether a read would find something, as poll reports it. A pending end of file counts.</summary>
    public readonly bool CanRead => CanReadAtLeast(MinimumBytes);

    /// <summary>The number of bytes that a program could read now (FIONREAD).</summary>
    public readonly int ReadableBytes => _queue.ByteCount;

    /// <summary>
    /// Whether the last <see cref="Read"/> returned 0 because the end-of-file character was typed, and not for lack of input.
    /// </summary>
    public bool AtEndOfFile { get; private set; }

    /// <summary>Whether echo waits to be sent.</summary>
    public readonly bool HasEcho => _echo.Count > 0 || _reprint >= 0;

    /// <summary>
    /// How long a read that finds nothing waits, in tenths of a second: 0 if it returns at once, -1 if it waits for input. Applies when
    /// line editing is off and VMIN is 0. With both VMIN and VTIME, the read ends at its first byte, as if the time between bytes had run
    /// out.
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

    /// <summary>
    /// Whether a read of <paramref name="count"/> bytes could complete.
    /// </summary>
    public readonly bool CanReadAtLeast(int count)
    {
        int minimum = MinimumBytes;
        return IsCanonical ? _queue.HasRecord : _queue.ByteCount >= (count < minimum ? count : minimum);
    }

    /// <summary>Returns the settings (TCGETS).</summary>
    public readonly void GetTermios(Termios* termios) => *termios = _termios;

    /// <summary>
    /// Sets the settings (TCSETS) and ignores flags that are not supported. When line editing is turned off, the unfinished line becomes
    /// readable.
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

    /// <summary>Discards all input not yet read (TCIFLUSH), including the unfinished line.</summary>
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

    /// <summary>Processes one byte from the console.</summary>
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
    /// Reads up to <paramref name="count"/> bytes; in canonical mode, of the first line only. 0 with <see cref="AtEndOfFile"/> is the end
    /// of file; reading continues after it, as on any terminal.
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

    /// <summary>
    /// Takes up to <paramref name="count"/> bytes to send to the console unchanged.
    /// </summary>
    public int TakeEcho(byte* buffer, int count)
    {
        int taken = _echo.Take(buffer, count);
        while (_reprint >= 0 && taken < count)
        {
            // The longest echo of a character is ^X.
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

    /// <summary>
    /// Takes the signals that the keyboard has requested since the last call. Bit n-1 is signal n, as in a Linux signal set.
    /// </summary>
    public uint TakeSignals()
    {
        uint signals = _signals;
        _signals = 0;
        return signals;
    }

    /// <summary>
    /// Translates a piece of the program's output (ONLCR) and tracks the column. Stops at the end of the source or of the destination; the
    /// caller continues with the rest of the source.
    /// </summary>
    /// <param name="source">The program's bytes.</param>
    /// <param name="count">Their number.</param>
    /// <param name="destination">Receives the bytes for the console.</param>
    /// <param name="capacity">Its size. At least 1 is needed for progress.</param>
    /// <param name="consumed">The number of source bytes processed.</param>
    /// <returns>The number of bytes written to the destination.</returns>
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
    private Span<byte> Line => MemoryMarshal.CreateSpan(ref _line[0], N_TTY_BUF_SIZE);

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
