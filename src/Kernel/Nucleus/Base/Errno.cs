namespace Xenlet.Kernel.Nucleus.Base;

/// <summary>Linux's error numbers (asm-generic/errno-base.h, errno.h) that the nucleus returns, negated, from system calls.</summary>
internal static class Errno
{
    public const long EPERM = 1;
    public const long ENOENT = 2;
    public const long ESRCH = 3;
    public const long EINTR = 4;
    public const long EBADF = 9;
    public const long EAGAIN = 11;
    public const long ENOMEM = 12;
    public const long EACCES = 13;
    public const long EFAULT = 14;
    public const long EEXIST = 17;
    public const long ENOTDIR = 20;
    public const long EISDIR = 21;
    public const long EINVAL = 22;
    public const long EMFILE = 24;
    public const long ENOTTY = 25;
    public const long ESPIPE = 29;
    public const long EROFS = 30;
    public const long EPIPE = 32;
    public const long ERANGE = 34;
    public const long ENAMETOOLONG = 36;
    public const long ENOSYS = 38;
    public const long EOPNOTSUPP = 95;
    public const long EAFNOSUPPORT = 97;
    public const long ETIMEDOUT = 110;
    public const long ESTALE = 116;
}
