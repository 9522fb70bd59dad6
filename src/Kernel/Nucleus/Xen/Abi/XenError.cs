using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The errnos a hypercall returns, negated, and their names and meanings (xen/errno.h).</summary>
internal static unsafe class XenError
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int E2BIG = 7;
    public const int ENOEXEC = 8;
    public const int EBADF = 9;
    public const int ECHILD = 10;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EFAULT = 14;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int EXDEV = 18;
    public const int ENODEV = 19;
    public const int ENOTDIR = 20;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int ENOSPC = 28;
    public const int EROFS = 30;
    public const int EMLINK = 31;
    public const int EDOM = 33;
    public const int ERANGE = 34;
    public const int EDEADLK = 35;
    public const int ENAMETOOLONG = 36;
    public const int ENOLCK = 37;
    public const int ENOSYS = 38;
    public const int ENOTEMPTY = 39;
    public const int ENODATA = 61;
    public const int ETIME = 62;
    public const int EBADMSG = 74;
    public const int EOVERFLOW = 75;
    public const int EILSEQ = 84;
    public const int ENOTSOCK = 88;
    public const int EMSGSIZE = 90;
    public const int EOPNOTSUPP = 95;
    public const int EADDRINUSE = 98;
    public const int EADDRNOTAVAIL = 99;
    public const int ENOBUFS = 105;
    public const int EISCONN = 106;
    public const int ENOTCONN = 107;
    public const int ETIMEDOUT = 110;
    public const int ECONNREFUSED = 111;

    // What is longer is cut. The buffers are not zeroed: for one this large the compiler would call memset by P/Invoke.
    private const int TextCapacity = 160;

    /// <summary>True when <paramref name="result"/> is a negated errno.</summary>
    public static bool IsError(long result) => result < 0;

    /// <summary>Stops the machine, naming the operation and the error, when <paramref name="result"/> is one.</summary>
    [SkipLocalsInit]
    public static void PanicIfFailed(long result, ReadOnlySpan<byte> operation)
    {
        if (result < 0)
        {
            byte* text = stackalloc byte[TextCapacity];
            int length = Describe(result, operation, text);
            Panic.Halt(MemoryMarshal.CreateReadOnlySpan(ref *text, length));
        }
    }

    /// <summary>Writes one line: the operation, the error's name, its number and its meaning.</summary>
    [SkipLocalsInit]
    public static void Log(long result, ReadOnlySpan<byte> operation)
    {
        byte* text = stackalloc byte[TextCapacity];
        int length = Describe(result, operation, text);
        KernelLog.Write(MemoryMarshal.CreateReadOnlySpan(ref *text, length));
        KernelLog.NewLine();
    }

    /// <summary>The name in the header, such as "EINVAL", of a hypercall's result (or of an errno with its sign dropped).</summary>
    public static ReadOnlySpan<byte> Name(long result) => Magnitude(result) switch
    {
        0 => "success"u8,
        EPERM => "EPERM"u8,
        ENOENT => "ENOENT"u8,
        ESRCH => "ESRCH"u8,
        EIO => "EIO"u8,
        ENXIO => "ENXIO"u8,
        E2BIG => "E2BIG"u8,
        ENOEXEC => "ENOEXEC"u8,
        EBADF => "EBADF"u8,
        ECHILD => "ECHILD"u8,
        EAGAIN => "EAGAIN"u8,
        ENOMEM => "ENOMEM"u8,
        EACCES => "EACCES"u8,
        EFAULT => "EFAULT"u8,
        EBUSY => "EBUSY"u8,
        EEXIST => "EEXIST"u8,
        EXDEV => "EXDEV"u8,
        ENODEV => "ENODEV"u8,
        ENOTDIR => "ENOTDIR"u8,
        EISDIR => "EISDIR"u8,
        EINVAL => "EINVAL"u8,
        ENFILE => "ENFILE"u8,
        EMFILE => "EMFILE"u8,
        ENOSPC => "ENOSPC"u8,
        EROFS => "EROFS"u8,
        EMLINK => "EMLINK"u8,
        EDOM => "EDOM"u8,
        ERANGE => "ERANGE"u8,
        EDEADLK => "EDEADLK"u8,
        ENAMETOOLONG => "ENAMETOOLONG"u8,
        ENOLCK => "ENOLCK"u8,
        ENOSYS => "ENOSYS"u8,
        ENOTEMPTY => "ENOTEMPTY"u8,
        ENODATA => "ENODATA"u8,
        ETIME => "ETIME"u8,
        EBADMSG => "EBADMSG"u8,
        EOVERFLOW => "EOVERFLOW"u8,
        EILSEQ => "EILSEQ"u8,
        ENOTSOCK => "ENOTSOCK"u8,
        EMSGSIZE => "EMSGSIZE"u8,
        EOPNOTSUPP => "EOPNOTSUPP"u8,
        EADDRINUSE => "EADDRINUSE"u8,
        EADDRNOTAVAIL => "EADDRNOTAVAIL"u8,
        ENOBUFS => "ENOBUFS"u8,
        EISCONN => "EISCONN"u8,
        ENOTCONN => "ENOTCONN"u8,
        ETIMEDOUT => "ETIMEDOUT"u8,
        ECONNREFUSED => "ECONNREFUSED"u8,
        _ => "unknown error"u8,
    };

    /// <summary>What the header says the error means.</summary>
    public static ReadOnlySpan<byte> Meaning(long result) => Magnitude(result) switch
    {
        0 => "success"u8,
        EPERM => "operation not permitted"u8,
        ENOENT => "no such file or directory"u8,
        ESRCH => "no such process"u8,
        EIO => "I/O error"u8,
        ENXIO => "no such device or address"u8,
        E2BIG => "arg list too long"u8,
        ENOEXEC => "exec format error"u8,
        EBADF => "bad file number"u8,
        ECHILD => "no child processes"u8,
        EAGAIN => "try again"u8,
        ENOMEM => "out of memory"u8,
        EACCES => "permission denied"u8,
        EFAULT => "bad address"u8,
        EBUSY => "device or resource busy"u8,
        EEXIST => "file exists"u8,
        EXDEV => "cross-device link"u8,
        ENODEV => "no such device"u8,
        ENOTDIR => "not a directory"u8,
        EISDIR => "is a directory"u8,
        EINVAL => "invalid argument"u8,
        ENFILE => "file table overflow"u8,
        EMFILE => "too many open files"u8,
        ENOSPC => "no space left on device"u8,
        EROFS => "read-only file system"u8,
        EMLINK => "too many links"u8,
        EDOM => "math argument out of domain of func"u8,
        ERANGE => "math result not representable"u8,
        EDEADLK => "resource deadlock would occur"u8,
        ENAMETOOLONG => "file name too long"u8,
        ENOLCK => "no record locks available"u8,
        ENOSYS => "function not implemented"u8,
        ENOTEMPTY => "directory not empty"u8,
        ENODATA => "no data available"u8,
        ETIME => "timer expired"u8,
        EBADMSG => "not a data message"u8,
        EOVERFLOW => "value too large for defined data type"u8,
        EILSEQ => "illegal byte sequence"u8,
        ENOTSOCK => "socket operation on non-socket"u8,
        EMSGSIZE => "message too large"u8,
        EOPNOTSUPP => "operation not supported on transport endpoint"u8,
        EADDRINUSE => "address already in use"u8,
        EADDRNOTAVAIL => "cannot assign requested address"u8,
        ENOBUFS => "no buffer space available"u8,
        EISCONN => "transport endpoint is already connected"u8,
        ENOTCONN => "transport endpoint is not connected"u8,
        ETIMEDOUT => "connection timed out"u8,
        ECONNREFUSED => "connection refused"u8,
        _ => "no errno of Xen's"u8,
    };

    private static int Describe(long result, ReadOnlySpan<byte> operation, byte* text)
    {
        int length = Append(text, 0, operation);
        length = Append(text, length, " failed: "u8);
        length = Append(text, length, Name(result));
        length = Append(text, length, " ("u8);
        length = AppendDecimal(text, length, Magnitude(result));
        length = Append(text, length, "), "u8);
        return Append(text, length, Meaning(result));
    }

    private static int Append(byte* text, int length, ReadOnlySpan<byte> part)
    {
        for (int i = 0; i < part.Length && length < TextCapacity; i++)
        {
            text[length++] = part[i];
        }

        return length;
    }

    private static int AppendDecimal(byte* text, int length, ulong value)
    {
        ulong unit = 1;
        while (value / unit >= 10)
        {
            unit *= 10;
        }

        for (; unit != 0 && length < TextCapacity; unit /= 10)
        {
            text[length++] = (byte)('0' + (value / unit % 10));
        }

        return length;
    }

    private static ulong Magnitude(long result) => (ulong)(result < 0 ? -result : result);
}
