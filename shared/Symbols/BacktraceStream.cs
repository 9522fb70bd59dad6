namespace Xenlet.Symbols;

/// <summary>Says in words what code an address belongs to, or null where none is.</summary>
/// <param name="address">The address.</param>
/// <param name="isReturnAddress">Whether it is the one behind a call.</param>
internal delegate string? Describe(ulong address, bool isReturnAddress);

/// <summary>
/// Copies a guest's console, or its lines in Xen's log, and appends to every line of a kernel backtrace what code it is about: a line that
/// begins with <c>"  at 0x"</c> and a hexadecimal address, behind what Xen puts before it: <c>(XEN) [time] (d1) </c>.
/// </summary>
/// <param name="output">Receives the console; it is not disposed of with this.</param>
/// <param name="describe">Says it.</param>
internal sealed class BacktraceStream(Stream output, Describe describe) : LineEndStream(output)
{
    private const int MaximumDigits = 16;

    private int _matched;
    private int _digits;
    private ulong _address;
    private bool _isInTrace;
    private State _state = State.Prefix;

    private enum State
    {
        /// <summary>All of the line so far, or since a tag of Xen's, is the beginning of the prefix.</summary>
        Prefix,

        /// <summary>Within a tag of Xen's.</summary>
        Tag,

        /// <summary>Behind a tag, where a blank is to come.</summary>
        TagEnd,

        /// <summary>The prefix is complete and digits of the address have come.</summary>
        Address,

        /// <summary>The address is complete, but the line is not.</summary>
        Tail,

        /// <summary>The line is none of a backtrace.</summary>
        Other,

        /// <summary>The line has been dealt with: a carriage return has come.</summary>
        Ended,
    }

    private static ReadOnlySpan<byte> LinePrefix => "  at 0x"u8;

    /// <inheritdoc/>
    protected override string? Words() =>
        _state is State.Address or State.Tail && describe(_address, _isInTrace) is { } text ? " " + text : null;

    /// <inheritdoc/>
    protected override void Advance(byte value, bool endsLine)
    {
        if (endsLine)
        {
            if (_state != State.Ended)
            {
                // The first address of a trace is where the code is; those that follow are where calls return to. Other lines that begin
                // with two blanks belong to it too: they say how many calls are left out.
                _isInTrace = _state is State.Address or State.Tail || (_isInTrace && _matched > 2);
            }

            _state = value == '\n' ? State.Prefix : State.Ended;
            _matched = 0;
            _digits = 0;
            _address = 0;
            return;
        }

        switch (_state)
        {
            case State.Prefix when _matched == 0 && value is (byte)'(' or (byte)'[':
                _state = State.Tag;
                break;

            case State.Prefix when _matched < LinePrefix.Length:
                _state = value == LinePrefix[_matched++] ? State.Prefix : State.Other;
                break;

            case State.Prefix or State.Address when char.IsAsciiHexDigit((char)value):
                _state = ++_digits <= MaximumDigits ? State.Address : State.Other;
                _address = (_address << 4) | (uint)HexDigit(value);
                break;

            case State.Prefix:
                _state = State.Other;
                break;

            case State.Tag when value is (byte)')' or (byte)']':
                _state = State.TagEnd;
                break;

            case State.TagEnd:
                _state = value == ' ' ? State.Prefix : State.Other;
                break;

            case State.Address:
                _state = State.Tail;
                break;
        }
    }

    private static int HexDigit(byte value) => value <= '9' ? value - '0' : (value | 0x20) - 'a' + 10;
}
