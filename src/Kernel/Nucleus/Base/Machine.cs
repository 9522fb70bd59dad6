using System.Diagnostics.CodeAnalysis;
using System.Runtime;
using System.Runtime.CompilerServices;

namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>
/// Machine instructions that the C# compiler cannot emit, assembled by <c>linker/</c> into <c>stubs.o</c>. Each method is a bare call of a
/// leaf function without a transition or a GC poll, so it is safe below the runtime.
/// </summary>
/// <remarks>The host tests replace this file with a class of the same name and members.</remarks>
internal static unsafe class Machine
{
    /// <summary>
    /// Issues a hypercall with <c>vmcall</c>. It takes up to five arguments and returns the hypercall's result, or a negative errno.
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

    /// <summary>FXSAVE. Writes 512 bytes; the address must be a multiple of 16.</summary>
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

    /// <summary>Reads the time-stamp counter after all earlier loads have completed.</summary>
    [RuntimeImport("*", "xenlet_read_tsc")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong ReadTsc();

    /// <summary>
    /// CPUID. Writes eax, ebx, ecx and edx to <paramref name="result"/>.
    /// </summary>
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

    /// <summary>Reads a random number with RDRAND. Returns 0 if the processor supplied none in ten attempts.</summary>
    [RuntimeImport("*", "xenlet_random")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern uint Random(ulong* value);

    /// <summary>Reads a seed with RDSEED. Returns 0 if the processor supplied none in ten attempts.</summary>
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

    /// <summary>The caller's frame pointer, from which a panic's backtrace starts.</summary>
    [RuntimeImport("*", "xenlet_frame_pointer")]
    [MethodImpl(MethodImplOptions.InternalCall)]
    public static extern ulong FramePointer();
}
