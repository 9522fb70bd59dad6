namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The instruction that enters the hypervisor, which depends on the processor's vendor.</summary>
internal enum HypercallInstruction
{
    /// <summary>Not chosen yet, or not known for this vendor.</summary>
    None,

    /// <summary><c>vmcall</c>: Intel, Centaur, Shanghai (Zhaoxin).</summary>
    Vmcall,

    /// <summary><c>vmmcall</c>: AMD, Hygon.</summary>
    Vmmcall,
}
