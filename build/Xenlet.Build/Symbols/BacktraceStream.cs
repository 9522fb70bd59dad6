using System.Globalization;
using System.Text;

namespace Xenlet.Build;

/// <summary>
/// Copies a guest's console and appends the function's name to every line of a kernel backtrace: a line that begins with <c>" at 0x"</c>
/// and a hexadecimal address. No byte waits for a later one.
/// </summary>
/// <param name="output">Receives the console. It is not disposed.</param>
/// <param name="find">Finds the function at an address.</param>
internal sealed class BacktraceStream(Stream output, Func<ulong, SymbolOffset?> find) : WriteOnlyStream
{
    private const int MaximumDigits = 16;

    private int _matched;
    private int _digits;
    private ulong _address;
    private State _state = State.Prefix;

    private enum State
    {
        /// <summary>The line so far is a start of the prefix.</summary>
        Prefix,

        /// <summary>The prefix is complete, and digits of the address have arrived.</summary>
        Address,

        /// <summary>The address is complete, but the line is not.</summary>
        Tail,

        /// <summary>The line does not belong to a backtrace, or is done.</summary>
        Other,
    }

    private static ReadOnlySpan<byte> LinePrefix => "  at 0x"u8;

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        int copied = 0;
        for (int index = 0; index < buffer.Length; index++)
        {
            byte value = buffer[index];
            bool endsLine = value is (byte)'\r' or (byte)'\n';
            if (endsLine && _state is State.Address or State.Tail && find(_address) is { } symbol)
            {
                output.Write(buffer[copied..index]);
                copied = index;
                output.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $" {symbol.Name}+0x{symbol.Offset:x}")));
            }

            Advance(value, endsLine);
        }

        output.Write(buffer[copied..]);
        output.Flush();
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override void Flush() => output.Flush();

    private void Advance(byte value, bool endsLine)
    {
        if (endsLine)
        {
            _state = value == '\n' ? State.Prefix : State.Other;
            _matched = 0;
            _digits = 0;
            _address = 0;
            return;
        }

        switch (_state)
        {
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

            case State.Address:
                _state = State.Tail;
                break;
        }
    }

    private static int HexDigit(byte value) => value <= '9' ? value - '0' : (value | 0x20) - 'a' + 10;
}
