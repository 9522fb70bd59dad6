namespace Xenlet.Kernel.Nucleus;

/// <summary>What Xen says of itself by CPUID (arch-x86/cpuid.h).</summary>
internal static unsafe class HypervisorCpuid
{
    private const uint FirstBase = 0x40000000;
    private const uint EndOfBases = 0x40010000;
    private const uint BaseStep = 0x100;

    private const uint XEN_CPUID_SIGNATURE_EBX = 0x566e6558;
    private const uint XEN_CPUID_SIGNATURE_ECX = 0x65584d4d;
    private const uint XEN_CPUID_SIGNATURE_EDX = 0x4d4d566e;

    private const uint XEN_HVM_CPUID_DOMID_PRESENT = 1 << 4;

    private static uint _base;
    private static uint _version;
    private static uint _hvmFeatures;
    private static uint _domainId;
    private static uint _tscKilohertz;

    /// <summary>First Xen leaf, 0 when no Xen was found. Not always 0x40000000: another interface may come first.</summary>
    public static uint Base => _base;

    /// <summary>Xen's major version.</summary>
    public static uint MajorVersion => _version >> 16;

    /// <summary>Xen's minor version.</summary>
    public static uint MinorVersion => _version & 0xffff;

    /// <summary>Feature bits of leaf 4, XEN_HVM_CPUID_; 0 when there is no such leaf.</summary>
    public static uint HvmFeatures => _hvmFeatures;

    /// <summary>True when Xen told the domain's id; versions before 4.10 do not.</summary>
    public static bool HasDomainId => (_hvmFeatures & XEN_HVM_CPUID_DOMID_PRESENT) != 0;

    /// <summary>This domain's id. It changes with a migration. Meaningful when <see cref="HasDomainId"/>.</summary>
    public static ushort DomainId => (ushort)_domainId;

    /// <summary>The guest's time-stamp counter's frequency in kHz, 0 when unknown.</summary>
    public static uint TscKilohertz => _tscKilohertz;

    /// <summary>Looks for Xen and reads its leaves; false when there is none. To be repeated after a resume.</summary>
    public static bool Detect()
    {
        _base = 0;
        _version = 0;
        _hvmFeatures = 0;
        _domainId = 0;
        _tscKilohertz = 0;

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
        _base = first;
        Machine.Cpuid(first + 1, 0, registers);
        _version = registers[0];
        if (lastLeaf >= first + 3)
        {
            Machine.Cpuid(first + 3, 0, registers);
            _tscKilohertz = registers[2];
        }

        if (lastLeaf >= first + 4)
        {
            Machine.Cpuid(first + 4, 0, registers);
            _hvmFeatures = registers[0];
            _domainId = registers[2];
        }
    }
}
