namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>Why unwinding went no further.</summary>
internal enum UnwindStop
{
    /// <summary>It can go on.</summary>
    None,

    /// <summary>The outermost frame: its return address is marked undefined, or is 0.</summary>
    Outermost,

    /// <summary>No unwind information covers the address: machine code of our own, or no code at all.</summary>
    NoInformation,

    /// <summary>The unwind information is damaged or uses what this unwinder does not know.</summary>
    BadInformation,

    /// <summary>The stack cannot be read, or does not lead outwards.</summary>
    BadStack,
}
