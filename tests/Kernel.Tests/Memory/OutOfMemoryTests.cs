
namespace Xenlet.Kernel.Tests;

/// <summary>When no frame is left, this is the error that program and report get, and no other.</summary>
public sealed unsafe class OutOfMemoryTests : NucleusTest
{
    /// <summary>mmap's MAP_PRIVATE, MAP_ANONYMOUS, MAP_STACK: charged when touched.</summary>
    private const uint StackFlags = 0x20022;

    private const ulong Here = ulong.MaxValue;
    private const int Usr1 = 10;

    private readonly ulong _untouched;

    public OutOfMemoryTests()
    {
        ulong stack = (ulong)MemoryCalls.Map(0, 16 * Pages.Size, 3, StackFlags, -1);
        Assert.Equal(0, ProgramMemory.PrepareWrite(stack + (8 * Pages.Size), Pages.Size));
        Current->StackLow = stack;
        Current->StackHigh = stack + (16 * Pages.Size);
        Current->Frame.Rsp = stack + (8 * Pages.Size) + 0x200;
        _untouched = stack;
    }

    public static TheoryData<string, int, ulong[]> Calls => new()
    {
        { "pipe2", SystemCallNumber.Pipe2, [Here, 0] },
        { "poll", SystemCallNumber.Poll, [Here, 1, 0] },
        { "rt_sigaction of a new action", SystemCallNumber.RtSigaction, [Usr1, Here, 0, 8] },
        { "rt_sigaction of the old action", SystemCallNumber.RtSigaction, [Usr1, 0, Here, 8] },
        { "rt_sigprocmask of a new mask", SystemCallNumber.RtSigprocmask, [0, Here, 0, 8] },
        { "rt_sigprocmask of the old mask", SystemCallNumber.RtSigprocmask, [0, 0, Here, 8] },
        { "nanosleep", SystemCallNumber.Nanosleep, [Here, 0] },
        { "uname", SystemCallNumber.Uname, [Here] },
        { "getcwd", SystemCallNumber.Getcwd, [Here, 100] },
        { "open", SystemCallNumber.Open, [Here, 0] },
        { "sysinfo", SystemCallNumber.Sysinfo, [Here] },
        { "prctl that sets a name", SystemCallNumber.Prctl, [15, Here] },
        { "prctl that gets a name", SystemCallNumber.Prctl, [16, Here] },
        { "futex", SystemCallNumber.Futex, [Here, 128, 0, 0] },
        { "sched_getaffinity", SystemCallNumber.SchedGetaffinity, [0, 8, Here] },
        { "clock_gettime", SystemCallNumber.ClockGettime, [1, Here] },
        { "prlimit64", SystemCallNumber.Prlimit64, [0, 3, 0, Here] },
        { "getcpu of the processor", SystemCallNumber.Getcpu, [Here, 0] },
        { "getcpu of the node", SystemCallNumber.Getcpu, [0, Here] },
        { "getrandom", SystemCallNumber.Getrandom, [Here, 8, 0] },
        { "clone3", SystemCallNumber.Clone3, [Here, 64] },
        { "write", SystemCallNumber.Write, [1, Here, 8] },
        { "writev", SystemCallNumber.Writev, [1, Here, 1] },
        { "read", SystemCallNumber.Read, [0, Here, 8] },
        { "the nucleus's statistics", NucleusCall.ReadStatistics, [Here] },
        { "the nucleus's memory record", NucleusCall.ReadMemory, [Here] },
        { "the nucleus's thread records", NucleusCall.ReadThreads, [Here, 1] },
    };

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_call_that_finds_no_frame_for_its_memory_says_ENOMEM(string call, int number, ulong[] arguments)
    {
        TakeAllFrames();
        long result = Call(number, [.. arguments.Select(argument => argument == Here ? _untouched : argument)]);
        Assert.True(result == -Errno.ENOMEM, $"{call} with no frame left returned {result}");
    }

    [Fact]
    public void A_thread_whose_first_page_cannot_be_had_is_not_made()
    {
        ulong* arguments = (ulong*)Allocate(1);
        arguments[0] = 0x10100; // CLONE_VM, CLONE_THREAD
        arguments[5] = _untouched;
        arguments[6] = Pages.Size;
        TakeAllFrames();

        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Clone3, (ulong)arguments, 64));
        Assert.Equal(1, ThreadTable.Count);
    }

    [Fact]
    public void A_signal_for_whose_frame_the_stack_cannot_grow_ends_the_program_as_out_of_memory()
    {
        SignalDelivery.Action(Usr1)->sa_handler = 0x41_0000;
        TakeAllFrames();
        SignalDelivery.SendToThread(Current, Usr1);

        string report = Assert.Throws<PanicException>(() => Trap(Vector.ApicTimer)).Message;

        Assert.Contains("out of memory: no page is left for a stack", report, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "no page is left for a stack, address")]
    [InlineData(false, "no page is left for a page table, address")]
    public void A_stack_that_cannot_grow_says_what_was_missing(bool hasTable, string what)
    {
        // Its middle needs a table, and then a page.
        ulong stack = (ulong)MemoryCalls.Map(0, 64 * Pages.LargeSize, 3, StackFlags, -1);
        ulong frame = FrameAllocator.Allocate();
        TakeAllFrames();
        if (hasTable)
        {
            FrameAllocator.Free(frame);
        }

        string report = Assert.Throws<PanicException>(() => Trap(Vector.PageFault, errorCode: 2, stack + (32 * Pages.LargeSize))).Message;

        Assert.Contains("thread 1: out of memory: " + what, report, StringComparison.Ordinal);
    }

    private static void TakeAllFrames()
    {
        while (MemoryCharge.CanGiveStack(1))
        {
            _ = FrameAllocator.Allocate();
        }
    }
}
