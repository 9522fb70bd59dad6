using System.Text;

namespace Xenlet.Drivers.Tests;

/// <summary>A console whose text can be read.</summary>
internal sealed class ConsoleStream : Stream
{
    private readonly Lock _lock = new();
    private readonly MemoryStream _bytes = new();

    /// <summary>While it is reset, a writer waits until it is set.</summary>
    public ManualResetEventSlim Takes { get; } = new(true);

    public string Text
    {
        get
        {
            lock (_lock)
            {
                return Encoding.UTF8.GetString(_bytes.ToArray());
            }
        }
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Takes.Wait();
        lock (_lock)
        {
            _bytes.Write(buffer);
        }
    }
}
