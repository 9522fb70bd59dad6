using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>Xen's CPUID leaves (arch-x86/cpuid.h).</summary>
internal static unsafe class HypervisorCpuid
{
    private const uint FirstBase = 0x40000000;
    private const uint EndOfBases = 0x40010000;
    private const uint BaseStep = 0x100;

    private const uint XEN_CPUID_SIGNATURE_EBX = 0x566e6558;
    private const uint XEN_CPUID_SIGNATURE_ECX = 0x65584d4d;
    private const uint XEN_CPUID_SIGNATURE_EDX = 0x4d4d566e;

    private const uint XEN_HVM_CPUID_DOMID_PRESENT = 1 << 4;

    private static uint s_base;
    private static uint s_version;
    private static uint s_hvmFeatures;
    private static uint s_domainId;
    private static uint s_tscKilohertz;

    /// <summary>The first Xen leaf, or 0 if there is no Xen. Not always 0x40000000: another interface may come first.</summary>
    public static uint Base => s_base;

    /// <summary>Xen's major version.</summary>
    public static uint MajorVersion => s_version >> 16;

    /// <summary>Xen's minor version.</summary>
    public static uint MinorVersion => s_version & 0xffff;

    /// <summary>Feature bits of leaf 4, XEN_HVM_CPUID_, or 0 if there is no such leaf.</summary>
    public static uint HvmFeatures => s_hvmFeatures;

    /// <summary>True if Xen reports the domain's id. Versions before 4.10 do not.</summary>
    public static bool HasDomainId => (s_hvmFeatures & XEN_HVM_CPUID_DOMID_PRESENT) != 0;

    /// <summary>This domain's id, valid if <see cref="HasDomainId"/>. It changes with a migration.</summary>
    public static ushort DomainId => (ushort)s_domainId;

    /// <summary>The frequency of the guest's time-stamp counter in kHz, or 0 if unknown.</summary>
    public static uint TscKilohertz => s_tscKilohertz;

    /// <summary>Detects Xen and reads its leaves. Returns false if there is no Xen. Repeat it after a resume.</summary>
    public static bool Detect()
    {
        s_base = 0;
        s_version = 0;
        s_hvmFeatures = 0;
        s_domainId = 0;
        s_tscKilohertz = 0;

        uint* registers = stackalloc uint[4];
        for (uint candidate = FirstBase; candidate < EndOfBases; candidate += BaseStep)
        {
            Machine.Cpuid(candidate, 0, registers);
            if (registers[1] == XEN_CPUID_SIGNATURE_EBX && registers[2] == XEN_CPUID_SIGNATURE_ECX
                && registers[3] == XEN_CPUID_SIGNATURE_EDX)
            {
                Read(candidate, registers[0], registers);
                return true;
            }
        }

        return false;
    }

    private static void Read(uint first, uint lastLeaf, uint* registers)
    {
        s_base = first;
        Machine.Cpuid(first + 1, 0, registers);
        s_version = registers[0];
        if (lastLeaf >= first + 3)
        {
            Machine.Cpuid(first + 3, 0, registers);
            s_tscKilohertz = registers[2];
        }

        if (lastLeaf >= first + 4)
        {
            Machine.Cpuid(first + 4, 0, registers);
            s_hvmFeatures = registers[0];
            s_domainId = registers[2];
        }
    }
}
