using static Xenlet.Kernel.Nucleus.Console.TermiosBits;

namespace Xenlet.Kernel.Nucleus.Console;

/// <content>Line editing: the effect of each input byte on the line being typed.</content>
internal unsafe partial struct LineDiscipline
{
    private bool TryEdit(byte value)
    {
        bool erase = IsSpecial(value, VERASE) || (value == Backspace && _termios.ControlCharacters[VERASE] == Delete);
        bool kill = IsSpecial(value, VKILL);
        bool extended = HasLocal(IEXTEN);
        bool eraseWord = extended && IsSpecial(value, VWERASE);
        bool reprint = extended && HasLocal(ECHO) && IsSpecial(value, VREPRINT);
        bool literal = extended && IsSpecial(value, VLNEXT);
        if (!erase && !kill && !eraseWord && !reprint && !literal)
        {
            return false;
        }

        if (IsHoldingBack)
        {
            Ring();
        }
        else if (erase)
        {
            Shorten(PreviousCharacter(_lineLength), value, false);
        }
        else if (eraseWord)
        {
            Shorten(PreviousWord(), value, false);
        }
        else if (kill)
        {
            Shorten(0, value, true);
        }
        else if (reprint)
        {
            Reprint(value);
        }
        else
        {
            _isNextLiteral = true;
            if (HasLocal(ECHO) && HasLocal(ECHOCTL) && _reprint < 0)
            {
                PutEcho((byte)'^');
                PutEcho(Backspace);
            }
        }

        return true;
    }

    private bool TryEndLine(byte value)
    {
        bool endOfFile = IsSpecial(value, VEOF);
        bool otherEnd = IsSpecial(value, VEOL) || (HasLocal(IEXTEN) && IsSpecial(value, VEOL2));
        if (value != '\n' && !endOfFile && !otherEnd)
        {
            return false;
        }

        if (IsHoldingBack)
        {
            _isDropping = false;
            Ring();
            return true;
        }

        if (!endOfFile)
        {
            _reprint = -1;
            EchoLineEnd(value);

            // The limit in Store leaves room for this byte.
            Line[_lineLength++] = value;
        }

        CompleteLine();
        return true;
    }

    private void EchoLineEnd(byte value)
    {
        if (value != '\n')
        {
            Echo(value);
        }
        else if (HasLocal(ECHO) || HasLocal(ECHONL))
        {
            PutNewline();
        }
    }

    // A finished line waits, or part of a line was dropped: input now would land in the wrong line.
    private readonly bool IsHoldingBack => _isLineComplete || _isDropping;

    private void Store(byte value)
    {
        if (!IsCanonical)
        {
            StoreRaw(value);
        }
        else if (IsHoldingBack)
        {
            _isDropping = true;
            Ring();
        }
        else if (_lineLength >= N_TTY_BUF_SIZE - 1)
        {
            Ring();
        }
        else
        {
            if (_lineLength == 0)
            {
                _lineColumn = _column;
            }

            Line[_lineLength++] = value;
            Echo(value);
        }
    }

    private void StoreRaw(byte value)
    {
        if (_isLineComplete || !_queue.TryAppendByte(value))
        {
            Ring();
        }
        else if (value == '\n')
        {
            if (HasLocal(ECHO))
            {
                PutNewline();
            }
        }
        else
        {
            Echo(value);
        }
    }

    private void CompleteLine()
    {
        _isLineComplete = !_queue.TryAppend(Line.Slice(0, _lineLength));
        if (!_isLineComplete)
        {
            _lineLength = 0;
        }
    }

    private int PreviousCharacter(int index)
    {
        if (index == 0)
        {
            return 0;
        }

        index--;
        if (HasInput(IUTF8))
        {
            while (index > 0 && IsContinuation(Line[index]))
            {
                index--;
            }
        }

        return index;
    }

    // A word consists of letters, digits, '_' and everything beyond ASCII; what follows it up to the cursor counts with it.
    private int PreviousWord()
    {
        int index = _lineLength;
        bool inWord = false;
        while (index > 0)
        {
            int previous = PreviousCharacter(index);
            bool wordCharacter = IsWordByte(Line[previous]);
            if (inWord && !wordCharacter)
            {
                break;
            }

            inWord |= wordCharacter;
            index = previous;
        }

        return index;
    }

    private void Shorten(int length, byte control, bool kill)
    {
        if (length == _lineLength)
        {
            return;
        }

        int columns = ColumnsFrom(length, out int echoBytes);
        int oldLength = _lineLength;
        bool reprinting = _reprint >= 0;
        _lineLength = length;
        _reprint = -1;
        if (!HasLocal(ECHO))
        {
            return;
        }

        bool killPlainly = kill && !(HasLocal(ECHOK) && HasLocal(ECHOKE) && HasLocal(ECHOE));
        if (killPlainly || (!kill && !HasLocal(ECHOE)))
        {
            Echo(control);
            if (kill && HasLocal(ECHOK))
            {
                PutNewline();
            }
        }
        else if (reprinting || echoBytes > _echo.Room)
        {
            // Too much to erase: start again on the next row of the screen.
            Reprint(control);
        }
        else
        {
            RubOut(length, oldLength, columns);
        }
    }

    private static bool IsWordByte(byte value) =>
        value is (>= (byte)'0' and <= (byte)'9') or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'a' and <= (byte)'z')
            or (byte)'_' or >= 0x80;
}
