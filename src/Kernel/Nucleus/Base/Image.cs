using System.Runtime;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Addresses of symbols that the link layout and the stubs define. The symbols are never called; only their addresses are taken.
/// </summary>
internal static unsafe class Image
{
    public static byte* ElfHeader => (byte*)(delegate*<void>)&Symbols.ElfHeader;

    /// <summary>The first byte after the image's .bss. Page aligned.</summary>
    public static ulong End => (ulong)(delegate*<void>)&Symbols.End;

    /// <summary>The per-CPU block. The GS base always points at it.</summary>
    public static PerCpu* Cpu => (PerCpu*)(delegate*<void>)&Symbols.Cpu;

    /// <summary>The record with which the program's clock_gettime computes the time.</summary>
    public static ClockRecord* Clock => (ClockRecord*)(delegate*<void>)&Symbols.Clock;

    public static ulong NucleusStackGuard => (ulong)(delegate*<void>)&Symbols.NucleusStackGuard;

    public static ulong ExceptionStackTop => (ulong)(delegate*<void>)&Symbols.ExceptionStackTop;

    public static ulong NmiStackTop => (ulong)(delegate*<void>)&Symbols.NmiStackTop;

    public static ulong DoubleFaultStackTop => (ulong)(delegate*<void>)&Symbols.DoubleFaultStackTop;

    public static ulong MachineCheckStackTop => (ulong)(delegate*<void>)&Symbols.MachineCheckStackTop;

    /// <summary>The first page that only the nucleus may touch: its stacks, tables and variables.</summary>
    public static ulong NucleusData => (ulong)(delegate*<void>)&Symbols.NucleusData;

    /// <summary>Exclusive.</summary>
    public static ulong NucleusDataEnd => (ulong)(delegate*<void>)&Symbols.NucleusDataEnd;

    /// <summary>
    /// The first of those pages that become read-only once the nucleus has filled them. They hold what the next four properties point at.
    /// </summary>
    public static ulong Sealed => (ulong)(delegate*<void>)&Symbols.Sealed;

    /// <summary>Exclusive.</summary>
    public static ulong SealedEnd => (ulong)(delegate*<void>)&Symbols.SealedEnd;

    /// <summary>Room for 256 interrupt gates.</summary>
    public static ulong* InterruptTable => (ulong*)(delegate*<void>)&Symbols.InterruptTable;

    /// <summary>Room for eight segment descriptors.</summary>
    public static ulong* Gdt => (ulong*)(delegate*<void>)&Symbols.Gdt;

    /// <summary>Room for a task-state segment.</summary>
    public static void* TaskState => (delegate*<void>)&Symbols.TaskState;

    /// <summary>The value with which managed code checks its stack cookies.</summary>
    public static ulong* StackCookie => (ulong*)(delegate*<void>)&Symbols.StackCookie;

    /// <summary>The GDT that the boot stub loaded: code and data.</summary>
    public static ulong* BootGdt => (ulong*)(delegate*<void>)&Symbols.BootGdt;

    /// <summary>
    /// The runtime's own stack cookie variable. The runtime fills it at its start and then write-protects it; nothing reads it.
    /// </summary>
    public static ulong RuntimeCookie => (ulong)(delegate*<void>)&Symbols.RuntimeCookie;

    /// <summary>The first of 256 entry stubs, 16 bytes apart.</summary>
    public static ulong Vectors => (ulong)(delegate*<void>)&Symbols.Vectors;

    /// <summary>From here to <see cref="ResumeReturn"/>, the return to a thread changes no state of the nucleus.</summary>
    public static ulong ResumeChecked => (ulong)(delegate*<void>)&Symbols.ResumeChecked;

    /// <summary>The last instruction of the return to a thread.</summary>
    public static ulong ResumeReturn => (ulong)(delegate*<void>)&Symbols.ResumeReturn;

    /// <summary>From here to <see cref="CallReturnStack"/>, the short return from a system call changes no state of the nucleus.</summary>
    public static ulong CallReturnChecked => (ulong)(delegate*<void>)&Symbols.CallReturnChecked;

    /// <summary>The first of its last two instructions, at which interrupts are on.</summary>
    public static ulong CallReturnStack => (ulong)(delegate*<void>)&Symbols.CallReturnStack;

    /// <summary>The second of them.</summary>
    public static ulong CallReturnJump => (ulong)(delegate*<void>)&Symbols.CallReturnJump;

    public static ulong SystemCallEntry => (ulong)(delegate*<void>)&Symbols.SystemCallEntry;

    /// <summary>The code of the idle thread.</summary>
    public static ulong Idle => (ulong)(delegate*<void>)&Symbols.Idle;

    /// <summary>glibc's entry point, where the program starts.</summary>
    public static ulong ProgramEntry => (ulong)(delegate*<void>)&Symbols.ProgramEntry;

    /// <summary>The binary search table of the call frame information of native code.</summary>
    public static ulong FrameTable => (ulong)(delegate*<void>)&Symbols.FrameTable;

    /// <summary>The table by which frames of methods are left.</summary>
    public static void* MethodTable => (delegate*<void>)&Symbols.MethodTable;

    /// <summary>The files that the image has.</summary>
    public static ulong Files => (ulong)(delegate*<void>)&Symbols.Files;

    /// <summary>Exclusive.</summary>
    public static ulong FilesEnd => (ulong)(delegate*<void>)&Symbols.FilesEnd;

    /// <summary>
    /// Whether the image was linked with <c>--defsym xenlet_test_calls=2</c>, which lets its program make the nucleus calls that only tests
    /// need.
    /// </summary>
    public static bool HasTestCalls => IsTwo((ulong)(delegate*<void>)&Symbols.TestCalls);

    /// <summary>
    /// Whether the image was linked with <c>--defsym xenlet_socket_use=2</c>: its program may use sockets, whose memory is then set aside.
    /// </summary>
    public static bool UsesSockets => IsTwo((ulong)(delegate*<void>)&Symbols.SocketUse);

    /// <summary>Not inlined: the compiler assumes that no function lies at address 2 and would fold the comparison.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsTwo(ulong value) => value == 2;

    private static class Symbols
    {
        [RuntimeImport("*", "__ehdr_start")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void ElfHeader();

        [RuntimeImport("*", "xenlet_image_end")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void End();

        [RuntimeImport("*", "xenlet_cpu")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Cpu();

        [RuntimeImport("*", "xenlet_clock")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Clock();

        [RuntimeImport("*", "xenlet_nucleus_stack_guard")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void NucleusStackGuard();

        [RuntimeImport("*", "xenlet_ist1_top")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void ExceptionStackTop();

        [RuntimeImport("*", "xenlet_ist2_top")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void NmiStackTop();

        [RuntimeImport("*", "xenlet_ist3_top")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void DoubleFaultStackTop();

        [RuntimeImport("*", "xenlet_ist4_top")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void MachineCheckStackTop();

        [RuntimeImport("*", "xenlet_nucleus_data")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void NucleusData();

        [RuntimeImport("*", "xenlet_nucleus_data_end")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void NucleusDataEnd();

        [RuntimeImport("*", "xenlet_sealed")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Sealed();

        [RuntimeImport("*", "xenlet_sealed_end")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void SealedEnd();

        [RuntimeImport("*", "xenlet_idt")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void InterruptTable();

        [RuntimeImport("*", "xenlet_gdt")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Gdt();

        [RuntimeImport("*", "xenlet_task_state")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void TaskState();

        [RuntimeImport("*", "xenlet_boot_gdt")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void BootGdt();

        // The linker's --wrap gives this symbol to all code but the runtime, which finds its own under the name without __real_.
        [RuntimeImport("*", "__wrap___security_cookie")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void StackCookie();

        [RuntimeImport("*", "__real___security_cookie")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void RuntimeCookie();

        [RuntimeImport("*", "xenlet_vectors")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Vectors();

        [RuntimeImport("*", "xenlet_resume_checked")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void ResumeChecked();

        [RuntimeImport("*", "xenlet_resume_return")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void ResumeReturn();

        [RuntimeImport("*", "xenlet_call_return_checked")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void CallReturnChecked();

        [RuntimeImport("*", "xenlet_call_return_stack")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void CallReturnStack();

        [RuntimeImport("*", "xenlet_call_return_jump")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void CallReturnJump();

        [RuntimeImport("*", "xenlet_system_call_entry")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void SystemCallEntry();

        [RuntimeImport("*", "xenlet_idle")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Idle();

        [RuntimeImport("*", "_start")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void ProgramEntry();

        [RuntimeImport("*", "xenlet_eh_frame_hdr")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void FrameTable();

        [RuntimeImport("*", "xenlet_methods")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void MethodTable();

        [RuntimeImport("*", "xenlet_socket_use")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void SocketUse();

        [RuntimeImport("*", "xenlet_files")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Files();

        [RuntimeImport("*", "xenlet_files_end")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void FilesEnd();

        [RuntimeImport("*", "xenlet_test_calls")]
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void TestCalls();
    }
}
