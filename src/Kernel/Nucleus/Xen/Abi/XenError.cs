using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.Kernel.Nucleus.Base;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The names and meanings of hypercalls' negated errnos (Xen's errno.h).</summary>
internal static unsafe class XenError
{
    // Longer text is cut. The buffers are not zeroed: for one this large, the compiler would call memset by P/Invoke.
    private const int TextCapacity = 160;

    /// <summary>True when <paramref name="result"/> is a negated errno.</summary>
    public static bool IsError(long result) => result < 0;

    /// <summary>
    /// Panics if <paramref name="result"/> is an error, and names the operation and the error.
    /// </summary>
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

    /// <summary>Logs one line: the operation, the error's name, its number and its meaning.</summary>
    [SkipLocalsInit]
    public static void Log(long result, ReadOnlySpan<byte> operation)
    {
        byte* text = stackalloc byte[TextCapacity];
        int length = Describe(result, operation, text);
        KernelLog.Write(MemoryMarshal.CreateReadOnlySpan(ref *text, length));
        KernelLog.NewLine();
    }

    /// <summary>The header's name, such as "EINVAL", of a hypercall's result or of a positive errno.</summary>
    public static ReadOnlySpan<byte> Name(long result)
    {
        ReadOnlySpan<byte> text = NameAndMeaning(result);
        return text.IsEmpty ? "unknown error"u8 : text[..NameLength(text)];
    }

    /// <summary>The header's description of the error.</summary>
    public static ReadOnlySpan<byte> Meaning(long result)
    {
        ReadOnlySpan<byte> text = NameAndMeaning(result);
        return text.IsEmpty ? "no errno of Xen's"u8 : text[(NameLength(text) + 1)..];
    }

    /// <summary>The errors of Xen's header: the name, a space, the meaning. Empty for an unknown number.</summary>
    private static ReadOnlySpan<byte> NameAndMeaning(long result) => (long)Magnitude(result) switch
    {
        0 => "success success"u8,
        Errno.EPERM => "EPERM operation not permitted"u8,
        Errno.ENOENT => "ENOENT no such file or directory"u8,
        Errno.ESRCH => "ESRCH no such process"u8,
        Errno.EIO => "EIO I/O error"u8,
        Errno.ENXIO => "ENXIO no such device or address"u8,
        Errno.E2BIG => "E2BIG arg list too long"u8,
        Errno.ENOEXEC => "ENOEXEC exec format error"u8,
        Errno.EBADF => "EBADF bad file number"u8,
        Errno.ECHILD => "ECHILD no child processes"u8,
        Errno.EAGAIN => "EAGAIN try again"u8,
        Errno.ENOMEM => "ENOMEM out of memory"u8,
        Errno.EACCES => "EACCES permission denied"u8,
        Errno.EFAULT => "EFAULT bad address"u8,
        Errno.EBUSY => "EBUSY device or resource busy"u8,
        Errno.EEXIST => "EEXIST file exists"u8,
        Errno.EXDEV => "EXDEV cross-device link"u8,
        Errno.ENODEV => "ENODEV no such device"u8,
        Errno.ENOTDIR => "ENOTDIR not a directory"u8,
        Errno.EISDIR => "EISDIR is a directory"u8,
        Errno.EINVAL => "EINVAL invalid argument"u8,
        Errno.ENFILE => "ENFILE file table overflow"u8,
        Errno.EMFILE => "EMFILE too many open files"u8,
        Errno.ENOSPC => "ENOSPC no space left on device"u8,
        Errno.EROFS => "EROFS read-only file system"u8,
        Errno.EMLINK => "EMLINK too many links"u8,
        Errno.EDOM => "EDOM math argument out of domain of func"u8,
        Errno.ERANGE => "ERANGE math result not representable"u8,
        Errno.EDEADLK => "EDEADLK resource deadlock would occur"u8,
        Errno.ENAMETOOLONG => "ENAMETOOLONG file name too long"u8,
        Errno.ENOLCK => "ENOLCK no record locks available"u8,
        Errno.ENOSYS => "ENOSYS function not implemented"u8,
        Errno.ENOTEMPTY => "ENOTEMPTY directory not empty"u8,
        Errno.ENODATA => "ENODATA no data available"u8,
        Errno.ETIME => "ETIME timer expired"u8,
        Errno.EBADMSG => "EBADMSG not a data message"u8,
        Errno.EOVERFLOW => "EOVERFLOW value too large for defined data type"u8,
        Errno.EILSEQ => "EILSEQ illegal byte sequence"u8,
        Errno.ENOTSOCK => "ENOTSOCK socket operation on non-socket"u8,
        Errno.EMSGSIZE => "EMSGSIZE message too large"u8,
        Errno.EOPNOTSUPP => "EOPNOTSUPP operation not supported on transport endpoint"u8,
        Errno.EADDRINUSE => "EADDRINUSE address already in use"u8,
        Errno.EADDRNOTAVAIL => "EADDRNOTAVAIL cannot assign requested address"u8,
        Errno.ENOBUFS => "ENOBUFS no buffer space available"u8,
        Errno.EISCONN => "EISCONN transport endpoint is already connected"u8,
        Errno.ENOTCONN => "ENOTCONN transport endpoint is not connected"u8,
        Errno.ETIMEDOUT => "ETIMEDOUT connection timed out"u8,
        Errno.ECONNREFUSED => "ECONNREFUSED connection refused"u8,
        _ => default,
    };

    private static int NameLength(ReadOnlySpan<byte> text)
    {
        int length = 0;
        while (text[length] != ' ')
        {
            length++;
        }

        return length;
    }

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
