using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Nucleus.Linux.Files;
using Xenlet.Kernel.Nucleus.Memory;
using Xenlet.Kernel.Nucleus.Platform;
using Xenlet.Kernel.Nucleus.Threads;

namespace Xenlet.Kernel.Nucleus.Linux;

/// <summary>What a program asks about the system: uname, sysinfo, limits, usage.</summary>
internal static unsafe class SystemInformation
{
    private const int RLIMIT_STACK = 3;
    private const int RLIMIT_NOFILE = 7;
    private const ulong RLIM_INFINITY = ulong.MaxValue;
    private const int RUSAGE_SELF = 0;
    private const int RUSAGE_CHILDREN = -1;
    private const int RUSAGE_THREAD = 1;

    /// <summary>struct new_utsname: six fields of 65 bytes.</summary>
    public static long Name(ulong address)
    {
        const int field = 65;
        long error = ProgramMemory.PrepareWrite(address, field * 6);
        if (error < 0)
        {
            return error;
        }

        byte* names = (byte*)address;
        Machine.Fill(names, 0, field * 6);
        Put(names, "Xenlet"u8);
        Put(names + field, "xenlet"u8);
        Put(names + field * 2, "0.1.0"u8);
        Put(names + field * 3, "NativeAOT PVH guest"u8);
        Put(names + field * 4, "x86_64"u8);
        Put(names + field * 5, "(none)"u8);
        return 0;
    }

    /// <summary>struct sysinfo (linux/sysinfo.h), 112 bytes.</summary>
    public static long Information(ulong address)
    {
        const ulong size = 112;
        long error = ProgramMemory.PrepareWrite(address, size);
        if (error < 0)
        {
            return error;
        }

        Machine.Fill((void*)address, 0, (nuint)size);
        *(ulong*)address = Clock.Now() / 1_000_000_000;
        *(ulong*)(address + 32) = FrameAllocator.TotalFrames * Pages.Size;
        *(ulong*)(address + 40) = MemoryCharge.Available * Pages.Size;
        *(ushort*)(address + 80) = 1;
        *(uint*)(address + 104) = 1;
        return 0;
    }

    /// <summary>struct rusage: processor time; all of it counts as the program's own.</summary>
    public static long Usage(int who, ulong address)
    {
        const ulong size = 144;
        if (who is not (RUSAGE_SELF or RUSAGE_CHILDREN or RUSAGE_THREAD))
        {
            return -Errno.EINVAL;
        }

        long error = ProgramMemory.PrepareWrite(address, size);
        if (error < 0)
        {
            return error;
        }

        Machine.Fill((void*)address, 0, (nuint)size);
        if (who != RUSAGE_CHILDREN)
        {
            ulong time = who == RUSAGE_THREAD ? Scheduler.CurrentCpuTime : Scheduler.ProcessCpuTime;
            *(ulong*)address = time / 1_000_000_000;
            *(ulong*)(address + 8) = time % 1_000_000_000 / 1000;
        }

        return 0;
    }

    /// <summary>Limits are fixed: the stack's decides the size of threads' stacks, and all but the files' are infinite.</summary>
    public static long Limit(int resource, ulong newLimit, ulong oldLimit)
    {
        if (newLimit != 0)
        {
            return -Errno.EPERM;
        }

        if (oldLimit != 0)
        {
            long error = ProgramMemory.PrepareWrite(oldLimit, 16);
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
            ((ulong*)oldLimit)[0] = limit;
            ((ulong*)oldLimit)[1] = limit;
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
