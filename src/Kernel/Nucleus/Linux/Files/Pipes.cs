using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>A pipe: a circular buffer of one page.</summary>
internal unsafe struct Pipe
{
    /// <summary>Physical address of the buffer; 0 if the pipe is unused.</summary>
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

/// <summary>Pipes. .NET's signal-handling thread is told of signals through one.</summary>
internal static unsafe class Pipes
{
    private const int Capacity = 16;

    /// <summary>PIPE_BUF: a write of at most this size is never interleaved with another.</summary>
    private const uint PIPE_BUF = 4096;

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

    /// <summary>Called when a descriptor of the pipe was closed. The last one frees its memory.</summary>
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

        // Threads waiting on the closed descriptor retry too and find it closed, so nobody waits for a freed pipe.
        WaitQueue.WakeAll(&pipe->Waiters);
        if (pipe->Readers == 0 && pipe->Writers == 0 && pipe->Frame != 0)
        {
            FrameAllocator.FreeForNucleus(pipe->Frame);
            pipe->Frame = 0;
        }
    }

    public static bool CanRead(Pipe* pipe) => pipe->Count > 0 || pipe->Writers == 0;

    public static bool CanWrite(Pipe* pipe) => pipe->Count < Pages.Size || pipe->Readers == 0;

    /// <returns>The number of bytes read; 0 at the end; -EAGAIN while a writer may still write.</returns>
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

    /// <returns>The number of bytes written; -EAGAIN if there is no room; -EPIPE if nobody can read them.</returns>
    public static long Write(Pipe* pipe, byte* buffer, ulong count)
    {
        if (pipe->Readers == 0)
        {
            return -Errno.EPIPE;
        }

        uint room = (uint)Pages.Size - pipe->Count;
        if (room == 0 || (count <= PIPE_BUF && count > room))
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
