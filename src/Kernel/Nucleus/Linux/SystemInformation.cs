using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Abi;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>Calls about the system: uname, sysinfo, limits, usage.</summary>
internal static unsafe class SystemInformation
{
    private const int RLIMIT_STACK = 3;
    private const int RLIMIT_NOFILE = 7;
    private const ulong RLIM_INFINITY = ulong.MaxValue;
    private const int RUSAGE_SELF = 0;
    private const int RUSAGE_CHILDREN = -1;
    private const int RUSAGE_THREAD = 1;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    /// <summary>uname: writes a <see cref="new_utsname"/>.</summary>
    public static long Name(ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(new_utsname));
        if (error < 0)
        {
            return error;
        }

        new_utsname* names = (new_utsname*)address;
        Machine.Fill(names, 0, (nuint)sizeof(new_utsname));
        Put(names->sysname, "Xenlet"u8);
        Put(names->nodename, "xenlet"u8);
        Put(names->release, "0.1.0"u8);
        Put(names->version, "NativeAOT PVH guest"u8);
        Put(names->machine, "x86_64"u8);
        Put(names->domainname, "(none)"u8);
        return 0;
    }

    /// <summary>
    /// sysinfo: writes a <see cref="sysinfo"/>. Free memory is what can still be charged; load, swap and buffers are zero.
    /// </summary>
    public static long Information(ulong address)
    {
        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(sysinfo));
        if (error < 0)
        {
            return error;
        }

        sysinfo* information = (sysinfo*)address;
        Machine.Fill(information, 0, (nuint)sizeof(sysinfo));
        information->uptime = (long)(Clock.Now() / NanosecondsPerSecond);
        information->totalram = FrameAllocator.TotalFrames * Pages.Size;
        information->freeram = MemoryCharge.Available * Pages.Size;
        information->procs = 1;
        information->mem_unit = 1;
        return 0;
    }

    /// <summary>getrusage: writes a <see cref="rusage"/> with processor time only, all of it as the program's own.</summary>
    public static long Usage(int who, ulong address)
    {
        if (who is not (RUSAGE_SELF or RUSAGE_CHILDREN or RUSAGE_THREAD))
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareWrite(address, (ulong)sizeof(rusage));
        if (error < 0)
        {
            return error;
        }

        rusage* usage = (rusage*)address;
        Machine.Fill(usage, 0, (nuint)sizeof(rusage));
        if (who != RUSAGE_CHILDREN)
        {
            ulong time = who == RUSAGE_THREAD ? Scheduler.CurrentCpuTime : Scheduler.ProcessCpuTime;
            usage->ru_utime.tv_sec = (long)(time / NanosecondsPerSecond);
            usage->ru_utime.tv_usec = (long)(time % NanosecondsPerSecond / 1000);
        }

        return 0;
    }

    /// <summary>
    /// prlimit64 and getrlimit. Limits are fixed: the stack's determines the size of threads' stacks, and all others but the number of
    /// files are infinite.
    /// </summary>
    public static long Limit(int resource, ulong newLimit, ulong oldLimit)
    {
        if (newLimit != 0)
        {
            return -Errno.EPERM;
        }

        if (oldLimit != 0)
        {
            long error = ProgramMemory.PrepareWrite(oldLimit, (ulong)sizeof(rlimit64));
            if (error < 0)
            {
                return error;
            }

            ulong limit = resource switch
            {
                RLIMIT_STACK => Stacks.DefaultSize,
                RLIMIT_NOFILE => FileTable.Capacity,
                _ => RLIM_INFINITY,
            };
            ((rlimit64*)oldLimit)->rlim_cur = limit;
            ((rlimit64*)oldLimit)->rlim_max = limit;
        }

        return 0;
    }

    /// <summary>getcpu: processor 0 of node 0.</summary>
    public static long CurrentCpu(ulong processor, ulong node)
    {
        long error = processor != 0 ? ProgramMemory.PrepareWrite(processor, 4) : 0;
        if (error == 0 && node != 0)
        {
            error = ProgramMemory.PrepareWrite(node, 4);
        }

        if (error < 0)
        {
            return error;
        }

        if (processor != 0)
        {
            *(uint*)processor = 0;
        }

        if (node != 0)
        {
            *(uint*)node = 0;
        }

        return 0;
    }

    private static void Put(byte* field, ReadOnlySpan<byte> text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            field[i] = text[i];
        }
    }
}
