using static Xenlet.Kernel.Nucleus.Console.TermiosBits;

namespace Xenlet.Kernel.Nucleus.Console;

/// <content>What the terminal shows of the line being typed, and in which columns.</content>
internal unsafe partial struct LineDiscipline
{
    // The number of columns that the line's bytes from an index on occupy, and the number of echo bytes that erase them.
    private int ColumnsFrom(int index, out int echoBytes)
    {
        int column = LineColumnAt(index);
        int start = column;
        echoBytes = 0;
        for (int i = index; i < _lineLength; i++)
        {
            int next = ColumnAfterEcho(column, Line[i]);
            echoBytes += (next - column) * (Line[i] == '\t' ? 1 : 3);
            column = next;
        }

        return column - start;
    }

    private int LineColumnAt(int index)
    {
        int column = _lineColumn;
        for (int i = 0; i < index; i++)
        {
            column = ColumnAfterEcho(column, Line[i]);
        }

        return column;
    }

    // The bytes beyond the line's new length are still in the buffer.
    private void RubOut(int length, int oldLength, int columns)
    {
        int end = LineColumnAt(length) + columns;
        for (int i = oldLength - 1; i >= length; i--)
        {
            int start = LineColumnAt(i);
            bool blank = Line[i] == '\t';
            for (; end > start; end--)
            {
                PutEcho(Backspace);
                if (!blank)
                {
                    PutEcho((byte)' ');
                    PutEcho(Backspace);
                }
            }
        }
    }

    private void Reprint(byte control)
    {
        _reprint = -1;
        Echo(control);
        PutNewline();
        _lineColumn = _column;
        _reprint = 0;
    }

    private void Ring()
    {
        if (HasInput(IMAXBEL))
        {
            PutEcho(Bell);
        }
    }

    private void Echo(byte value)
    {
        // The pending reprint will show this byte in its place.
        if (HasLocal(ECHO) && _reprint < 0)
        {
            EchoCharacter(value);
        }
    }

    private void EchoCharacter(byte value)
    {
        if (HasLocal(ECHOCTL) && IsControl(value) && value != '\t')
        {
            PutEcho((byte)'^');
            PutEcho((byte)(value ^ 0x40));
        }
        else
        {
            PutEcho(value);
        }
    }

    private void PutNewline()
    {
        if (TranslatesNewline)
        {
            PutEcho((byte)'\r');
        }

        PutEcho((byte)'\n');
    }

    private void PutEcho(byte value)
    {
        if (_echo.TryPut(value))
        {
            _column = ColumnAfter(_column, value);
        }
    }

    private readonly int ColumnAfterEcho(int column, byte value) =>
        HasLocal(ECHOCTL) && IsControl(value) && value != '\t' ? column + 2 : ColumnAfter(column, value);

    private readonly int ColumnAfter(int column, byte value) => value switch
    {
        (byte)'\r' => 0,
        (byte)'\t' => (column | (TabWidth - 1)) + 1,
        Backspace => column > 0 ? column - 1 : 0,
        < 0x20 or Delete => column,
        _ when HasInput(IUTF8) && IsContinuation(value) => column,
        _ => column + 1,
    };

    private static bool IsControl(byte value) => value is < 0x20 or Delete;

    private static bool IsContinuation(byte value) => (value & 0xc0) == 0x80;
}
