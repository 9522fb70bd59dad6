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

    /// <summary>The end that reads; null when it was closed.</summary>
    public OpenFile* Reader;

    /// <summary>The end that writes; null when it was closed.</summary>
    public OpenFile* Writer;

    /// <summary>Whether a write has found too little room since the last read, so that room is news.</summary>
    public bool IsRoomWanted;

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

        *pipe = new Pipe { Frame = frame };
        uint kept = flags & FileTable.O_NONBLOCK;
        long reader = FileTable.Open(FileKind.PipeReader, kept, pipe);
        long writer = reader < 0 ? reader : FileTable.Open(FileKind.PipeWriter, kept | FileTable.O_WRONLY, pipe);
        if (writer < 0)
        {
            if (reader >= 0)
            {
                FileTable.Withdraw((int)reader);
            }

            pipe->Frame = 0;
            FrameAllocator.FreeForNucleus(frame);
            return writer;
        }

        pipe->Reader = FileTable.Get((int)reader);
        pipe->Writer = FileTable.Get((int)writer);
        ((int*)address)[0] = (int)reader;
        ((int*)address)[1] = (int)writer;
        return 0;
    }

    /// <summary>One end was closed. The second one frees the pipe's memory.</summary>
    public static void Release(Pipe* pipe, FileKind kind)
    {
        if (kind == FileKind.PipeReader)
        {
            pipe->Reader = null;
        }
        else
        {
            pipe->Writer = null;
        }

        OpenFile* other = pipe->Reader == null ? pipe->Writer : pipe->Reader;
        if (other == null)
        {
            FrameAllocator.FreeForNucleus(pipe->Frame);
            pipe->Frame = 0;
        }
        else
        {
            EventPolls.Notify(other, EventPolls.AnyEvent);
        }
    }

    public static bool IsFull(Pipe* pipe) => pipe->Count == Pages.Size;

    /// <returns>The number of bytes read; 0 at the end; -EAGAIN while a writer may still write.</returns>
    public static long Read(Pipe* pipe, byte* buffer, ulong count)
    {
        if (pipe->Count == 0)
        {
            return pipe->Writer == null ? 0 : -Errno.EAGAIN;
        }

        byte* bytes = DirectMap.Bytes(pipe->Frame);
        uint part = (uint)Math.Min(count, pipe->Count);
        for (uint i = 0; i < part; i++)
        {
            buffer[i] = bytes[(pipe->Start + i) % (uint)Pages.Size];
        }

        pipe->Start = (pipe->Start + part) % (uint)Pages.Size;
        bool isRoomNews = IsFull(pipe) || pipe->IsRoomWanted;
        pipe->IsRoomWanted = false;
        pipe->Count -= part;
        WaitQueue.WakeAll(&pipe->Waiters);
        if (isRoomNews && pipe->Writer != null)
        {
            EventPolls.Notify(pipe->Writer, PollEvents.Writable);
        }

        return part;
    }

    /// <returns>The number of bytes written; -EAGAIN if there is no room; -EPIPE if nobody can read them.</returns>
    public static long Write(Pipe* pipe, byte* buffer, ulong count)
    {
        if (pipe->Reader == null)
        {
            return -Errno.EPIPE;
        }

        uint room = (uint)Pages.Size - pipe->Count;
        if (room == 0 || (count <= PIPE_BUF && count > room))
        {
            pipe->IsRoomWanted = true;
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
        EventPolls.Notify(pipe->Reader, PollEvents.Readable);
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
