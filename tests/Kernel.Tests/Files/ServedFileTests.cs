using System.Text;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;
using Xenlet.Kernel.Tests.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Files;

/// <summary>Files that the TCP/IP stack answers for, which this test plays.</summary>
public sealed unsafe class ServedFileTests() : SocketTest(hasStack: true)
{
    private const string Resolver = "/etc/resolv.conf\0";
    private const string Content = "nameserver 10.0.0.1\n";

    /// <summary>29 February 2024, in nanoseconds since 1970.</summary>
    private const ulong Modified = 1_709_210_096_123_456_700;

    [Fact]
    public void A_file_is_opened_with_the_content_that_the_stack_has_then_and_read_from_any_place()
    {
        ulong descriptor = (ulong)Open(Resolver, Content);

        Assert.Equal("nameserver", Text(Call(SystemCallNumber.Read, descriptor, Memory, 10)));
        Assert.Equal(" 10.0.0.1\n", Text(Call(SystemCallNumber.Read, descriptor, Memory, 100)));
        Assert.Equal(0, Call(SystemCallNumber.Read, descriptor, Memory, 100));
        Assert.Equal("10.0.0.1\n", Text(Call(SystemCallNumber.Pread64, descriptor, Memory, 100, 11)));
        Assert.Equal(0, Call(SystemCallNumber.Pread64, descriptor, Memory, 100, 200));
        Assert.Equal(4, Call(SystemCallNumber.Lseek, descriptor, 4, 0));
        Assert.Equal("server", Text(Call(SystemCallNumber.Read, descriptor, Memory, 6)));
        Assert.Equal(11, Call(SystemCallNumber.Lseek, descriptor, 1, 1));
        Assert.Equal(Content.Length - 2, Call(SystemCallNumber.Lseek, descriptor, unchecked((ulong)-2), 2));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Lseek, descriptor, unchecked((ulong)-1), 0));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.Lseek, descriptor, 0, 3));
        Assert.Equal(-Errno.EBADF, Call(SystemCallNumber.Write, descriptor, Memory, 1));
        Assert.Equal(0, Call(SystemCallNumber.Close, descriptor));
    }

    /// <summary>glibc reads /etc/resolv.conf again when its length or its time has changed.</summary>
    [Fact]
    public void Its_status_has_the_content_s_length_and_time_by_path_and_by_descriptor()
    {
        Assert.Equal(0, CallAndAnswer(request => Answer(request, Content), SystemCallNumber.Stat, Store(Bytes(Resolver)), Memory));
        CheckStatus();
        ulong descriptor = (ulong)Open(Resolver, Content);
        new Span<byte>((void*)Memory, 144).Clear();
        Assert.Equal(0, Call(SystemCallNumber.Fstat, descriptor, Memory));
        CheckStatus();
    }

    [Fact]
    public void Who_asks_waits_for_the_answer_whatever_signals_come()
    {
        Thread* waiting = Park(SystemCallNumber.Open, Store(Bytes(Resolver)), 0);
        RequestView request = Assert.Single(TakeRequests());
        sigaction handled = new() { sa_handler = 0x41_0000 };
        *(sigaction*)Memory = handled;
        Assert.Equal(0, Call(SystemCallNumber.RtSigaction, SignalNumber.SIGHUP, Memory, 0, 8));
        Assert.Equal(0, Call(SystemCallNumber.Tkill, (ulong)waiting->Id, SignalNumber.SIGHUP));
        Assert.Equal(Nucleus.Threads.ThreadState.Blocked, waiting->State);
        Answer(request, Content);
        Assert.Equal(3ul, waiting->Frame.Rax);
    }

    [Theory]
    [InlineData("/proc/net/nothing\0", 0ul, Errno.ENOENT, -Errno.ENOENT)]
    [InlineData("/proc/net/dev\0", 1ul, 0, -Errno.EROFS)]
    [InlineData("/proc/net/dev\0", 0ul, Errno.ENOMEM, -Errno.ENOMEM)]
    public void An_error_leaves_nothing_behind(string path, ulong flags, long answered, long expected)
    {
        (ulong, object) before = Used();
        Assert.Equal(
            expected,
            CallAndAnswer(request => Answer(request, Content, answered), SystemCallNumber.Open, Store(Bytes(path)), flags));
        Assert.Equal(before, Used());
    }

    [Theory]
    [InlineData("/proc/net\0")]
    [InlineData("/sys/class/net\0")]
    [InlineData("/proc/sys/net/ipv4\0")]
    [InlineData("/proc/sys/net/ipv4/conf\0")]
    [InlineData("/proc/sys/net/ipv6/conf\0")]
    public void The_stack_is_not_asked_for_a_directory(string path) =>
        Assert.Equal(3, Call(SystemCallNumber.Open, Store(Bytes(path)), 0));

    [Fact]
    public void A_closed_file_gives_its_pages_back_however_long_it_was()
    {
        (ulong, object) before = Used();
        ulong descriptor = (ulong)Open("/proc/net/tcp\0", new string('x', 3 * 4096));
        Assert.NotEqual(before, Used());
        Assert.Equal(3, Call(SystemCallNumber.Pread64, descriptor, Memory, 3, (3 * 4096) - 3));
        Assert.Equal(0, Call(SystemCallNumber.Close, descriptor));
        Assert.Equal(before, Used());
    }

    [Fact]
    public void When_the_stack_ends_those_who_wait_for_a_file_get_an_error_and_open_ones_can_still_be_read()
    {
        ulong descriptor = (ulong)Open(Resolver, Content);
        Thread* waiting = Park(SystemCallNumber.Open, Store(Bytes(Resolver)), 0);
        Assert.Single(TakeRequests());
        Assert.Equal(0, Call(NucleusCall.CloseStack));
        Assert.Equal(-Errno.ENETDOWN, (long)waiting->Frame.Rax);
        Assert.Equal(Content, Text(Call(SystemCallNumber.Pread64, descriptor, Memory, 100, 0)));
        Assert.Equal(-Errno.ENOENT, Call(SystemCallNumber.Open, Store(Bytes(Resolver)), 0));
    }

    [Fact]
    public void The_stack_does_not_wait_for_itself()
    {
        ulong path = Store(Bytes(Resolver));
        AsStack(() =>
        {
            Assert.Empty(TakeRequests());
            Assert.Equal(-Errno.EDEADLK, Call(SystemCallNumber.Open, path, 0));
        });
    }

    private static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    /// <summary>The pages of queues, and the sockets.</summary>
    private static (ulong Pages, object Sockets) Used() =>
        (SocketMemory.PagesInUse, Field(typeof(SocketTable), "s_count").GetValue(null)!);

    private long Open(string path, string content) =>
        CallAndAnswer(request => Answer(request, content), SystemCallNumber.Open, Store(Bytes(path)), 0);

    private void Answer(RequestView request, string content, long error = 0)
    {
        Assert.Equal(SocketCall.ReadFile, request.Call);
        Assert.StartsWith("/", Encoding.ASCII.GetString(CopySent(request.Handle, 0)), StringComparison.Ordinal);
        Assert.Equal(0, WriteReceived(request.Handle, 0, Bytes(content)));
        Assert.Equal(0, Call(NucleusCall.CommitReceived, request.Handle, (ulong)content.Length));
        Assert.Equal(0, Call(NucleusCall.CompleteSocketCall, request.Handle, (ulong)error, Modified));
    }

    private string Text(long length) => Encoding.ASCII.GetString(Load(Memory, (int)length));

    private void CheckStatus()
    {
        stat* status = (stat*)Memory;
        Assert.Equal(0x8124u, status->st_mode);
        Assert.Equal(Content.Length, status->st_size);
        Assert.Equal((1_709_210_096ul, 123_456_700ul), (status->st_mtime, status->st_mtime_nsec));
        Assert.Equal((1_709_210_096ul, 123_456_700ul), (status->st_ctime, status->st_ctime_nsec));
    }
}
