using Xenlet.XenStoreRing;

namespace Xenlet.XenBus.Base;

/// <summary>Gives the number of Linux's <c>errno.h</c> with which an error node in the store begins.</summary>
internal static class ErrorNumber
{
    private const int EIO = 5;

    public static int Of(Exception? error) => error switch
    {
        XenStoreException { Error: XenStoreError.ENOENT } => 2,
        XenStoreException { Error: XenStoreError.E2BIG } => 7,
        XenStoreException { Error: XenStoreError.EAGAIN } => 11,
        XenStoreException { Error: XenStoreError.ENOMEM } or OutOfMemoryException => 12,
        XenStoreException { Error: XenStoreError.EACCES } => 13,
        XenStoreException { Error: XenStoreError.EBUSY } => 16,
        XenStoreException { Error: XenStoreError.EINVAL or XenStoreError.BadValue } or ArgumentException => 22,
        XenStoreException { Error: XenStoreError.ENOSPC or XenStoreError.EQUOTA } => 28,
        XenStoreException { Error: XenStoreError.TimedOut } or TimeoutException => 110,
        _ => EIO,
    };
}
