using System.Text;

namespace Xenlet.Symbols;

/// <summary>Copies a console and appends words to the ends of some of its lines. No byte waits for a later one.</summary>
/// <param name="output">Receives the console; it is not disposed of with this.</param>
internal abstract class LineEndStream(Stream output) : WriteOnlyStream
{
    /// <inheritdoc/>
    public sealed override void Write(ReadOnlySpan<byte> buffer)
    {
        int copied = 0;
        for (int index = 0; index < buffer.Length; index++)
        {
            byte value = buffer[index];
            bool endsLine = value is (byte)'\r' or (byte)'\n';
            if (endsLine && Words() is { } words)
            {
                output.Write(buffer[copied..index]);
                copied = index;
                output.Write(Encoding.UTF8.GetBytes(words));
            }

            Advance(value, endsLine);
        }

        output.Write(buffer[copied..]);
        output.Flush();
    }

    /// <inheritdoc/>
    public sealed override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public sealed override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public sealed override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public sealed override void Flush() => output.Flush();

    /// <summary>Says that no more comes: a last line without an end is whole. It is the last call.</summary>
    public void Finish()
    {
        if (Words() is { } words)
        {
            output.Write(Encoding.UTF8.GetBytes(words));
        }

        output.Flush();
    }

    /// <summary>What the line that ends here gains; <see langword="null"/> for nothing.</summary>
    protected abstract string? Words();

    /// <summary>A byte has come, after <see cref="Words"/> was asked if it ends a line.</summary>
    /// <param name="value">The byte.</param>
    /// <param name="endsLine">Whether it is a carriage return or a line feed.</param>
    protected abstract void Advance(byte value, bool endsLine);
}
