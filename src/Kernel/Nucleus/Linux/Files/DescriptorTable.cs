using System.Runtime.CompilerServices;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Memory;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>
/// Which open file each descriptor refers to: chunks of 64 descriptors, which exist as long as they are used. The first is always there,
/// so that a program with few descriptors needs no memory for them.
/// </summary>
internal static unsafe class DescriptorTable
{
    /// <summary>The maximum number of descriptors: one frame of pointers to chunks.</summary>
    public const int Capacity = (int)Pages.Size / sizeof(ulong) * ChunkSize;

    private const int ChunkSize = 64;

    private static Chunk s_first;
    private static Slab s_chunks;
    private static int s_furtherChunks;

    // The addresses of all chunks but the first, at their index; null while there is none.
    private static Chunk** s_directory;

    /// <summary>The open file of a descriptor, or null.</summary>
    public static OpenFile* Get(int descriptor)
    {
        Chunk* chunk = (uint)descriptor < Capacity ? ChunkAt(descriptor / ChunkSize) : null;
        return chunk == null ? null : (OpenFile*)chunk->Files[descriptor % ChunkSize];
    }

    /// <summary>
    /// Lets the lowest free descriptor from <paramref name="lowest"/> on refer to a file. Returns -EMFILE if there is none, -ENOMEM if
    /// there is no memory for its chunk.
    /// </summary>
    public static long Add(OpenFile* file, int lowest)
    {
        int descriptor = FindFree(lowest);
        if (descriptor < 0)
        {
            return -Errno.EMFILE;
        }

        return TryPut(descriptor, file) ? descriptor : -Errno.ENOMEM;
    }

    /// <summary>Lets a descriptor refer to a file. Returns false if there is no memory for its chunk.</summary>
    public static bool TryPut(int descriptor, OpenFile* file)
    {
        Chunk* chunk = ChunkAt(descriptor / ChunkSize);
        if (chunk == null)
        {
            chunk = TryAddChunk(descriptor / ChunkSize);
            if (chunk == null)
            {
                return false;
            }
        }

        chunk->Files[descriptor % ChunkSize] = (ulong)file;
        chunk->Used |= 1UL << (descriptor % ChunkSize);
        return true;
    }

    /// <summary>Frees a descriptor that is in use.</summary>
    public static void Remove(int descriptor)
    {
        int index = descriptor / ChunkSize;
        Chunk* chunk = ChunkAt(index);
        chunk->Files[descriptor % ChunkSize] = 0;
        chunk->Used &= ~(1UL << (descriptor % ChunkSize));
        if (chunk->Used == 0 && index > 0)
        {
            s_directory[index] = null;
            s_chunks.Return(chunk, sizeof(Chunk), spare: 0);
            if (--s_furtherChunks == 0)
            {
                FrameAllocator.FreeForNucleus(DirectMap.PhysicalOf(s_directory));
                s_directory = null;
            }
        }
    }

    private static int FindFree(int lowest)
    {
        for (int index = lowest / ChunkSize; index < Capacity / ChunkSize; index++)
        {
            Chunk* chunk = ChunkAt(index);
            ulong free = chunk == null ? ulong.MaxValue : ~chunk->Used;
            int first = Math.Max(lowest - (index * ChunkSize), 0);
            for (int i = first; free >> i != 0; i++)
            {
                if ((free >> i & 1) != 0)
                {
                    return (index * ChunkSize) + i;
                }

                if (i == ChunkSize - 1)
                {
                    break;
                }
            }
        }

        return -1;
    }

    private static Chunk* ChunkAt(int index) =>
        index == 0 ? (Chunk*)Unsafe.AsPointer(ref s_first) : s_directory == null ? null : s_directory[index];

    private static Chunk* TryAddChunk(int index)
    {
        if (!s_chunks.TryReserve(1, sizeof(Chunk)))
        {
            return null;
        }

        if (s_directory == null)
        {
            ulong frame = MemoryCharge.AllocateForNucleus();
            if (frame == 0)
            {
                return null;
            }

            s_directory = (Chunk**)DirectMap.Bytes(frame);
        }

        s_furtherChunks++;
        s_directory[index] = (Chunk*)s_chunks.Take(sizeof(Chunk));
        return s_directory[index];
    }

    private struct Chunk
    {
        /// <summary>Bit n for descriptor n of the chunk.</summary>
        public ulong Used;

        /// <summary>Addresses of the open files.</summary>
        public fixed ulong Files[ChunkSize];
    }
}
