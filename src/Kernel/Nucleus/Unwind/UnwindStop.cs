namespace Xenlet.Kernel.Nucleus.Unwind;

/// <summary>Why the unwinder stopped.</summary>
internal enum UnwindStop
{
    /// <summary>It has not stopped.</summary>
    None,

    /// <summary>This is the outermost frame: its return address is marked undefined or is 0.</summary>
    Outermost,

    /// <summary>No unwind information covers the address: it is in machine code without any, or in no code at all.</summary>
    NoInformation,

    /// <summary>The unwind information is damaged or uses something that this unwinder does not know.</summary>
    BadInformation,

    /// <summary>The stack cannot be read or does not lead outwards.</summary>
    BadStack,
}
