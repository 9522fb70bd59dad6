namespace Xenlet.BackEnds.Tests.Hostile;

/// <summary>
/// A store that counts what is under way, and remembers calls that no back end may make: outside of it, of parts of sectors, or writes of
/// what is read-only.
/// </summary>
/// <param name="length">Its size in bytes.</param>
/// <param name="isReadOnly">Whether nothing may be written.</param>
/// <param name="isImmediate">Whether operations are done at once.</param>
internal sealed class StrictStore(long length, bool isReadOnly = false, bool isImmediate = false) : IBlockStore
{
    private readonly MemoryBlockStore _below = new(length);
    private readonly Lock _lock = new();
    private int _underWay;

    public long Length => length;

    public int SectorSize => 512;

    public bool IsReadOnly => isReadOnly;

    public bool CanDiscard => true;

    /// <summary>The first call that was not allowed.</summary>
    public string? Violation { get; private set; }

    /// <summary>The most that was under way at a time.</summary>
    public int Most { get; private set; }

    /// <summary>Calls.</summary>
    public int Calls { get; private set; }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        DoAsync("read", offset, buffer.Length, false, () => _below.ReadAsync(offset, buffer, cancellationToken));

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        DoAsync("write", offset, buffer.Length, true, () => _below.WriteAsync(offset, buffer, cancellationToken));

    public ValueTask FlushAsync(CancellationToken cancellationToken = default) =>
        DoAsync("flush", 0, 0, false, () => _below.FlushAsync(cancellationToken));

    public ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default) =>
        DoAsync("discard", offset, length, true, () => _below.DiscardAsync(offset, length, cancellationToken));

    private async ValueTask DoAsync(string what, long offset, long size, bool changes, Func<ValueTask> work)
    {
        lock (_lock)
        {
            Calls++;
            Most = Math.Max(Most, ++_underWay);
            if ((changes && isReadOnly) || offset < 0 || size < 0 || offset > length - size || (offset | size) % SectorSize != 0)
            {
                Violation ??= $"{what} of {size} bytes at {offset}";
            }
        }

        try
        {
            if (!isImmediate)
            {
                await Task.Yield();
            }

            await work();
        }
        finally
        {
            lock (_lock)
            {
                _underWay--;
            }
        }
    }
}
