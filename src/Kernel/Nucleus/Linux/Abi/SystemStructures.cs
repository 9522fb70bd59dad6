using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Abi;

/// <summary>The answer of uname (linux/utsname.h): texts that end with a zero.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct new_utsname
{
    /// <summary>__NEW_UTS_LEN and the closing zero.</summary>
    public const int FieldSize = 65;

    public fixed byte sysname[FieldSize];
    public fixed byte nodename[FieldSize];
    public fixed byte release[FieldSize];
    public fixed byte version[FieldSize];
    public fixed byte machine[FieldSize];
    public fixed byte domainname[FieldSize];
}

/// <summary>The answer of sysinfo (linux/sysinfo.h); memory in units of <see cref="mem_unit"/> bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct sysinfo
{
    public long uptime;
    public fixed ulong loads[3];
    public ulong totalram;
    public ulong freeram;
    public ulong sharedram;
    public ulong bufferram;
    public ulong totalswap;
    public ulong freeswap;
    public ushort procs;
    public ushort pad;
    public ulong totalhigh;
    public ulong freehigh;
    public uint mem_unit;
}

/// <summary>The answer of getrusage (linux/resource.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rusage
{
    public timeval ru_utime;
    public timeval ru_stime;
    public long ru_maxrss;
    public long ru_ixrss;
    public long ru_idrss;
    public long ru_isrss;
    public long ru_minflt;
    public long ru_majflt;
    public long ru_nswap;
    public long ru_inblock;
    public long ru_oublock;
    public long ru_msgsnd;
    public long ru_msgrcv;
    public long ru_nsignals;
    public long ru_nvcsw;
    public long ru_nivcsw;
}

/// <summary>A limit (linux/resource.h); struct rlimit of getrlimit is the same on x86-64.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rlimit64
{
    public ulong rlim_cur;
    public ulong rlim_max;
}
