using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel;

/// <summary>Converts the nucleus's negative results to exceptions.</summary>
internal static class NucleusError
{
    /// <summary>Creates the exception for a failed call.</summary>
    /// <param name="result">The nucleus's negative result.</param>
    /// <param name="what">What the caller provides, in the plural, such as "event channels".</param>
    /// <param name="operation">The operation that failed.</param>
    public static Exception ToException(long result, string what, string operation) =>
        result == -Errno.ENODEV
            ? new PlatformNotSupportedException($"{what} need Xen, and this guest runs without it")
            : new XenException(operation, (XenErrno)(int)-result);
}
