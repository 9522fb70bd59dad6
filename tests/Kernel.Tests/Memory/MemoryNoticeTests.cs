using Xenlet.Kernel.Nucleus.Linux.Sockets;

namespace Xenlet.Kernel.Tests;

/// <summary>The line that says that the domain's memory is used up.</summary>
public sealed unsafe class MemoryNoticeTests : NucleusTest
{
    private const ulong None = 0;
    private const ulong ReadWrite = 3;
    private const ulong PrivateAnonymous = 0x22;
    private const ushort SerialPort = 0x3f8;

    private readonly int _before;

    public MemoryNoticeTests() => _before = Machine.PortOutput.Count;

    private string Console => string.Concat(
        Machine.PortOutput.Skip(_before).Where(write => write.Port == SerialPort).Select(write => (char)write.Value));

    [Fact]
    public void A_mapping_that_does_not_fit_is_told_once()
    {
        // The records of regions have their page from here on.
        _ = Allocate(1);
        ulong pages = MemoryCharge.Available + 1;
        string expected = $"xenlet: the domain's memory is used up: the program was refused {pages * 4} KiB; "
            + $"{FrameAllocator.FreeFrames * 4} KiB are free, {MemoryCharge.Promised * 4} of them promised\n";

        Assert.Equal(-Errno.ENOMEM, Map(pages, ReadWrite));
        Assert.Equal(-Errno.ENOMEM, Map(pages, ReadWrite));

        Assert.Equal(expected, KernelLog.Text);
        Assert.Equal(expected.Replace("\n", "\r\n", StringComparison.Ordinal), Console);
    }

    [Fact]
    public void Memory_that_was_reserved_and_does_not_fit_when_it_is_used_is_told()
    {
        ulong length = (MemoryCharge.Available + 1) * Pages.Size;
        ulong address = (ulong)Map(length / Pages.Size, None);
        Assert.Equal("", KernelLog.Text);

        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Mprotect, address, length, ReadWrite));

        Assert.StartsWith("xenlet: the domain's memory is used up: the program was refused", KernelLog.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_for_another_reason_is_not_told()
    {
        ulong address = Allocate(4);
        Assert.Equal(0, Call(SystemCallNumber.Munmap, address + Pages.Size, Pages.Size));

        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Mprotect, address, 4 * Pages.Size, None));

        Assert.Equal(("", ""), (KernelLog.Text, Console));
    }

    [Fact]
    public void A_socket_that_finds_no_page_is_told_once()
    {
        ChargeAllMemory();

        TakeSocketPages();
        TakeSocketPages();

        ulong inUse = SocketMemory.SetAside / 2 * 4;
        Assert.Equal(
            $"xenlet: the domain's memory is used up: sockets have {inUse} KiB and find no more; "
            + $"{FrameAllocator.FreeFrames * 4} KiB are free, {MemoryCharge.Promised * 4} of them promised\n",
            KernelLog.Text);
    }

    /// <summary>Writers wait for readers then, as they should.</summary>
    [Fact]
    public void Sockets_that_have_used_up_their_budget_are_not_told()
    {
        TakeSocketPages();

        Assert.Equal(("", ""), (KernelLog.Text, Console));
    }

    [Fact]
    public void It_starts_a_line_of_its_own()
    {
        ulong text = Allocate(1);
        "abc"u8.CopyTo(new Span<byte>((void*)text, 3));
        Assert.Equal(3, Call(SystemCallNumber.Write, 1, text, 3));

        Assert.Equal(-Errno.ENOMEM, Map(MemoryCharge.Available + 1, ReadWrite));

        Assert.StartsWith("abc\r\nxenlet: ", Console, StringComparison.Ordinal);
        Assert.StartsWith("xenlet: ", KernelLog.Text, StringComparison.Ordinal);
    }

    private static void TakeSocketPages()
    {
        while (SocketMemory.Take(SocketDirection.Received, isCleared: false) != 0)
        {
        }
    }

    private static long Map(ulong pages, ulong protection) =>
        Call(SystemCallNumber.Mmap, 0, pages * Pages.Size, protection, PrivateAnonymous, ulong.MaxValue);
}
