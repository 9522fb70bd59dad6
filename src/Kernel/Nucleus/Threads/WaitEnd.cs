using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>How a wait ends, but for a wake-up: whoever wakes gives the result, or lets the call be made again.</summary>
internal struct WaitEnd
{
    /// <summary>What the call returns at its deadline.</summary>
    public long AtDeadline;

    /// <summary>What it returns when a signal interrupts it.</summary>
    public long OnSignal;

    /// <summary>Whether it is instead made again after a handler with SA_RESTART.</summary>
    public bool RestartsAfterSignal;

    /// <summary>Address of a timespec for what is left of the time when a signal interrupts it; 0 for none.</summary>
    public ulong RemainingTime;

    /// <summary>A call with a time limit: a signal ends it with EINTR, whatever the handler says.</summary>
    public static WaitEnd Interruptible => new() { OnSignal = -Errno.EINTR };

    /// <summary>A call without a time limit.</summary>
    public static WaitEnd Restartable => new() { OnSignal = -Errno.EINTR, RestartsAfterSignal = true };
}
