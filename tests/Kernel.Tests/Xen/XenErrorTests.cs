
namespace Xenlet.Kernel.Tests.Xen;

public sealed class XenErrorTests : XenTest
{
    /// <summary>The numbers of xen/errno.h.</summary>
    [Theory]
    [InlineData(1, "EPERM")]
    [InlineData(2, "ENOENT")]
    [InlineData(3, "ESRCH")]
    [InlineData(5, "EIO")]
    [InlineData(6, "ENXIO")]
    [InlineData(7, "E2BIG")]
    [InlineData(8, "ENOEXEC")]
    [InlineData(9, "EBADF")]
    [InlineData(10, "ECHILD")]
    [InlineData(11, "EAGAIN")]
    [InlineData(12, "ENOMEM")]
    [InlineData(13, "EACCES")]
    [InlineData(14, "EFAULT")]
    [InlineData(16, "EBUSY")]
    [InlineData(17, "EEXIST")]
    [InlineData(18, "EXDEV")]
    [InlineData(19, "ENODEV")]
    [InlineData(20, "ENOTDIR")]
    [InlineData(21, "EISDIR")]
    [InlineData(22, "EINVAL")]
    [InlineData(23, "ENFILE")]
    [InlineData(24, "EMFILE")]
    [InlineData(28, "ENOSPC")]
    [InlineData(30, "EROFS")]
    [InlineData(31, "EMLINK")]
    [InlineData(33, "EDOM")]
    [InlineData(34, "ERANGE")]
    [InlineData(35, "EDEADLK")]
    [InlineData(36, "ENAMETOOLONG")]
    [InlineData(37, "ENOLCK")]
    [InlineData(38, "ENOSYS")]
    [InlineData(39, "ENOTEMPTY")]
    [InlineData(61, "ENODATA")]
    [InlineData(62, "ETIME")]
    [InlineData(74, "EBADMSG")]
    [InlineData(75, "EOVERFLOW")]
    [InlineData(84, "EILSEQ")]
    [InlineData(88, "ENOTSOCK")]
    [InlineData(90, "EMSGSIZE")]
    [InlineData(95, "EOPNOTSUPP")]
    [InlineData(98, "EADDRINUSE")]
    [InlineData(99, "EADDRNOTAVAIL")]
    [InlineData(105, "ENOBUFS")]
    [InlineData(106, "EISCONN")]
    [InlineData(107, "ENOTCONN")]
    [InlineData(110, "ETIMEDOUT")]
    [InlineData(111, "ECONNREFUSED")]
    public void Every_errno_of_the_header_has_its_name_and_a_meaning(int number, string name)
    {
        Assert.Equal(name, Text(XenError.Name(-number)));
        Assert.Equal(name, Text(XenError.Name(number)));
        Assert.NotEqual("no errno of Xen's", Text(XenError.Meaning(-number)));
        Assert.Equal((long)number, typeof(Errno).GetField(name)!.GetRawConstantValue());
    }

    [Theory]
    [InlineData(-15)]
    [InlineData(-4096)]
    [InlineData(long.MinValue)]
    public void A_number_that_is_none_of_the_header_is_called_unknown(long result) =>
        Assert.Equal("unknown error", Text(XenError.Name(result)));

    [Theory]
    [InlineData(0)]
    [InlineData(long.MaxValue)]
    public void Success_does_not_panic(long result)
    {
        XenError.PanicIfFailed(result, "an operation"u8);

        Assert.Equal("", KernelLog.Text);
    }

    [Fact]
    public void A_failure_panics_and_says_what_failed_and_why()
    {
        PanicException panic = Assert.Throws<PanicException>(() => XenError.PanicIfFailed(-22, "EVTCHNOP_send"u8));

        Assert.Equal("EVTCHNOP_send failed: EINVAL (22), invalid argument", panic.Message);
    }

    [Theory]
    [InlineData(-1, "an operation failed: EPERM (1), operation not permitted\n")]
    [InlineData(-110, "an operation failed: ETIMEDOUT (110), connection timed out\n")]
    [InlineData(-4096, "an operation failed: unknown error (4096), no errno of Xen's\n")]
    [InlineData(long.MinValue, "an operation failed: unknown error (9223372036854775808), no errno of Xen's\n")]
    public void A_failure_is_logged_in_one_line(long result, string line)
    {
        XenError.Log(result, "an operation"u8);

        Assert.Equal(line, KernelLog.Text);
    }

    [Fact]
    public void A_name_without_end_is_cut()
    {
        XenError.Log(-1, new byte[1000]);

        Assert.Equal(161, KernelLog.Text.Length);
    }
}
