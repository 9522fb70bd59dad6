using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Threads;

/// <summary>How a wait ends if no wake-up ends it. A wake-up supplies the result itself, or has the call retried.</summary>
internal struct WaitEnd
{
    /// <summary>What the call returns at its deadline.</summary>
    public long AtDeadline;

    /// <summary>What the call returns when a signal interrupts it.</summary>
    public long OnSignal;

    /// <summary>Whether the call is restarted instead, after a handler with SA_RESTART.</summary>
    public bool RestartsAfterSignal;

    /// <summary>Whether no signal interrupts the call: it is delivered when the call has ended.</summary>
    public bool IsUninterruptible;

    /// <summary>Address of a timespec that receives the remaining time when a signal interrupts the call, or 0.</summary>
    public ulong RemainingTime;

    /// <summary>For a call with a time limit: a signal ends it with EINTR, even if the handler has SA_RESTART.</summary>
    public static WaitEnd Interruptible => new() { OnSignal = -Errno.EINTR };

    /// <summary>For a call without a time limit.</summary>
    public static WaitEnd Restartable => new() { OnSignal = -Errno.EINTR, RestartsAfterSignal = true };

    /// <summary>For a short wait whose end somebody else answers for.</summary>
    public static WaitEnd Uninterruptible => new() { IsUninterruptible = true };
}
