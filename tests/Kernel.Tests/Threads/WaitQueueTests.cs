using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests;

/// <summary>How threads wait, whatever they wait for.</summary>
public sealed unsafe class WaitQueueTests : NucleusTest
{
    private const short In = 1;
    private const int Usr1 = 10;
    private const ulong Handler = 0x41_0000;

    private readonly ulong _buffer;

    public WaitQueueTests()
    {
        _buffer = Allocate(4);
        Spawn();
    }

    [Fact]
    public void A_thread_that_is_woken_by_one_of_several_things_leaves_the_queues_of_all()
    {
        (ulong reader, ulong writer) = Pipe();
        (ulong other, ulong otherWriter) = Pipe();
        Thread* waiting = Park(SystemCallNumber.Poll, Entries(other, reader, reader), 3, ulong.MaxValue);

        Assert.True(Enter(SystemCallNumber.Write, writer, _buffer, 1) == &waiting->Frame);

        Assert.True(waiting->Entries == null);
        Assert.True(FileTable.WaitersOf(FileTable.Get((int)other))->First == null);
        Assert.Equal(1, Call(SystemCallNumber.Write, otherWriter, _buffer, 1));
    }

    /// <summary>A poll of 64 descriptors takes 63 of the 1,024 places: sixteen can wait, and sixteen places are left.</summary>
    [Fact]
    public void A_poll_that_can_wait_for_no_more_files_is_ENOMEM_until_others_have_ended()
    {
        (ulong reader, ulong writer) = Pipe();
        ulong entries = Entries([.. Enumerable.Repeat(reader, 64)]);
        for (int i = 0; i < 17; i++)
        {
            Spawn();
        }

        for (int i = 0; i < 16; i++)
        {
            Park(SystemCallNumber.Poll, entries, 64, ulong.MaxValue);
        }

        ulong free = FrameAllocator.FreeFrames;
        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Poll, entries, 64, ulong.MaxValue));
        Assert.Equal(free, FrameAllocator.FreeFrames);
        Assert.True(Current->Entries == null);

        Thread* late = Park(SystemCallNumber.Poll, entries, 17, ulong.MaxValue);
        Enter(SystemCallNumber.Write, writer, _buffer, 1);
        Assert.True(late->Entries == null);
        Assert.True(FrameAllocator.FreeFrames > free, "the places' memory did not come back");
    }

    [Fact]
    public void Ten_thousand_threads_that_wait_for_another_thing_are_not_touched_by_a_wake_up()
    {
        Boot(4_096);
        WaitQueue* queues = (WaitQueue*)Allocate(1);
        for (int i = 0; i < 10_000; i++)
        {
            Wait(&queues[0], (ulong)(i * 7919 % 10_007));
        }

        Thread* only = Wait(&queues[1], 1_000_000);

        WaitQueue.WakeAll(&queues[1]);

        Assert.True(Scheduler.TakeToRetry() == only);
        Assert.True(Scheduler.TakeToRetry() == null);
        Assert.Equal(10_000, Blocked());
        Assert.Equal(0ul, Deadlines.Earliest);
    }

    [Fact]
    public void A_call_that_is_made_again_for_nothing_keeps_its_deadline()
    {
        (ulong reader, _) = Pipe();
        Thread* waiting = Park(SystemCallNumber.Poll, Entries(reader), 1, 5);
        Now = 3_000_000;

        WaitQueue.WakeAll(FileTable.WaitersOf(FileTable.Get((int)reader)));
        Assert.True(NucleusExit.Leave() != &waiting->Frame);

        Assert.Equal((ThreadState.Blocked, WaitKind.Poll), (waiting->State, waiting->Wait));
        Assert.True(TimerInterrupt(4_999_999) != waiting);
        Assert.True(TimerInterrupt(5_000_000) == waiting);
        Assert.Equal(0ul, waiting->Frame.Rax);
    }

    [Fact]
    public void A_signal_between_a_wake_up_and_the_call_made_again_ends_the_call_when_it_would_wait()
    {
        (ulong reader, _) = Pipe();
        Thread* waiting = Park(SystemCallNumber.Read, reader, _buffer, 1);
        waiting->Frame.Rsp = _buffer + 0x3000;
        SignalDelivery.Action(Usr1)->sa_handler = Handler;

        WaitQueue.WakeAll(FileTable.WaitersOf(FileTable.Get((int)reader)));
        SignalDelivery.SendToThread(waiting, Usr1);
        Scheduler.Yield();
        Assert.True(NucleusExit.Leave() == &waiting->Frame);

        rt_sigframe* frame = (rt_sigframe*)waiting->Frame.Rsp;
        Assert.Equal((Handler, Usr1, -Errno.EINTR), (waiting->Frame.Rip, frame->info.si_signo, (long)frame->uc.uc_mcontext.ax));
    }

    [Theory]
    [InlineData(SystemCallNumber.Read)]
    [InlineData(SystemCallNumber.EpollWait)]
    public void Who_waits_at_a_descriptor_that_is_closed_learns_it(int call)
    {
        ulong closed = call == SystemCallNumber.Read ? Pipe().Reader : (ulong)Call(SystemCallNumber.EpollCreate1, 0);
        Thread* waiting = call == SystemCallNumber.Read ? Park(call, closed, _buffer, 1) : Park(call, closed, _buffer, 1, ulong.MaxValue);

        Assert.True(Enter(SystemCallNumber.Close, closed) == &waiting->Frame);

        Assert.Equal(-Errno.EBADF, (long)waiting->Frame.Rax);
    }

    /// <summary>It gets them in parts: only its own instruction is repeated.</summary>
    [Fact]
    public void A_reader_whose_descriptor_becomes_a_file_of_random_numbers_reads_them()
    {
        ulong random = (ulong)Call(SystemCallNumber.Open, Store("/dev/urandom\0"u8), 0);
        (ulong reader, _) = Pipe();
        Thread* waiting = Park(SystemCallNumber.Read, reader, Allocate(8), 0x8000);
        Thread* caller = Current;
        ulong next = waiting->Frame.Rip;

        Assert.True(Enter(SystemCallNumber.Dup3, random, reader, 0) == &waiting->Frame);

        Assert.Equal((next, (long)reader), (caller->Frame.Rip, (long)caller->Frame.Rax));
        Assert.Equal((next - 2, (ulong)SystemCallNumber.Read, ThreadState.Ready), (waiting->Frame.Rip, waiting->Frame.Rax, waiting->State));
    }

    /// <summary>A thread without a program, blocked.</summary>
    private static Thread* Wait(WaitQueue* queue, ulong deadline)
    {
        Thread* thread = ThreadTable.Create();
        Assert.True(thread != null, "no memory for a thread");
        WaitQueue.Join(queue, thread);
        Scheduler.Block(thread, WaitKind.Futex, deadline, WaitEnd.Interruptible);
        return thread;
    }

    private static int Blocked()
    {
        int count = 0;
        for (Thread* thread = ThreadTable.First; thread != null; thread = thread->NextInProcess)
        {
            count += thread->State == ThreadState.Blocked ? 1 : 0;
        }

        return count;
    }

    private (ulong Reader, ulong Writer) Pipe() => MakePipe(_buffer, 0);

    /// <summary>struct pollfd of each descriptor, for input.</summary>
    private static ulong Entries(params ulong[] descriptors)
    {
        ulong entries = Store([]);
        for (int i = 0; i < descriptors.Length; i++)
        {
            *(int*)(entries + ((ulong)i * 8)) = (int)descriptors[i];
            *(short*)(entries + ((ulong)i * 8) + 4) = In;
        }

        return entries;
    }
}
