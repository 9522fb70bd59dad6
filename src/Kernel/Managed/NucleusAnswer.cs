using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel;

/// <summary>Makes exceptions of the nucleus's negative answers.</summary>
internal static class NucleusAnswer
{
    /// <summary>The exception for a call that failed.</summary>
    /// <param name="answer">What the nucleus answered, negative.</param>
    /// <param name="what">What the caller offers, in the plural: "event channels".</param>
    /// <param name="operation">What was tried.</param>
    public static Exception Error(long answer, string what, string operation) =>
        answer == -Errno.ENODEV
            ? new PlatformNotSupportedException($"{what} need Xen, and this guest runs without it")
            : new XenException(operation, (XenErrno)(int)-answer);
}
