namespace Xenlet.Linker;

/// <summary>Symbols that several blocks use. The nucleus's C# code uses the same names.</summary>
public static class StubNames
{
    /// <summary>The PVH entry, 32-bit code.</summary>
    public const string Start = "xenlet_start";

    /// <summary>The continuation of the entry in 64-bit code.</summary>
    public const string LongMode = "xenlet_start_long_mode";

    /// <summary>The operand that the entry loads into GDTR.</summary>
    public const string BootGdtPointer = "xenlet_boot_gdt_pointer";

    /// <summary>Four bytes that keep the physical address of <c>hvm_start_info</c>.</summary>
    public const string StartInfo = "xenlet_start_info";

    /// <summary>Page tables of the entry: an identity mapping of the first GiB.</summary>
    public const string BootTables = "xenlet_boot_tables";

    /// <summary>The segment descriptors of the entry.</summary>
    public const string BootGdt = "xenlet_boot_gdt";

    /// <summary>
    /// The value that managed code compares stack cookies with, under the name that ld's <c>--wrap=__security_cookie</c> gives it. The
    /// runtime would set its own variable to the milliseconds since boot.
    /// </summary>
    public const string StackCookie = "__wrap___security_cookie";

    /// <summary>The per-CPU block; see <see cref="CpuLayout"/>.</summary>
    public const string Cpu = "xenlet_cpu";

    /// <summary>The first byte after the nucleus's stack.</summary>
    public const string NucleusStackTop = "xenlet_nucleus_stack_top";

    /// <summary>
    /// The record with which the program's clock_gettime and the nucleus compute the time: see <see cref="ClockLayout"/>.
    /// </summary>
    public const string Clock = "xenlet_clock";

    /// <summary>The C library's function that returns the address of the calling thread's errno.</summary>
    public const string ErrnoLocation = "__errno_location";

    /// <summary>The frame of a fault in the nucleus: see <see cref="FrameLayout"/>.</summary>
    public const string FaultFrame = "xenlet_fault_frame";

    /// <summary>The frame of the code that a non-maskable interrupt interrupted: see <see cref="FrameLayout"/>.</summary>
    public const string NmiFrame = "xenlet_nmi_frame";

    /// <summary>Loads a thread's registers and resumes it.</summary>
    public const string Resume = "xenlet_resume";

    /// <summary>
    /// The point at which <see cref="Resume"/> has checked for a pending non-maskable interrupt. From here to <see cref="ResumeReturn"/>,
    /// no state of the nucleus changes.
    /// </summary>
    public const string ResumeChecked = "xenlet_resume_checked";

    /// <summary>The <c>iretq</c> of <see cref="Resume"/>.</summary>
    public const string ResumeReturn = "xenlet_resume_return";

    /// <summary>The short return from a system call to the thread that made it.</summary>
    public const string CallReturn = "xenlet_call_return";

    /// <summary>The point at which <see cref="CallReturn"/> has checked for a pending non-maskable interrupt.</summary>
    public const string CallReturnChecked = "xenlet_call_return_checked";

    /// <summary>The first of the two instructions with interrupts on: loads rsp from r11.</summary>
    public const string CallReturnStack = "xenlet_call_return_stack";

    /// <summary>The second one, and the last of <see cref="CallReturn"/>: jumps to rcx.</summary>
    public const string CallReturnJump = "xenlet_call_return_jump";

    /// <summary>256 entries for the interrupt descriptor table, 16 bytes each.</summary>
    public const string Vectors = "xenlet_vectors";

    /// <summary>The common part of the vectors.</summary>
    public const string TrapCommon = "xenlet_trap_common";

    /// <summary>The common part of the vectors that end in a panic.</summary>
    public const string FatalTrap = "xenlet_fatal_trap";

    /// <summary>The entry of non-maskable interrupts, which returns to the interrupted code.</summary>
    public const string NmiEntry = "xenlet_nmi_entry";

    /// <summary>The target of <c>syscall</c>.</summary>
    public const string SystemCallEntry = "xenlet_system_call_entry";

    /// <summary>C#: <c>Frame* (ulong startInfo)</c>.</summary>
    public const string NucleusStart = "xenlet_nucleus_start";

    /// <summary>C#: <c>Frame* (Frame*)</c>.</summary>
    public const string OnSystemCall = "xenlet_on_system_call";

    /// <summary>C#: <c>Frame* (Frame*)</c>.</summary>
    public const string OnTrap = "xenlet_on_trap";

    /// <summary>C#: <c>void (Frame*, ulong inNucleus)</c>.</summary>
    public const string OnNmi = "xenlet_on_nmi";

    /// <summary>C#: <c>void (Frame*)</c> with the frame of an NMI that arrived in the nucleus and has yet to be reported.</summary>
    public const string OnPendingNmi = "xenlet_on_pending_nmi";

    /// <summary>C#: <c>void (Frame*)</c>, does not return.</summary>
    public const string OnNucleusFault = "xenlet_on_nucleus_fault";

    /// <summary>C#: <c>void ()</c>, does not return: a check of an index or a value failed in the nucleus.</summary>
    public const string PanicBounds = "xenlet_panic_bounds";

    /// <summary>C#: <c>void ()</c>, does not return: a stack buffer of the nucleus overflowed.</summary>
    public const string PanicStackCookie = "xenlet_panic_stack_cookie";
}
