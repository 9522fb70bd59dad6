using System.Text;

namespace Xenlet.Kernel.Tests.Diagnostics;

public sealed unsafe class ThreadNameTests : NucleusTest
{
    private const ulong SetName = 15; // PR_SET_NAME of linux/prctl.h.

    [Theory]
    [InlineData("worker 1", "thread 1 (worker 1): fault")]
    [InlineData("\u001b[2J\nxenlet: e", "thread 1 (\\x1b[2J\\x0axenlet: e): fault")]
    [InlineData("\u007fü", "thread 1 (\\x7f\\xc3\\xbc): fault")]
    public void A_report_names_a_thread_so_that_its_name_harms_no_terminal(string name, string report)
    {
        ulong address = Store([.. Encoding.UTF8.GetBytes(name), 0]);
        Assert.Equal(0, Call(SystemCallNumber.Prctl, SetName, address));

        PanicException end = Assert.Throws<PanicException>(() => Trap(Vector.PageFault, errorCode: 0, address: 8));

        Assert.Contains(report, end.Message, StringComparison.Ordinal);
    }
}
