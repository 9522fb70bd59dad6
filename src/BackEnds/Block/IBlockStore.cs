namespace Xenlet.BackEnds;

/// <summary>
/// What a block back end serves: sectors that can be read and written. Anybody can implement it: in memory, in a part of another disk, or
/// on top of another store.
/// </summary>
/// <remarks>
/// <para>Any number of calls may be under way. Calls whose ranges overlap may be done in any order: a front end that needs an order awaits
/// the first one. Ranges are whole sectors within <see cref="Length"/>.</para>
/// <para>A call that throws is an error of its request, and nothing else. <see cref="NotSupportedException"/> says so to the front end. A
/// call that never completes keeps the front end's device from closing.</para>
/// </remarks>
public interface IBlockStore
{
    /// <summary>
    /// Raised, on any thread, after <see cref="Length"/> has changed: connected front ends learn the new size. A store whose size never
    /// changes, as by default, never raises it.
    /// </summary>
    event EventHandler? LengthChanged
    {
        add
        {
        }

        remove
        {
        }
    }

    /// <summary>The size in bytes, whole sectors.</summary>
    long Length { get; }

    /// <summary>The smallest unit that can be read or written, in bytes: a power of two from 512 to 4096.</summary>
    int SectorSize { get; }

    /// <summary>Whether nothing can be written.</summary>
    bool IsReadOnly { get; }

    /// <summary>Whether <see cref="DiscardAsync"/> does something.</summary>
    bool CanDiscard { get; }

    /// <summary>Reads sectors. What is never written reads as zeros.</summary>
    /// <param name="offset">The offset in bytes.</param>
    /// <param name="buffer">Receives the bytes. Nobody else uses it until the call completes.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellationToken = default);

    /// <summary>Writes sectors. They are durable after a following <see cref="FlushAsync"/>.</summary>
    /// <param name="offset">The offset in bytes.</param>
    /// <param name="buffer">The bytes. They do not change until the call completes.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default);

    /// <summary>Makes all writes durable that have completed before the call.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>The content of sectors is not needed any more. What they read as afterwards is the store's choice.</summary>
    /// <param name="offset">The offset in bytes.</param>
    /// <param name="length">The size in bytes.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    ValueTask DiscardAsync(long offset, long length, CancellationToken cancellationToken = default);
}
