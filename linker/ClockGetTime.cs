using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker;

/// <summary>
/// <c>int clock_gettime(clockid_t, struct timespec *)</c>, which replaces the C library's weak symbol: reads Xen's records as the nucleus's
/// <c>PvClock</c> does, without entering the nucleus. The runtime calls it where no collection may begin, so it cannot be C#.
/// </summary>
/// <remarks>
/// Without Xen, and for clocks of processor time, it makes the system call. It runs as part of the program: interrupts are on, and a
/// suspend may come between any two instructions. Values read before a suspend are read again, which the generation in
/// <see cref="ClockLayout"/> detects; the version alone does not, because the new host's record may have the same version. A bad pointer
/// faults, as in Linux's vDSO.
/// </remarks>
public static class ClockGetTime
{
    private const int Number = 228;
    private const int NanosecondsPerSecond = 1_000_000_000;

    // Clock ids of linux/time.h, used as bits of those clocks that are read without a system call.
    private const int Realtime = 0, RealtimeCoarse = 5, LastClock = 7;
    private const int Told = (1 << Realtime) | (1 << 1) | (1 << 4) | (1 << RealtimeCoarse) | (1 << 6) | (1 << LastClock);

    // struct vcpu_time_info (xen.h).
    private const int Version = 0, TscTimestamp = 8, SystemTime = 16, Multiplier = 24, Shift = 28;

    // wc_version, wc_sec, wc_nsec and wc_sec_hi are consecutive in struct shared_info.
    private const int WallSeconds = 4, WallNanoseconds = 8, WallUpperSeconds = 12;

    // n / 10^9 = (n / 2^9) * m / 2^75 for all n of 64 bits, with m = 2^84 / 10^9, rounded up (Granlund and Montgomery, 1994).
    private const ulong Reciprocal = 0x0044_B82F_A09B_5A53;

    /// <summary>Assembles it.</summary>
    /// <returns>The block.</returns>
    public static IEnumerable<Block> Assemble()
    {
        StubEmitter emitter = new(64);
        Assembler c = emitter.Code;
        Label call = c.CreateLabel();
        c.cmp(edi, LastClock);
        c.ja(call);
        c.mov(eax, Told);
        c.bt(eax, edi);
        c.jae(call);
        emitter.LoadAddress(r8d, StubNames.Clock);
        c.cmp(__qword_ptr[r8 + ClockLayout.Record], 0);
        c.je(call);
        ReadClocks(c);
        KeepMonotonic(c);
        StoreTime(c);
        c.Label(ref call);
        MakeCall(emitter);
        yield return emitter.ToBlock("clock_gettime");
    }

    /// <summary>Leaves the monotonic time in rcx as it was read, and in rdx what the requested clock adds to it.</summary>
    private static void ReadClocks(Assembler c)
    {
        Label read = c.CreateLabel();
        Label both = c.CreateLabel();
        c.Label(ref read);
        c.mov(r10, __qword_ptr[r8 + ClockLayout.Generation]);
        ReadSystemTime(c);
        c.add(rax, __qword_ptr[r8 + ClockLayout.Offset]);
        c.mov(rcx, rax);
        c.xor(edx, edx);
        Label wall = c.CreateLabel();
        c.test(edi, edi);
        c.je(wall);
        c.cmp(edi, RealtimeCoarse);
        c.jne(both);
        c.Label(ref wall);
        ReadWallClock(c);

        // The wall clock's record is relative to Xen's system time.
        c.sub(rdx, __qword_ptr[r8 + ClockLayout.Offset]);
        c.Label(ref both);
        c.cmp(r10, __qword_ptr[r8 + ClockLayout.Generation]);
        c.jne(read);
    }

    /// <summary>Leaves Xen's system time in rax.</summary>
    private static void ReadSystemTime(Assembler c)
    {
        Label again = c.CreateLabel();
        Label counted = c.CreateLabel();
        Label right = c.CreateLabel();
        Label shifted = c.CreateLabel();
        c.mov(r9, __qword_ptr[r8 + ClockLayout.Record]);
        BeginRecord(c, ref again);
        c.lfence();
        c.rdtsc();
        PortAndMsr.JoinHalves(c);

        // The record was made on a processor whose counter is slightly ahead: no time has passed since.
        c.sub(rax, __qword_ptr[r9 + TscTimestamp]);
        c.jae(counted);
        c.xor(eax, eax);
        c.Label(ref counted);
        c.movsx(ecx, __byte_ptr[r9 + Shift]);
        c.test(ecx, ecx);
        c.js(right);
        c.shl(rax, cl);
        c.jmp(shifted);
        c.Label(ref right);
        c.neg(ecx);
        c.shr(rax, cl);
        c.Label(ref shifted);
        c.mov(edx, __dword_ptr[r9 + Multiplier]);
        c.mul(rdx);
        c.shrd(rax, rdx, 32);
        c.add(rax, __qword_ptr[r9 + SystemTime]);
        c.cmp(r11d, __dword_ptr[r9 + Version]);
        c.jne(again);
    }

    /// <summary>Leaves in rdx the Unix time in nanoseconds at which Xen's system time was 0.</summary>
    private static void ReadWallClock(Assembler c)
    {
        Label again = c.CreateLabel();
        c.mov(r9, __qword_ptr[r8 + ClockLayout.WallClock]);
        BeginRecord(c, ref again);
        c.mov(edx, __dword_ptr[r9 + WallUpperSeconds]);
        c.shl(rdx, 32);
        c.mov(eax, __dword_ptr[r9 + WallSeconds]);
        c.or(rdx, rax);
        c.imul(rdx, rdx, NanosecondsPerSecond);
        c.mov(eax, __dword_ptr[r9 + WallNanoseconds]);
        c.add(rdx, rax);
        c.cmp(r11d, __dword_ptr[r9 + Version]);
        c.jne(again);
    }

    /// <summary>Waits until the record at r9 is complete, and leaves its version in r11d.</summary>
    private static void BeginRecord(Assembler c, ref Label again)
    {
        Label complete = c.CreateLabel();
        c.Label(ref again);
        c.mov(r11d, __dword_ptr[r9 + Version]);
        c.test(r11d, 1);
        c.je(complete);
        c.pause();
        c.jmp(again);
        c.Label(ref complete);
    }

    /// <summary>Makes rcx at least the last time returned, and stores it as the last one.</summary>
    private static void KeepMonotonic(Assembler c)
    {
        Label again = c.CreateLabel();
        Label before = c.CreateLabel();
        Label done = c.CreateLabel();
        c.mov(rax, __qword_ptr[r8 + ClockLayout.Last]);
        c.Label(ref again);
        c.mov(r9, rcx);
        c.sub(r9, rax);
        c.js(before);

        // Another thread may have returned a later time since.
        c.@lock.cmpxchg(__qword_ptr[r8 + ClockLayout.Last], rcx);
        c.jne(again);
        c.jmp(done);
        c.Label(ref before);
        c.mov(rcx, rax);
        c.Label(ref done);
    }

    /// <summary>Stores rcx + rdx as a timespec, and returns 0.</summary>
    private static void StoreTime(Assembler c)
    {
        c.add(rcx, rdx);
        c.mov(rax, rcx);
        c.shr(rax, 9);
        c.mov(r9, Reciprocal);
        c.mul(r9);
        c.shr(rdx, 11);
        c.mov(__qword_ptr[rsi], rdx);
        c.imul(rdx, rdx, NanosecondsPerSecond);
        c.sub(rcx, rdx);
        c.mov(__qword_ptr[rsi + 8], rcx);
        c.xor(eax, eax);
        c.ret();
    }

    private static void MakeCall(StubEmitter emitter)
    {
        Assembler c = emitter.Code;
        Label failed = c.CreateLabel();
        c.mov(eax, Number);
        c.syscall();
        c.test(eax, eax);
        c.js(failed);
        c.ret();
        c.Label(ref failed);
        c.neg(eax);
        c.push(rax);
        emitter.Call(StubNames.ErrnoLocation);
        c.pop(rcx);
        c.mov(__dword_ptr[rax], ecx);
        c.mov(eax, -1);
        c.ret();
    }
}
