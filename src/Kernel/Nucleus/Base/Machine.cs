using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// The machine code that no C# compiler emits, assembled by <c>linker/</c> into <c>stubs.o</c>. Each method is a bare call of a leaf
/// function: no transition, no poll of the collector, so it is safe below the runtime.
/// </summary>
/// <remarks>The host tests compile another class of this name, with the same members, in place of this file.</remarks>
internal static unsafe class Machine
{
    /// <summary>
    /// Issues a hypercall with <c>vmcall</c>. Up to five arguments; the result is the hypercall's, negative for an errno.
    /// </summary>
    [RuntimeImport("*", "xenlet_hypercall_intel")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern long HypercallIntel(ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, uint number);

    /// <summary>Issues a hypercall with <c>vmmcall</c>.</summary>
    [RuntimeImport("*", "xenlet_hypercall_amd")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern long HypercallAmd(ulong a1, ulong a2, ulong a3, ulong a4, ulong a5, uint number);

    [RuntimeImport("*", "xenlet_in8")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern byte In8(ushort port);

    [RuntimeImport("*", "xenlet_in16")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ushort In16(ushort port);

    [RuntimeImport("*", "xenlet_in32")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern uint In32(ushort port);

    [RuntimeImport("*", "xenlet_out8")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Out8(ushort port, byte value);

    [RuntimeImport("*", "xenlet_out16")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Out16(ushort port, ushort value);

    [RuntimeImport("*", "xenlet_out32")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Out32(ushort port, uint value);

    /// <summary>FXSAVE: 512 bytes, at a multiple of 16.</summary>
    [RuntimeImport("*", "xenlet_save_floating_point")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void SaveFloatingPoint(byte* image);

    [RuntimeImport("*", "xenlet_read_msr")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong ReadMsr(uint register);

    [RuntimeImport("*", "xenlet_write_msr")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void WriteMsr(uint register, ulong value);

    [RuntimeImport("*", "xenlet_read_cr2")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong ReadCr2();

    [RuntimeImport("*", "xenlet_read_cr3")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong ReadCr3();

    [RuntimeImport("*", "xenlet_write_cr3")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void WriteCr3(ulong value);

    [RuntimeImport("*", "xenlet_invalidate_page")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void InvalidatePage(ulong address);

    /// <summary>The time-stamp counter, not read before earlier loads are done.</summary>
    [RuntimeImport("*", "xenlet_read_tsc")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong ReadTsc();

    /// <summary>CPUID; writes eax, ebx, ecx, edx to <paramref name="result"/>.</summary>
    [RuntimeImport("*", "xenlet_cpuid")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Cpuid(uint leaf, uint subleaf, uint* result);

    /// <summary>Fills memory (<c>rep stosb</c>). <c>Span.Fill</c> would call libc through a transition.</summary>
    [RuntimeImport("*", "xenlet_fill")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Fill(void* destination, byte value, nuint count);

    /// <summary>Copies memory; the ranges may overlap.</summary>
    [RuntimeImport("*", "xenlet_copy")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Copy(void* destination, void* source, nuint count);

    /// <summary>One random number of RDRAND; 0 when the processor had none after ten tries.</summary>
    [RuntimeImport("*", "xenlet_random")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern uint Random(ulong* value);

    /// <summary>One seed of RDSEED; 0 when the processor had none after ten tries.</summary>
    [RuntimeImport("*", "xenlet_random_seed")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern uint RandomSeed(ulong* value);

    [RuntimeImport("*", "xenlet_load_gdt")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void LoadGdt(void* table, ushort limit);

    [RuntimeImport("*", "xenlet_load_idt")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void LoadIdt(void* table, ushort limit);

    [RuntimeImport("*", "xenlet_load_task_register")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void LoadTaskRegister(ushort selector);

    /// <summary>Stops the processor for good.</summary>
    [DoesNotReturn]
    [RuntimeImport("*", "xenlet_halt")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Halt();

    [RuntimeImport("*", "xenlet_pause")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern void Pause();

    /// <summary>The caller's frame pointer, where a panic's backtrace starts.</summary>
    [RuntimeImport("*", "xenlet_frame_pointer")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong FramePointer();
}
