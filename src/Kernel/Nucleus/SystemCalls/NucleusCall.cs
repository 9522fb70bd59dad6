namespace Xenlet.Kernel.Nucleus;

/// <summary>The nucleus's own calls, through which the managed face (namespace Xenlet.Kernel) reaches what Linux has no call for.</summary>
internal static class NucleusCall
{
    /// <summary>Takes a signalled event channel port of the program, or waits for one.</summary>
    public const ulong WaitForEvent = SystemCallNumber.FirstPrivate;

    public static long Dispatch(ulong number, ulong a1, ulong a2, ulong a3) => number switch
    {
        WaitForEvent => ProgramEvents.Wait(),
        _ => -Errno.ENOSYS,
    };
}
