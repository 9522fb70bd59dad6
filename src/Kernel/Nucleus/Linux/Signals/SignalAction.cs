namespace Xenlet.Kernel.Nucleus.Linux.Signals;

/// <summary>Handlers and flags of <see cref="Abi.sigaction"/> (asm-generic/signal-defs.h).</summary>
internal static class SignalAction
{
    public const ulong SIG_DFL = 0;
    public const ulong SIG_IGN = 1;

    public const ulong SA_RESTART = 0x1000_0000;
    public const ulong SA_NODEFER = 0x4000_0000;
    public const ulong SA_RESETHAND = 0x8000_0000;
}

/// <summary>What a handler is told about a signal's cause.</summary>
internal struct SignalInfo
{
    /// <summary>SI_USER: sent by kill or by the nucleus for the console.</summary>
    public const int SI_USER = 0;

    /// <summary>SI_TKILL.</summary>
    public const int SI_TKILL = -6;

    /// <summary>SI_KERNEL: a fault without an address.</summary>
    public const int SI_KERNEL = 0x80;

    public int Code;

    /// <summary>The address of a fault.</summary>
    public ulong Address;

    /// <summary>The process that sent the signal; 0 for a fault.</summary>
    public int Sender;
}
