using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>A pipe: one page of bytes in a circle.</summary>
internal unsafe struct Pipe
{
    /// <summary>Physical address of the buffer; 0 for a pipe that is not in use.</summary>
    public ulong Frame;

    /// <summary>Offset of the oldest byte.</summary>
    public uint Start;

    /// <summary>Bytes in the buffer.</summary>
    public uint Count;

    public int Readers;
    public int Writers;

    /// <summary>Threads that wait for bytes, for room, or for either end to close.</summary>
    public WaitQueue Waiters;
}

/// <summary>Pipes: .NET tells its signal-handling thread of signals through one.</summary>
internal static unsafe class Pipes
{
    private const int Capacity = 16;

    /// <summary>PIPE_BUF: a write of so much or less is never mixed with another.</summary>
    private const uint AtomicSize = 4096;

    private static Pool s_pool;

    public static long Create(ulong address, uint flags)
    {
        long error = ProgramMemory.PrepareWrite(address, 8);
        if (error < 0)
        {
            return error;
        }

        Pipe* pipe = FindUnused();
        if (pipe == null)
        {
            return -Errno.EMFILE;
        }

        ulong frame = MemoryCharge.AllocateForNucleus();
        if (frame == 0)
        {
            return -Errno.ENOMEM;
        }

        *pipe = new Pipe { Frame = frame, Readers = 1, Writers = 1 };
        uint kept = flags & FileTable.O_NONBLOCK;
        long reader = FileTable.Open(FileKind.PipeReader, kept, pipe);
        long writer = FileTable.Open(FileKind.PipeWriter, kept | FileTable.O_WRONLY, pipe);
        if (reader < 0 || writer < 0)
        {
            if (reader >= 0)
            {
                _ = FileTable.Close((int)reader);
            }

            pipe->Frame = 0;
            FrameAllocator.FreeForNucleus(frame);
            return -Errno.EMFILE;
        }

        ((int*)address)[0] = (int)reader;
        ((int*)address)[1] = (int)writer;
        return 0;
    }

    public static void AddReference(Pipe* pipe, FileKind kind)
    {
        if (kind == FileKind.PipeReader)
        {
            pipe->Readers++;
        }
        else
        {
            pipe->Writers++;
        }
    }

    /// <summary>A descriptor of the pipe was closed; with the last one its memory goes.</summary>
    public static void Release(Pipe* pipe, FileKind kind)
    {
        if (kind == FileKind.PipeReader)
        {
            pipe->Readers--;
        }
        else
        {
            pipe->Writers--;
        }

        // Who waits at the descriptor that was closed looks again too, and finds it closed: nobody waits for a pipe that is gone.
        WaitQueue.WakeAll(&pipe->Waiters);
        if (pipe->Readers == 0 && pipe->Writers == 0 && pipe->Frame != 0)
        {
            FrameAllocator.FreeForNucleus(pipe->Frame);
            pipe->Frame = 0;
        }
    }

    public static bool CanRead(Pipe* pipe) => pipe->Count > 0 || pipe->Writers == 0;

    public static bool CanWrite(Pipe* pipe) => pipe->Count < Pages.Size || pipe->Readers == 0;

    /// <returns>Bytes read, 0 at the end, -EAGAIN when a writer may still come.</returns>
    public static long Read(Pipe* pipe, byte* buffer, ulong count)
    {
        if (pipe->Count == 0)
        {
            return pipe->Writers == 0 ? 0 : -Errno.EAGAIN;
        }

        byte* bytes = DirectMap.Bytes(pipe->Frame);
        uint part = (uint)Math.Min(count, pipe->Count);
        for (uint i = 0; i < part; i++)
        {
            buffer[i] = bytes[(pipe->Start + i) % (uint)Pages.Size];
        }

        pipe->Start = (pipe->Start + part) % (uint)Pages.Size;
        pipe->Count -= part;
        WaitQueue.WakeAll(&pipe->Waiters);
        return part;
    }

    /// <returns>Bytes written; -EAGAIN when there is no room; -EPIPE when nobody can read them.</returns>
    public static long Write(Pipe* pipe, byte* buffer, ulong count)
    {
        if (pipe->Readers == 0)
        {
            return -Errno.EPIPE;
        }

        uint room = (uint)Pages.Size - pipe->Count;
        if (room == 0 || (count <= AtomicSize && count > room))
        {
            return -Errno.EAGAIN;
        }

        byte* bytes = DirectMap.Bytes(pipe->Frame);
        uint part = (uint)Math.Min(count, room);
        for (uint i = 0; i < part; i++)
        {
            bytes[(pipe->Start + pipe->Count + i) % (uint)Pages.Size] = buffer[i];
        }

        pipe->Count += part;
        WaitQueue.WakeAll(&pipe->Waiters);
        return part;
    }

    private static Pipe* FindUnused()
    {
        Pipe* pipes = (Pipe*)Unsafe.AsPointer(ref s_pool);
        for (int i = 0; i < Capacity; i++)
        {
            if (pipes[i].Frame == 0)
            {
                return pipes + i;
            }
        }

        return null;
    }

    [InlineArray(Capacity)]
    private struct Pool
    {
        private Pipe _first;
    }
}
