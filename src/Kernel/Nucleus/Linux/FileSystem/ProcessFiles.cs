using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Ends;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux.FileSystem;

/// <summary>A file of /proc whose text is made when it is read (proc(5)).</summary>
internal enum ProcessFile : uint
{
    None,

    /// <summary>/proc/meminfo.</summary>
    Memory,

    /// <summary>/proc/uptime.</summary>
    Uptime,

    /// <summary>/proc/self/stat.</summary>
    Statistics,

    /// <summary>/proc/self/statm.</summary>
    MemoryStatistics,

    /// <summary>/proc/self/status.</summary>
    Status,
}

/// <summary>Texts about the machine and the process. Numbers that a guest has not are 0.</summary>
internal static unsafe class ProcessFiles
{
    /// <summary>More bytes than any text has.</summary>
    public const int Longest = 1024;

    private const ulong KibibytesPerPage = Pages.Size / 1024;
    private const ulong NanosecondsPerTick = 10_000_000; // AT_CLKTCK: 100 a second.

    /// <summary>Reads from a position on. Returns the number of bytes, 0 at the text's end.</summary>
    public static ulong Read(ProcessFile file, ulong position, byte* buffer, ulong count)
    {
        byte* space = stackalloc byte[Longest];
        ByteText text = new(space, Longest);
        Write(file, ref text);
        ulong length = (ulong)text.Length;
        if (position >= length)
        {
            return 0;
        }

        count = Math.Min(count, length - position);
        Machine.Copy(buffer, space + position, (nuint)count);
        return count;
    }

    private static void Write(ProcessFile file, ref ByteText text)
    {
        switch (file)
        {
            case ProcessFile.Memory:
                WriteMemory(ref text);
                break;
            case ProcessFile.Uptime:
                WriteUptime(ref text);
                break;
            case ProcessFile.Statistics:
                WriteStatistics(ref text);
                break;
            case ProcessFile.MemoryStatistics:
                WriteMemoryStatistics(ref text);
                break;
            default:
                WriteStatus(ref text);
                break;
        }
    }

    /// <summary>MemAvailable is what can still be charged, and Shmem the contents of files in /tmp.</summary>
    private static void WriteMemory(ref ByteText text)
    {
        Line(ref text, "MemTotal:       "u8, FrameAllocator.TotalFrames);
        Line(ref text, "MemFree:        "u8, FrameAllocator.FreeFrames);
        Line(ref text, "MemAvailable:   "u8, MemoryCharge.Available);
        Line(ref text, "Buffers:        "u8, 0);
        Line(ref text, "Cached:         "u8, FrameAllocator.FileFrames);
        Line(ref text, "SwapCached:     "u8, 0);
        Line(ref text, "SwapTotal:      "u8, 0);
        Line(ref text, "SwapFree:       "u8, 0);
        Line(ref text, "Shmem:          "u8, FrameAllocator.FileFrames);
    }

    private static void Line(ref ByteText text, ReadOnlySpan<byte> name, ulong pages)
    {
        text.Write(name);
        text.Write(pages * KibibytesPerPage);
        text.Write(" kB\n"u8);
    }

    private static void WriteUptime(ref ByteText text)
    {
        // The second number is the time that the processor was idle.
        WriteSeconds(ref text, Clock.Now());
        text.Write(" "u8);
        WriteSeconds(ref text, Clock.Now() - Math.Min(Clock.Now(), Scheduler.ProcessCpuTime));
        text.Write("\n"u8);
    }

    private static void WriteSeconds(ref ByteText text, ulong nanoseconds)
    {
        ulong hundredths = nanoseconds / NanosecondsPerTick;
        text.Write(hundredths / 100);
        text.Write(hundredths % 100 < 10 ? ".0"u8 : "."u8);
        text.Write(hundredths % 100);
    }

    private static void WriteStatistics(ref ByteText text)
    {
        CountMemory(out ulong size, out ulong resident, out _);

        // pid, comm, state, ppid, pgrp, session, tty_nr, tpgid, flags, four counts of faults, utime.
        text.Write("1 (xenlet) R 0 1 1 0 -1 0 0 0 0 0 "u8);
        text.Write(Scheduler.ProcessCpuTime / NanosecondsPerTick);

        // stime, cutime, cstime, priority, nice, num_threads.
        text.Write(" 0 0 0 20 0 "u8);
        text.Write((ulong)ThreadTable.Count);

        // itrealvalue, starttime, vsize, rss, rsslim, and 27 of which nothing is known here.
        text.Write(" 0 0 "u8);
        text.Write(size * Pages.Size);
        text.Write(" "u8);
        text.Write(resident);
        text.Write(" 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"u8);
    }

    private static void WriteMemoryStatistics(ref ByteText text)
    {
        CountMemory(out ulong size, out ulong resident, out ulong image);
        text.Write(size);
        text.Write(" "u8);
        text.Write(resident);
        text.Write(" 0 "u8);
        text.Write(image);
        text.Write(" 0 "u8);
        text.Write(resident - image);
        text.Write(" 0\n"u8);
    }

    private static void WriteStatus(ref ByteText text)
    {
        CountMemory(out ulong size, out ulong resident, out _);
        text.Write("Name:\txenlet\nUmask:\t0022\nState:\tR (running)\nTgid:\t1\nPid:\t1\nPPid:\t0\nTracerPid:\t0\n"u8);
        text.Write("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"u8);
        Line(ref text, "VmSize:\t"u8, size);
        Line(ref text, "VmRSS:\t"u8, resident);
        text.Write("VmSwap:\t0 kB\nThreads:\t"u8);
        text.Write((ulong)ThreadTable.Count);
        text.Write("\n"u8);
    }

    /// <summary>Counts the pages of the program's regions, those that are in memory, and those of the image among both.</summary>
    private static void CountMemory(out ulong size, out ulong resident, out ulong image)
    {
        size = 0;
        image = 0;
        for (Region* region = RegionList.First; region != null; region = region->Next)
        {
            size += region->PageCount;

            // What the program cannot touch is the nucleus's, or a window for pages of Xen.
            image += (region->Kind & RegionKind.Image) != 0 && region->Protection != Protection.None ? region->PageCount : 0;
        }

        NucleusMemoryRecord record = default;
        MemoryOwners.Count(&record);
        resident = image + record.Mappings + record.Stacks;
    }
}
