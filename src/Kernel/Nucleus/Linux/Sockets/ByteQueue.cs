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

    // A page's address has zeros where its word in _place has these.
    private const ulong SlotMask = Slots - 1;
    private const ulong DirectoryFlag = Slots;
    private const ulong SentFlag = Slots << 1;

    // The first byte's position: how many there were before it, from the socket's beginning.
    private ulong _head;

    // The physical address of the only page, with the page's place in a directory; or that of the directory, once there was a second
    // page. 0 for none. With it, whose pages these are.
    private ulong _place;

    private uint _count;

    // How far behind the first byte the end of what was written lies, behind gaps too.
    private uint _written;

    /// <summary>Bytes in the queue.</summary>
    public readonly uint Count => _count;

    /// <summary>The position of the first byte: how many there were before it.</summary>
    public readonly ulong FirstPosition => _head;

    /// <summary>The position behind the last byte.</summary>
    public readonly ulong EndPosition => _head + _count;

    /// <summary>Whose pages it takes. It is set before the first byte.</summary>
    public SocketDirection Direction
    {
        readonly get => (_place & SentFlag) != 0 ? SocketDirection.Sent : SocketDirection.Received;
        set => _place = value == SocketDirection.Sent ? _place | SentFlag : _place & ~SentFlag;
    }

    private readonly bool HasDirectory => (_place & DirectoryFlag) != 0;

    private readonly ulong Frame => _place & ~(Pages.Size - 1);

    /// <summary>Writes bytes that begin this far behind the last one of the queue. They are no part of it yet.</summary>
    /// <returns>False if there is no memory.</returns>
    public static bool TryWrite(ByteQueue* queue, ulong offset, byte* data, ulong length)
    {
        ulong position = queue->EndPosition + offset;
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

        queue->_written = Math.Max(queue->_written, (uint)(end - queue->_head));
        return true;
    }

    /// <summary>The next bytes were written without a gap and belong to the queue now.</summary>
    public static void Append(ByteQueue* queue, ulong count) => queue->_count += (uint)count;

    /// <summary>Whether bytes that were written reach so far behind the queue's last one.</summary>
    public static bool IsWritten(ByteQueue* queue, ulong count) => queue->_written >= queue->_count + count;

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
        queue->_count -= (uint)count;
        queue->_written -= (uint)count;
        for (; number < queue->_head / Pages.Size && queue->HasDirectory; number++)
        {
            ulong* slot = DirectMap.Words(queue->Frame) + (number % Slots);
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
        queue->_written = queue->_count;
        Trim(queue);
    }

    /// <summary>Removes everything, also what was written behind gaps.</summary>
    public static void Clear(ByteQueue* queue)
    {
        queue->_head += queue->_count;
        queue->_count = 0;
        queue->_written = 0;
        Trim(queue);
    }

    /// <summary>Frees all pages if nothing is in them.</summary>
    private static void Trim(ByteQueue* queue)
    {
        if (queue->_written > 0 || queue->Frame == 0)
        {
            return;
        }

        if (queue->HasDirectory)
        {
            ulong* slots = DirectMap.Words(queue->Frame);
            for (ulong i = 0; i < Slots; i++)
            {
                if (slots[i] != 0)
                {
                    SocketMemory.Return(queue->Direction, slots[i]);
                }
            }
        }

        SocketMemory.Return(queue->Direction, queue->Frame);
        queue->_place &= SentFlag;
    }

    private static ulong FrameOf(ByteQueue* queue, ulong number) =>
        queue->HasDirectory ? DirectMap.Words(queue->Frame)[number % Slots] : queue->Frame;

    /// <summary>The page with a number, which is taken if it is not there; null if there is no memory.</summary>
    private static byte* PageFor(ByteQueue* queue, ulong number)
    {
        ulong frame = queue->Frame;
        if (!queue->HasDirectory)
        {
            if (frame != 0 && (queue->_place & SlotMask) == number % Slots)
            {
                return DirectMap.Bytes(frame);
            }

            ulong taken = SocketMemory.Take(queue->Direction, isCleared: frame != 0);
            if (taken == 0)
            {
                return null;
            }

            if (frame == 0)
            {
                queue->_place |= taken | (number % Slots);
                return DirectMap.Bytes(taken);
            }

            DirectMap.Words(taken)[queue->_place & SlotMask] = frame;
            queue->_place = taken | DirectoryFlag | (queue->_place & SentFlag);
            frame = taken;
        }

        ulong* slot = DirectMap.Words(frame) + (number % Slots);
        if (*slot == 0)
        {
            *slot = SocketMemory.Take(queue->Direction, isCleared: false);
        }

        return *slot == 0 ? null : DirectMap.Bytes(*slot);
    }
}
