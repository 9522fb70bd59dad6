using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>
/// Issues hypercalls with the instruction of this processor's vendor. Above it are typed wrappers, one class per hypercall.
/// </summary>
/// <remarks>
/// Structures are passed by address. For a page that is not present, Xen returns -EFAULT and raises no page fault; the wrappers therefore
/// pass locals, which lie on the nucleus's stack. The instruction is issued directly: the hypercall page only wraps it. Calling convention:
/// docs/guest-guide/x86/hypercall-abi.rst in Xen.
/// </remarks>
internal static unsafe class Hypercall
{
    private const int CpuVendorLength = 12;

    private static HypercallInstruction s_instruction;
    private static ulong s_issued;

    /// <summary>Hypercalls issued since boot.</summary>
    public static ulong Issued => s_issued;

    /// <summary>The instruction that <see cref="Initialise"/> chose.</summary>
    public static HypercallInstruction Instruction => s_instruction;

    /// <summary>
    /// Chooses the instruction. A wrong one would raise an undefined-opcode exception, so an unknown vendor is refused by name.
    /// </summary>
    public static void Initialise()
    {
        uint* registers = stackalloc uint[4];
        Machine.Cpuid(0, 0, registers);
        uint* vendor = stackalloc uint[3];
        vendor[0] = registers[1];
        vendor[1] = registers[3];
        vendor[2] = registers[2];
        s_instruction = InstructionOf(new ReadOnlySpan<byte>(vendor, CpuVendorLength));
        if (s_instruction == HypercallInstruction.None)
        {
            RefuseVendor((byte*)vendor);
        }
    }

    /// <summary>Issues a hypercall and returns its result. A negative result is an errno: see <see cref="XenError"/>.</summary>
    public static long Invoke(uint number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        s_issued++;
        switch (s_instruction)
        {
            case HypercallInstruction.Vmcall:
                return Machine.HypercallIntel(a1, a2, a3, a4, a5, number);
            case HypercallInstruction.Vmmcall:
                return Machine.HypercallAmd(a1, a2, a3, a4, a5, number);
            default:
                Panic.Halt("a hypercall was issued before Hypercall.Initialise"u8);
                return 0;
        }
    }

    private static HypercallInstruction InstructionOf(ReadOnlySpan<byte> vendor)
    {
        if (Same(vendor, "GenuineIntel"u8) || Same(vendor, "CentaurHauls"u8) || Same(vendor, "  Shanghai  "u8))
        {
            return HypercallInstruction.Vmcall;
        }

        return Same(vendor, "AuthenticAMD"u8) || Same(vendor, "HygonGenuine"u8) ? HypercallInstruction.Vmmcall : HypercallInstruction.None;
    }

    private static bool Same(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        for (int i = 0; i < CpuVendorLength; i++)
        {
            if (left[i] != right[i])
            {
                return false;
            }
        }

        return true;
    }

    private static void RefuseVendor(byte* vendor)
    {
        ReadOnlySpan<byte> before = "no hypercall instruction is known for CPU vendor \""u8;
        byte* message = stackalloc byte[before.Length + CpuVendorLength + 1];
        for (int i = 0; i < before.Length; i++)
        {
            message[i] = before[i];
        }

        for (int i = 0; i < CpuVendorLength; i++)
        {
            byte letter = vendor[i];
            message[before.Length + i] = letter is >= (byte)' ' and <= (byte)'~' ? letter : (byte)'?';
        }

        message[before.Length + CpuVendorLength] = (byte)'"';
        Panic.Halt(new ReadOnlySpan<byte>(message, before.Length + CpuVendorLength + 1));
    }
}
