using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// A socket's bytes in one direction, in pages that are taken with the first byte and given back with the last. Bytes may be written
/// behind a gap; they count when <see cref="Append"/> passes them. A zeroed queue is an empty one for received
/// bytes.
/// </summary>
internal unsafe struct ByteQueue
{
    /// <summary>The most that may lie between the first byte and the last one written.</summary>
    public const uint MaximumSize = (uint)((Slots - 1) * Pages.Size);

    // Pages lie in a directory by their number modulo this, so a window of fewer pages has no two at one place.
    private const ulong Slots = Pages.Size / sizeof(ulong);

    // Positions count bytes from the socket's beginning.
    private ulong _head;
    private ulong _tail;

    // The end of what was written, behind gaps too.
    private ulong _written;

    // The only page, and its number; or the directory, once there was a second one. Physical addresses; 0 for none.
    private ulong _page;
    private ulong _pageNumber;
    private ulong _directory;

    /// <summary>Whose pages it takes. It is set before the first byte.</summary>
    public SocketDirection Direction;

    /// <summary>Bytes in the queue.</summary>
    public readonly uint Count => (uint)(_tail - _head);

    /// <summary>The position of the first byte: how many there were before it.</summary>
    public readonly ulong FirstPosition => _head;

    /// <summary>The position behind the last byte.</summary>
    public readonly ulong EndPosition => _tail;

    /// <summary>Writes bytes that begin this far behind the last one of the queue. They are no part of it yet.</summary>
    /// <returns>False if there is no memory.</returns>
    public static bool TryWrite(ByteQueue* queue, ulong offset, byte* data, ulong length)
    {
        ulong position = queue->_tail + offset;
        ulong end = position + length;
        while (position < end)
        {
            byte* page = PageFor(queue, position / Pages.Size);
            if (page == null)
            {
                Trim(queue);
                return false;
            }

            ulong start = position % Pages.Size;
            ulong part = Math.Min(end - position, Pages.Size - start);
            Machine.Copy(page + start, data, (nuint)part);
            data += part;
            position += part;
        }

        queue->_written = Math.Max(queue->_written, end);
        return true;
    }

    /// <summary>The next bytes were written without a gap and belong to the queue now.</summary>
    public static void Append(ByteQueue* queue, ulong count) => queue->_tail += count;

    /// <summary>Whether bytes that were written reach so far behind the queue's last one.</summary>
    public static bool IsWritten(ByteQueue* queue, ulong count) => queue->_written >= queue->_tail + count;

    /// <summary>Copies bytes that begin this far behind the first one. All of them are there.</summary>
    public static void Copy(ByteQueue* queue, ulong offset, byte* destination, ulong length)
    {
        ulong position = queue->_head + offset;
        ulong end = position + length;
        while (position < end)
        {
            ulong start = position % Pages.Size;
            ulong part = Math.Min(end - position, Pages.Size - start);
            Machine.Copy(destination, DirectMap.Bytes(FrameOf(queue, position / Pages.Size)) + start, (nuint)part);
            destination += part;
            position += part;
        }
    }

    /// <summary>Removes the first bytes, and frees the pages that nothing is left in.</summary>
    public static void Remove(ByteQueue* queue, ulong count)
    {
        ulong number = queue->_head / Pages.Size;
        queue->_head += count;
        for (; number < queue->_head / Pages.Size && queue->_directory != 0; number++)
        {
            ulong* slot = DirectMap.Words(queue->_directory) + (number % Slots);
            if (*slot != 0)
            {
                SocketMemory.Return(queue->Direction, *slot);
                *slot = 0;
            }
        }

        Trim(queue);
    }

    /// <summary>Takes back what was written and not appended.</summary>
    public static void Withdraw(ByteQueue* queue)
    {
        queue->_written = queue->_tail;
        Trim(queue);
    }

    /// <summary>Removes everything, also what was written behind gaps.</summary>
    public static void Clear(ByteQueue* queue)
    {
        queue->_head = queue->_tail;
        queue->_written = queue->_tail;
        Trim(queue);
    }

    /// <summary>Frees all pages if nothing is in them.</summary>
    private static void Trim(ByteQueue* queue)
    {
        if (queue->_head < queue->_written)
        {
            return;
        }

        if (queue->_page != 0)
        {
            SocketMemory.Return(queue->Direction, queue->_page);
            queue->_page = 0;
        }

        if (queue->_directory == 0)
        {
            return;
        }

        ulong* slots = DirectMap.Words(queue->_directory);
        for (ulong i = 0; i < Slots; i++)
        {
            if (slots[i] != 0)
            {
                SocketMemory.Return(queue->Direction, slots[i]);
            }
        }

        SocketMemory.Return(queue->Direction, queue->_directory);
        queue->_directory = 0;
    }

    private static ulong FrameOf(ByteQueue* queue, ulong number) =>
        queue->_directory != 0 ? DirectMap.Words(queue->_directory)[number % Slots] : queue->_page;

    /// <summary>The page with a number, which is taken if it is not there; null if there is no memory.</summary>
    private static byte* PageFor(ByteQueue* queue, ulong number)
    {
        if (queue->_directory == 0)
        {
            if (queue->_page != 0 && queue->_pageNumber == number)
            {
                return DirectMap.Bytes(queue->_page);
            }

            if (queue->_page == 0)
            {
                queue->_page = SocketMemory.Take(queue->Direction, isCleared: false);
                queue->_pageNumber = number;
                return queue->_page == 0 ? null : DirectMap.Bytes(queue->_page);
            }

            queue->_directory = SocketMemory.Take(queue->Direction, isCleared: true);
            if (queue->_directory == 0)
            {
                return null;
            }

            DirectMap.Words(queue->_directory)[queue->_pageNumber % Slots] = queue->_page;
            queue->_page = 0;
        }

        ulong* slot = DirectMap.Words(queue->_directory) + (number % Slots);
        if (*slot == 0)
        {
            *slot = SocketMemory.Take(queue->Direction, isCleared: false);
        }

        return *slot == 0 ? null : DirectMap.Bytes(*slot);
    }
}
