using System.Text;

namespace Xenlet.Kernel.Tests.Managed;

public sealed class XenErrnoTests
{
    public static TheoryData<XenErrno> Errors => [.. Enum.GetValues<XenErrno>().Where(error => error != XenErrno.None)];

    [Theory]
    [MemberData(nameof(Errors))]
    public void An_error_has_the_nucleuss_name(XenErrno error) =>
        Assert.Equal(Encoding.ASCII.GetString(XenError.Name((long)error)), error.ToString());

    [Fact]
    public void Every_error_the_nucleus_names_is_there() => Assert.Equal(
        Enumerable.Range(1, 200).Count(number => !XenError.Name(number).SequenceEqual("unknown error"u8)),
        Enum.GetValues<XenErrno>().Length - 1);

    [Fact]
    public void An_unknown_error_keeps_its_number() =>
        Assert.Equal("doing it failed: unknown error (99999)", new XenException("doing it", (XenErrno)99999).Message);
}
