using System.Runtime.InteropServices;

namespace Xenlet.DiskBench;

/// <summary>
/// io_uring by bare system calls (linux/io_uring.h), in its quickest form for one thread and one file: buffers and file registered,
/// completions worked off by the thread itself when it waits.
/// </summary>
internal sealed unsafe class IoRing : IDisposable
{
    private const uint IORING_SETUP_COOP_TASKRUN = 1 << 8;
    private const uint IORING_SETUP_SINGLE_ISSUER = 1 << 12;
    private const uint IORING_SETUP_DEFER_TASKRUN = 1 << 13;
    private const uint IORING_ENTER_GETEVENTS = 1;
    private const uint IORING_REGISTER_BUFFERS = 0;
    private const uint IORING_REGISTER_FILES = 2;
    private const long IORING_OFF_SQ_RING = 0;
    private const long IORING_OFF_SQES = 0x10000000;
    private const byte IORING_OP_READ_FIXED = 4;
    private const byte IORING_OP_WRITE_FIXED = 5;
    private const byte IOSQE_FIXED_FILE = 1;

    private readonly int _ring;
    private readonly int _slots;
    private readonly int _size;
    private readonly byte* _buffers;
    private readonly byte* _rings;
    private readonly io_uring_sqe* _entries;
    private readonly nint _ringsLength;
    private readonly nint _entriesLength;
    private readonly io_uring_params _layout;

    /// <summary>Makes a ring.</summary>
    /// <param name="file">The file that all operations are on.</param>
    /// <param name="slots">How many operations can be in flight.</param>
    /// <param name="size">Bytes of each of them.</param>
    /// <param name="buffers">Their memory, <paramref name="slots"/> times <paramref name="size"/> bytes.</param>
    public IoRing(int file, int slots, int size, byte* buffers)
    {
        _slots = slots;
        _size = size;
        _buffers = buffers;
        io_uring_params layout = new() { flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
        _ring = (int)Call(NativeMethods.NR_io_uring_setup, (ulong)slots, (ulong)&layout);
        _layout = layout;

        // One mapping has both rings (IORING_FEAT_SINGLE_MMAP, Linux 5.4).
        _ringsLength = (nint)Math.Max(
            layout.sq_array + (layout.sq_entries * sizeof(uint)), layout.cq_cqes + (layout.cq_entries * sizeof(io_uring_cqe)));
        _rings = (byte*)NativeMethods.MapShared(_ringsLength, _ring, IORING_OFF_SQ_RING);
        _entriesLength = (nint)(layout.sq_entries * sizeof(io_uring_sqe));
        _entries = (io_uring_sqe*)NativeMethods.MapShared(_entriesLength, _ring, IORING_OFF_SQES);
        IoVector* vectors = stackalloc IoVector[slots];
        for (int i = 0; i < slots; i++)
        {
            vectors[i] = new IoVector { iov_base = buffers + ((long)i * size), iov_len = size };
        }

        Call(NativeMethods.NR_io_uring_register, (ulong)_ring, IORING_REGISTER_BUFFERS, (ulong)vectors, (ulong)slots);
        Call(NativeMethods.NR_io_uring_register, (ulong)_ring, IORING_REGISTER_FILES, (ulong)&file, 1);
    }

    /// <summary>Does work whose operations have the ring's size, as many at a time as the ring has slots.</summary>
    public void Run(Work work, long length)
    {
        int started = 0;
        int ended = 0;
        uint unsubmitted = 0;
        for (int slot = 0; slot < _slots && started < work.Count; slot++, unsubmitted++)
        {
            Put(slot, work, started++, length);
        }

        while (ended < work.Count)
        {
            Call(NativeMethods.NR_io_uring_enter, (ulong)_ring, unsubmitted, 1, IORING_ENTER_GETEVENTS);
            unsubmitted = 0;
            while (TryTake(out io_uring_cqe completion))
            {
                Disk.Check(completion.res, _size);
                ended++;
                if (started < work.Count)
                {
                    Put((int)completion.user_data, work, started++, length);
                    unsubmitted++;
                }
            }
        }
    }

    /// <summary>Gives the ring up; nothing may be in flight.</summary>
    public void Dispose()
    {
        _ = NativeMethods.Unmap(_rings, _ringsLength);
        _ = NativeMethods.Unmap(_entries, _entriesLength);
        _ = NativeMethods.Close(_ring);
    }

    private void Put(int slot, Work work, int number, long length)
    {
        uint* tail = (uint*)(_rings + _layout.sq_tail);
        uint index = *tail & *(uint*)(_rings + _layout.sq_ring_mask);
        _entries[index] = new io_uring_sqe
        {
            opcode = work.IsWrite ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED,
            flags = IOSQE_FIXED_FILE,
            off = (ulong)work.OffsetOf(number, length),
            addr = (ulong)(_buffers + ((long)slot * _size)),
            len = (uint)_size,
            user_data = (ulong)slot,
            buf_index = (ushort)slot,
        };
        ((uint*)(_rings + _layout.sq_array))[index] = index;
        Volatile.Write(ref *tail, *tail + 1);
    }

    private bool TryTake(out io_uring_cqe completion)
    {
        uint* head = (uint*)(_rings + _layout.cq_head);
        if (*head == Volatile.Read(ref *(uint*)(_rings + _layout.cq_tail)))
        {
            completion = default;
            return false;
        }

        completion = ((io_uring_cqe*)(_rings + _layout.cq_cqes))[*head & *(uint*)(_rings + _layout.cq_ring_mask)];
        Volatile.Write(ref *head, *head + 1);
        return true;
    }

    private static long Call(long number, ulong a1, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0)
    {
        long result = NativeMethods.SystemCall(number, a1, a2, a3, a4, 0, 0);
        return result >= 0 ? result : throw new IOException($"system call {number} failed with errno {Marshal.GetLastPInvokeError()}.");
    }
}

/// <summary>struct io_uring_params, with the offsets of both rings (io_sqring_offsets, io_cqring_offsets) in it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 120)]
internal struct io_uring_params
{
    [FieldOffset(0)]
    public uint sq_entries;

    [FieldOffset(4)]
    public uint cq_entries;

    [FieldOffset(8)]
    public uint flags;

    [FieldOffset(44)]
    public uint sq_tail;

    [FieldOffset(48)]
    public uint sq_ring_mask;

    [FieldOffset(64)]
    public uint sq_array;

    [FieldOffset(80)]
    public uint cq_head;

    [FieldOffset(84)]
    public uint cq_tail;

    [FieldOffset(88)]
    public uint cq_ring_mask;

    [FieldOffset(100)]
    public uint cq_cqes;
}

/// <summary>struct io_uring_sqe: what is to be done.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct io_uring_sqe
{
    [FieldOffset(0)]
    public byte opcode;

    [FieldOffset(1)]
    public byte flags;

    /// <summary>Index of the registered file, here the only one.</summary>
    [FieldOffset(4)]
    public int fd;

    [FieldOffset(8)]
    public ulong off;

    [FieldOffset(16)]
    public ulong addr;

    [FieldOffset(24)]
    public uint len;

    [FieldOffset(32)]
    public ulong user_data;

    [FieldOffset(40)]
    public ushort buf_index;
}

/// <summary>struct io_uring_cqe: what was done.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct io_uring_cqe
{
    public ulong user_data;
    public int res;
    public uint flags;
}

/// <summary>struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct IoVector
{
    public void* iov_base;
    public nint iov_len;
}
