namespace Xenlet.Linker;

/// <summary>Symbols that more than one block mentions. The nucleus's C# code knows them by the same names.</summary>
public static class StubNames
{
    /// <summary>The PVH entry, 32-bit code.</summary>
    public const string Start = "xenlet_start";

    /// <summary>Where the entry goes on in 64-bit code.</summary>
    public const string LongMode = "xenlet_start_long_mode";

    /// <summary>What the entry loads into GDTR.</summary>
    public const string BootGdtPointer = "xenlet_boot_gdt_pointer";

    /// <summary>The four bytes that keep the physical address of <c>hvm_start_info</c>.</summary>
    public const string StartInfo = "xenlet_start_info";

    /// <summary>Page tables of the entry: the first GiB, identical.</summary>
    public const string BootTables = "xenlet_boot_tables";

    /// <summary>The segment descriptors of the entry.</summary>
    public const string BootGdt = "xenlet_boot_gdt";

    /// <summary>
    /// What managed code compares its stack buffers' cookies with, under the name that ld gives it for <c>--wrap=__security_cookie</c>:
    /// the runtime would set its own
    /// to the milliseconds since boot.
    /// </summary>
    public const string StackCookie = "__wrap___security_cookie";

    /// <summary>The per-CPU block; see <see cref="CpuLayout"/>.</summary>
    public const string Cpu = "xenlet_cpu";

    /// <summary>One past the nucleus's stack.</summary>
    public const string NucleusStackTop = "xenlet_nucleus_stack_top";

    /// <summary>What the program's clock_gettime and the nucleus tell the time from; see <see cref="ClockLayout"/>.</summary>
    public const string Clock = "xenlet_clock";

    /// <summary>The C library's: where the calling thread's errno lies.</summary>
    public const string ErrnoLocation = "__errno_location";

    /// <summary>The frame of a fault in the nucleus; see <see cref="FrameLayout"/>.</summary>
    public const string FaultFrame = "xenlet_fault_frame";

    /// <summary>The frame of what a non-maskable interrupt hit; see <see cref="FrameLayout"/>.</summary>
    public const string NmiFrame = "xenlet_nmi_frame";

    /// <summary>Loads a thread's registers and goes on with it.</summary>
    public const string Resume = "xenlet_resume";

    /// <summary>
    /// Where <see cref="Resume"/> has seen that no non-maskable interrupt waits to be reported. From here to <see cref="ResumeReturn"/>
    /// nothing of the nucleus changes any more.
    /// </summary>
    public const string ResumeChecked = "xenlet_resume_checked";

    /// <summary>The <c>iretq</c> of <see cref="Resume"/>.</summary>
    public const string ResumeReturn = "xenlet_resume_return";

    /// <summary>The short way back from a system call to the thread that made it.</summary>
    public const string CallReturn = "xenlet_call_return";

    /// <summary>Where <see cref="CallReturn"/> has seen that no non-maskable interrupt waits to be reported.</summary>
    public const string CallReturnChecked = "xenlet_call_return_checked";

    /// <summary>The first of the two instructions at which interrupts are open: loads rsp from r11.</summary>
    public const string CallReturnStack = "xenlet_call_return_stack";

    /// <summary>The second one, the last of <see cref="CallReturn"/>: goes to rcx.</summary>
    public const string CallReturnJump = "xenlet_call_return_jump";

    /// <summary>256 entries for the interrupt descriptor table, 16 bytes each.</summary>
    public const string Vectors = "xenlet_vectors";

    /// <summary>What the vectors have in common.</summary>
    public const string TrapCommon = "xenlet_trap_common";

    /// <summary>What the vectors have in common that end in a panic.</summary>
    public const string FatalTrap = "xenlet_fatal_trap";

    /// <summary>Where a non-maskable interrupt arrives, and goes back to what it hit.</summary>
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

    /// <summary>C#: <c>void (Frame*)</c>, the frame of one that hit the nucleus and is to be reported.</summary>
    public const string OnPendingNmi = "xenlet_on_pending_nmi";

    /// <summary>C#: <c>void (Frame*)</c>, does not return.</summary>
    public const string OnNucleusFault = "xenlet_on_nucleus_fault";

    /// <summary>C#: <c>void ()</c>, does not return: a check of an index or a value failed in the nucleus.</summary>
    public const string PanicBounds = "xenlet_panic_bounds";

    /// <summary>C#: <c>void ()</c>, does not return: a stack buffer of the nucleus overflowed.</summary>
    public const string PanicStackCookie = "xenlet_panic_stack_cookie";
}
