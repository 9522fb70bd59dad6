using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Abi;

/// <summary>The result of uname (linux/utsname.h): zero-terminated strings.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct new_utsname
{
    /// <summary>__NEW_UTS_LEN and the terminating zero.</summary>
    public const int FieldSize = 65;

    public fixed byte sysname[FieldSize];
    public fixed byte nodename[FieldSize];
    public fixed byte release[FieldSize];
    public fixed byte version[FieldSize];
    public fixed byte machine[FieldSize];
    public fixed byte domainname[FieldSize];
}

/// <summary>The result of sysinfo (linux/sysinfo.h), with memory in units of <see cref="mem_unit"/> bytes.</summary>
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

/// <summary>The result of getrusage (linux/resource.h).</summary>
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

/// <summary>A limit (linux/resource.h). On x86-64, struct rlimit of getrlimit is the same.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rlimit64
{
    public ulong rlim_cur;
    public ulong rlim_max;
}
