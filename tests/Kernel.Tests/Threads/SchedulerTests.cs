using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests;

public sealed unsafe class SchedulerTests : NucleusTest
{
    private const ulong Millisecond = 1_000_000;
    private readonly Thread* _first;

    public SchedulerTests() => _first = Current;

    [Fact]
    public void A_thread_alone_is_never_interrupted_by_the_timer()
    {
        Assert.Equal(0, Call(SystemCallNumber.SchedYield));

        Assert.True(TimerInterrupt(at: 100 * Millisecond) == _first);
        Assert.Empty(LocalApic.Armed);
        Assert.Equal(1, LocalApic.EndsOfInterrupt);
    }

    /// <summary>The timer is armed for all deadlines, so nothing can be due before it fires.</summary>
    [Fact]
    public void A_call_that_lets_its_thread_go_on_reads_the_clock_only_after_the_timer_has_gone_off()
    {
        ulong time = Store([]);
        Spawn();
        int readings = 0;
        Machine.TimeStampCounter = () =>
        {
            readings++;
            return Now;
        };

        Assert.Equal(0, Call(SystemCallNumber.Getppid));
        Assert.Equal(0, Call(SystemCallNumber.Futex, time, 1, 1));
        Assert.Equal(0, Call(SystemCallNumber.Write, 1, time, 0));
        Assert.Equal(0, readings);

        Assert.True(TimerInterrupt(Millisecond) == _first);
        Assert.Equal(1, readings);
        Assert.Equal(0, Call(SystemCallNumber.Getppid));
        Assert.Equal(1, readings);
    }

    /// <summary>A thread alone needs no timer, so nothing shows that its time slice has passed when another can run.</summary>
    [Fact]
    public void A_thread_that_wakes_another_after_its_time_slice_makes_way_at_once()
    {
        ulong word = Store([9, 0, 0, 0]);
        Thread* second = Spawn();
        Assert.True(Park(SystemCallNumber.Futex, word, 0, 9) == _first);
        Assert.True(Current == second);
        Assert.True(TimerInterrupt(Scheduler.TimeSlice) == second);

        Now = 3 * Scheduler.TimeSlice;
        Assert.True(Enter(SystemCallNumber.Futex, word, 1, 1) == &_first->Frame);
    }

    [Fact]
    public void Threads_take_turns_of_one_time_slice()
    {
        Thread* second = Spawn();
        Assert.Equal([Scheduler.TimeSlice], LocalApic.Armed);

        Assert.True(TimerInterrupt(Scheduler.TimeSlice - 1) == _first);
        Assert.True(TimerInterrupt(Scheduler.TimeSlice) == second);
        Assert.True(TimerInterrupt((2 * Scheduler.TimeSlice) - 1) == second);
        Assert.True(TimerInterrupt(2 * Scheduler.TimeSlice) == _first);

        // Armed again after each interrupt, for the end of the running thread's slice.
        Assert.Equal(
            [Scheduler.TimeSlice, Scheduler.TimeSlice, 2 * Scheduler.TimeSlice, 2 * Scheduler.TimeSlice, 3 * Scheduler.TimeSlice],
            LocalApic.Armed);
    }

    [Fact]
    public void A_thread_that_yields_runs_again_after_the_others()
    {
        Thread* second = Spawn();
        Thread* third = Spawn();

        Assert.True(Enter(SystemCallNumber.SchedYield) == &second->Frame);
        Assert.Equal(0ul, _first->Frame.Rax);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &third->Frame);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);
    }

    [Fact]
    public void A_sleeper_runs_at_once_when_its_time_has_come_and_whom_it_preempts_goes_on_with_the_rest_of_its_time_slice()
    {
        Thread* second = Spawn();
        Thread* third = Spawn();
        Sleep(5 * Millisecond);
        Assert.True(Current == second);
        Assert.Equal(5 * Millisecond, LocalApic.Armed[^1]);

        Assert.True(TimerInterrupt((5 * Millisecond) - 1) == second);
        Assert.True(TimerInterrupt(5 * Millisecond) == _first);

        Assert.Equal(0ul, _first->Frame.Rax);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &second->Frame);
        Assert.True(TimerInterrupt(Scheduler.TimeSlice - 1) == second);
        Assert.True(TimerInterrupt(Scheduler.TimeSlice) == third);
        Assert.True(TimerInterrupt((2 * Scheduler.TimeSlice) - 1) == third);
        Assert.True(TimerInterrupt(2 * Scheduler.TimeSlice) == _first);
    }

    /// <summary>Otherwise each socket that it adds would cost it its turn, while the other thread uses up its own.</summary>
    [Fact]
    public void A_thread_that_wakes_who_waits_for_an_epoll_set_goes_on_before_others()
    {
        long set = Call(SystemCallNumber.EpollCreate1, 0);
        ulong pair = Store(new byte[8]);
        Assert.Equal(0, Call(SystemCallNumber.Pipe2, pair, 0x800));
        Thread* waiter = Spawn();
        Thread* other = Spawn();
        Assert.True(Enter(SystemCallNumber.SchedYield) == &waiter->Frame);
        Assert.True(Park(SystemCallNumber.EpollWait, (ulong)set, Store(new byte[12]), 1, ulong.MaxValue) == waiter);
        Assert.True(Current == other);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);

        ulong wanted = Store([4, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]);
        ulong writer = *(uint*)(pair + 4);
        Assert.True(Enter(SystemCallNumber.EpollCtl, (ulong)set, 1, writer, wanted) == &waiter->Frame);

        Assert.Equal(1ul, waiter->Frame.Rax);
        Assert.True(Park(SystemCallNumber.EpollWait, (ulong)set, Store(new byte[12]), 1, ulong.MaxValue) == waiter);
        Assert.True(Current == _first);
        Assert.Equal(0ul, _first->Frame.Rax);
    }

    [Fact]
    public void When_nobody_can_run_the_processor_idles_until_the_first_deadline()
    {
        Spawn();
        Sleep(7 * Millisecond);
        Sleep(3 * Millisecond);

        Assert.Equal(Image.Idle, Current->Frame.Rip);
        Assert.Equal(3 * Millisecond, LocalApic.Armed[^1]);
        Assert.True(TimerInterrupt(3 * Millisecond)->Id == 2);
        Sleep(Millisecond);
        Assert.Equal(4 * Millisecond, LocalApic.Armed[^1]);
        Assert.True(TimerInterrupt(10 * Millisecond)->Id == 2);
        Assert.False(RunQueue.IsEmpty);
    }

    [Fact]
    public void Sleepers_that_are_due_at_one_interrupt_run_earliest_first_and_before_the_others()
    {
        Thread* second = Spawn();
        Thread* third = Spawn();
        Thread* busy = Spawn();
        Sleep(7 * Millisecond);
        Sleep(3 * Millisecond);
        Sleep(5 * Millisecond);
        Assert.True(Current == busy);

        Assert.True(TimerInterrupt(8 * Millisecond) == second);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &third->Frame);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &busy->Frame);
    }

    [Fact]
    public void A_thread_that_was_woken_in_the_trap_that_parked_it_goes_on()
    {
        Scheduler.Block(_first, WaitKind.Sleep, ulong.MaxValue, WaitEnd.Interruptible);

        Scheduler.Wake(_first, 77, urgent: true);

        Assert.True(NucleusExit.Leave() == &_first->Frame);
        Assert.Equal(77ul, _first->Frame.Rax);
        Assert.True(RunQueue.IsEmpty);
        Assert.Equal(ulong.MaxValue, Deadlines.Earliest);
    }

    [Fact]
    public void A_sleep_of_no_time_returns_in_the_same_call()
    {
        Now = 1000;
        ulong time = Store([]);
        Assert.Equal(0, Call(SystemCallNumber.ClockNanosleep, 1, 0, time));
        Assert.Equal(0, Call(SystemCallNumber.Nanosleep, time));
        Assert.Equal(ThreadState.Ready, _first->State);
    }

    [Fact]
    public void The_timer_is_not_set_again_for_a_later_deadline()
    {
        Spawn();
        int armed = LocalApic.Armed.Count;

        Sleep(50 * Millisecond);

        Assert.Equal([Scheduler.TimeSlice], LocalApic.Armed[(armed - 1)..]);
    }

    [Fact]
    public void The_thread_pointer_is_loaded_when_the_thread_changes()
    {
        Thread* second = Spawn();
        second->Frame.FsBase = 0x7000;
        Assert.Equal(0, Call(SystemCallNumber.ArchPrctl, 0x1002, 0x5000));
        Assert.Equal(0x5000ul, Machine.ModelSpecificRegisters[Msr.FsBase]);

        _ = Enter(SystemCallNumber.SchedYield);
        Assert.Equal(0x7000ul, Machine.ModelSpecificRegisters[Msr.FsBase]);
        _ = Enter(SystemCallNumber.SchedYield);
        Assert.Equal(0x5000ul, Machine.ModelSpecificRegisters[Msr.FsBase]);
    }

    [Fact]
    public void Processor_time_is_counted_by_thread_and_the_idle_time_to_nobody()
    {
        ulong time = Store([]);
        Thread* second = Spawn();
        Now = 3 * Millisecond;
        _ = Enter(SystemCallNumber.SchedYield);
        Assert.Equal(3 * Millisecond, _first->CpuTime);

        Now = 5 * Millisecond;
        Assert.Equal(0, Call(SystemCallNumber.ClockGettime, 3, time));
        Assert.Equal(2 * Millisecond, *(ulong*)(time + 8));
        Assert.Equal(0, Call(SystemCallNumber.ClockGettime, 2, time));
        Assert.Equal(5 * Millisecond, *(ulong*)(time + 8));

        Sleep(Millisecond);
        Sleep(2 * Millisecond);
        Assert.Equal(Image.Idle, Current->Frame.Rip);
        Assert.True(TimerInterrupt(8 * Millisecond) != null);
        Assert.Equal(5 * Millisecond, Scheduler.ProcessCpuTime);
        Assert.Equal(2 * Millisecond, second->CpuTime);
    }

    [Fact]
    public void A_thread_that_ends_is_forgotten_and_wakes_who_joins_it()
    {
        ulong word = Store([9, 0, 0, 0]);
        Thread* second = Spawn();
        second->ClearChildTid = word;
        int id = second->Id;
        Assert.Equal(2, ThreadTable.Count);
        Assert.True(Park(SystemCallNumber.Futex, word, 0, 9) == _first);

        Assert.True(Enter(SystemCallNumber.Exit, 0) == &_first->Frame);

        Assert.Equal(0, *(int*)word);
        Assert.Equal(0ul, _first->Frame.Rax);
        Assert.Equal(1, ThreadTable.Count);
        Assert.True(ThreadTable.Find(id) == null);
        Assert.True(Spawn()->Id == id + 1);
    }

    [Fact]
    public void The_last_thread_ends_the_program()
    {
        Assert.Throws<MachineHaltedException>(() => _ = Enter(SystemCallNumber.Exit, 3));

        string console = string.Concat(Machine.PortOutput.Where(write => write.Port == 0x3f8).Select(write => (char)write.Value));
        Assert.EndsWith("xenlet: exit 3\r\n", console, StringComparison.Ordinal);
        Assert.Equal((0x604, 2, 0x2000u), Machine.PortOutput[^1]);
    }

    private static void Sleep(ulong nanoseconds)
    {
        ulong time = Store([]);
        *(ulong*)(time + 8) = nanoseconds;
        Park(SystemCallNumber.Nanosleep, time);
    }
}
