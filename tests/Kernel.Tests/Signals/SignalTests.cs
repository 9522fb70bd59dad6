using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

public sealed unsafe class SignalTests : NucleusTest
{
    private const ulong Handler = 0x41_0000;
    private const ulong Restorer = 0x42_0000;
    private const ulong Restart = 0x1000_0000;
    private const ulong NoDefer = 0x4000_0000;
    private const ulong ResetHandler = 0x8000_0000;
    private const int Usr1 = 10;
    private const int Usr2 = 12;

    private readonly Thread* _first;
    private readonly ulong _stack;

    public SignalTests()
    {
        _first = Current;
        _stack = Allocate(4);
        _first->StackLow = _stack;
        _first->StackHigh = _stack + 0x4000;
        _first->Frame.Rsp = _stack + 0x3a58;
    }

    [Fact]
    public void A_handler_is_entered_as_if_called_with_the_three_arguments()
    {
        Act(Usr1, mask: 1UL << (Usr2 - 1));
        _first->Frame.Rflags = 0x246 | 0x400; // The direction flag was set.

        Assert.Equal(0, Send(Usr1, out rt_sigframe* frame));

        Frame* registers = &_first->Frame;
        Assert.Equal(Handler, registers->Rip);
        Assert.Equal((ulong)frame, registers->Rsp);
        Assert.Equal(8ul, registers->Rsp % 16);
        Assert.Equal((ulong)Usr1, registers->Rdi);
        Assert.Equal((ulong)frame + 312, registers->Rsi);
        Assert.Equal((ulong)frame + 8, registers->Rdx);
        Assert.Equal(0ul, registers->Rax);
        Assert.Equal(0x202ul, registers->Rflags);
        Assert.Equal(Restorer, frame->pretcode);
        Assert.Equal(Usr1, frame->info.si_signo);
        Assert.Equal(1, frame->info.si_pid);
        Assert.Equal(2, frame->uc.uc_stack.ss_flags);
        Assert.Equal(0ul, frame->uc.uc_sigmask);
        Assert.Equal((1UL << (Usr2 - 1)) | (1UL << (Usr1 - 1)), _first->SignalMask);
    }

    /// <summary>SI_TKILL of tgkill; SI_USER of kill.</summary>
    [Theory]
    [InlineData(SystemCallNumber.Tgkill, 1ul, 1ul, -6)]
    [InlineData(SystemCallNumber.Kill, 1ul, (ulong)Usr1, 0)]
    public void The_handler_is_told_how_the_signal_was_sent(int call, ulong first, ulong second, int code)
    {
        Act(Usr1);
        _ = Enter(call, first, second, Usr1);
        Assert.Equal(Handler, _first->Frame.Rip);
        Assert.Equal(code, ((rt_sigframe*)_first->Frame.Rsp)->info.si_code);
    }

    /// <summary>128 bytes below the stack pointer belong to the interrupted function (System V ABI, AMD64 supplement, 3.2.2).</summary>
    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul)]
    [InlineData(8ul)]
    [InlineData(0x38ul)]
    [InlineData(0x3ful)]
    public void The_red_zone_and_all_above_are_untouched(ulong misalignment)
    {
        Act(Usr1);
        new Span<byte>((void*)_stack, 0x4000).Fill(0x5a);
        _first->Frame.Rsp = _stack + 0x3a40 + misalignment;
        ulong top = _first->Frame.Rsp - 128;

        Send(Usr1, out rt_sigframe* frame);

        Assert.All(Load(top, (int)(_stack + 0x4000 - top)), value => Assert.Equal(0x5a, value));
        ulong floatingPoint = frame->uc.uc_mcontext.fpstate;
        Assert.True(floatingPoint + 512 <= top && floatingPoint >= (ulong)frame + (ulong)sizeof(rt_sigframe));
        Assert.Equal(0ul, floatingPoint % 64);
        Assert.Equal(0x5a, *((byte*)frame - 1));
    }

    [Fact]
    public void Returning_restores_every_register()
    {
        Act(Usr1);
        Frame* registers = &_first->Frame;
        ulong[] before = Fill(registers);
        registers->FloatingPoint[160] = 0xaa;
        *(uint*)(registers->FloatingPoint + 24) = 0x1f80;
        ulong stack = registers->Rsp;

        // A timer interrupt: none of the registers belongs to a call.
        SignalDelivery.SendToThread(_first, Usr1);
        Assert.True(Trap(Vector.ApicTimer) == _first);
        Assert.Equal(Handler, registers->Rip);
        _ = Fill(registers, seed: 1000);
        registers->FloatingPoint[160] = 0xbb;
        *(uint*)(registers->FloatingPoint + 24) = 0x1fc0;

        Return();

        Assert.Equal(before, General(registers));
        Assert.Equal(stack, registers->Rsp);
        Assert.Equal(0x40_0000ul, registers->Rip);
        Assert.Equal(0xaa, registers->FloatingPoint[160]);
        Assert.Equal(0x1f80u, *(uint*)(registers->FloatingPoint + 24));
        Assert.Equal(0ul, _first->SignalMask);
    }

    [Fact]
    public void What_the_handler_changes_in_its_frame_takes_effect()
    {
        Act(Usr1);
        Send(Usr1, out rt_sigframe* frame);
        frame->uc.uc_mcontext.ip = 0x43_0000;
        frame->uc.uc_mcontext.di = 99;
        frame->uc.uc_sigmask = 1UL << (Usr2 - 1);

        Return();

        Assert.Equal(0x43_0000ul, _first->Frame.Rip);
        Assert.Equal(99ul, _first->Frame.Rdi);
        Assert.Equal(1UL << (Usr2 - 1), _first->SignalMask);
    }

    [Fact]
    public void A_return_gives_no_privilege()
    {
        Act(Usr1);
        Send(Usr1, out rt_sigframe* frame);
        frame->uc.uc_mcontext.flags = ulong.MaxValue;
        frame->uc.uc_mcontext.cs = 0x33;
        frame->uc.uc_mcontext.ss = 0x2b;
        frame->uc.uc_sigmask = ulong.MaxValue;
        *(uint*)(frame->uc.uc_mcontext.fpstate + 24) = 0xffff_ffff;

        Return();

        // Interrupts on; neither IOPL, NT, RF, VM nor the reserved bits.
        Assert.Equal(0x0024_0fd7ul, _first->Frame.Rflags);
        Assert.Equal(Frame.CodeSelector, _first->Frame.Cs);
        Assert.Equal(Frame.DataSelector, _first->Frame.Ss);
        Assert.Equal(0xffffu, *(uint*)(_first->Frame.FloatingPoint + 24));
        Assert.Equal(~((1UL << 8) | (1UL << 18)), _first->SignalMask);
    }

    [Fact]
    public void A_frame_without_floating_point_state_resets_it()
    {
        Act(Usr1);
        Send(Usr1, out rt_sigframe* frame);
        frame->uc.uc_mcontext.fpstate = 0;
        _first->Frame.FloatingPoint[200] = 1;

        Return();

        Assert.Equal(0, _first->Frame.FloatingPoint[200]);
        Assert.Equal(0x37f, *(ushort*)_first->Frame.FloatingPoint);
        Assert.Equal(0x1f80u, *(uint*)(_first->Frame.FloatingPoint + 24));
    }

    [Theory]
    [InlineData(0x8000_0000_0000ul, 0ul)]
    [InlineData(0xffff_7fff_ffff_fffful, 0ul)]
    [InlineData(0x40_0000ul, 0x1000ul)]
    public void A_frame_that_cannot_be_loaded_ends_the_program(ulong rip, ulong floatingPoint)
    {
        Act(Usr1);
        Send(Usr1, out rt_sigframe* frame);
        frame->uc.uc_mcontext.ip = rip;
        frame->uc.uc_mcontext.fpstate = floatingPoint;

        PanicException end = Assert.Throws<PanicException>(Return);
        Assert.Contains("SIGSEGV", end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_that_is_not_there_ends_the_program()
    {
        _first->Frame.Rsp = 0x2000;
        PanicException end = Assert.Throws<PanicException>(() => _ = Enter(SystemCallNumber.RtSigreturn));
        Assert.Contains("SIGSEGV", end.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stack_without_room_for_the_frame_ends_the_program()
    {
        Act(Usr1);
        _first->Frame.Rsp = _stack + 0x200;
        SignalDelivery.SendToThread(_first, Usr1);
        Assert.Contains("stack overflow", Assert.Throws<PanicException>(() => Trap(Vector.ApicTimer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_tells_its_handler_the_address_and_the_trap()
    {
        Act(SignalNumber.SIGSEGV, flags: Restart);
        const ulong address = 0x1230;

        Assert.True(Trap(Vector.PageFault, errorCode: 6, address) == _first);

        rt_sigframe* frame = (rt_sigframe*)_first->Frame.Rsp;
        Assert.Equal((SignalNumber.SIGSEGV, 1, address), (frame->info.si_signo, frame->info.si_code, frame->info.si_addr));
        Assert.Equal((14ul, 6ul, address), (frame->uc.uc_mcontext.trapno, frame->uc.uc_mcontext.err, frame->uc.uc_mcontext.cr2));
        Assert.Equal(0x40_0000ul, frame->uc.uc_mcontext.ip);
    }

    /// <summary>
    /// si_code of asm-generic/siginfo.h: FPE_INTDIV, TRAP_TRACE, TRAP_BRKPT, ILL_ILLOPN, SI_KERNEL twice, FPE_FLTINV, BUS_ADRALN,
    /// FPE_FLTINV.
    /// </summary>
    [Theory]
    [InlineData(0, 8, 1, true)]
    [InlineData(1, 5, 2, true)]
    [InlineData(3, 5, 1, true)]
    [InlineData(6, 4, 2, true)]
    [InlineData(13, 11, 0x80, false)]
    [InlineData(12, 11, 0x80, false)]
    [InlineData(16, 8, 7, true)]
    [InlineData(17, 7, 1, false)]
    [InlineData(19, 8, 7, true)]
    public void An_exception_is_its_signal(int vector, int signal, int code, bool isAddressOfInstruction)
    {
        Act(signal);
        Assert.True(Trap(vector) == _first);

        rt_sigframe* frame = (rt_sigframe*)_first->Frame.Rsp;
        Assert.Equal((signal, code), (frame->info.si_signo, frame->info.si_code));
        Assert.Equal(isAddressOfInstruction ? 0x40_0000ul : 0, frame->info.si_addr);
    }

    [Fact]
    public void A_denied_access_is_told_from_a_missing_page()
    {
        Act(SignalNumber.SIGSEGV);
        Assert.Equal(0, MemoryCalls.Protect(_stack, 0x1000, 1));
        Assert.True(Trap(Vector.PageFault, errorCode: 3, _stack + 8) == _first);
        Assert.Equal(2, ((rt_sigframe*)_first->Frame.Rsp)->info.si_code);
    }

    [Fact]
    public void A_fault_whose_signal_is_blocked_ends_the_program()
    {
        Act(SignalNumber.SIGSEGV);
        _first->SignalMask = 1UL << 10;
        Assert.Throws<PanicException>(() => Trap(Vector.PageFault, 0, 0x1230));
    }

    [Fact]
    public void A_blocked_signal_waits_until_it_is_unblocked()
    {
        Act(Usr1);
        ulong set = Store([0, 2, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(0, Call(SystemCallNumber.RtSigprocmask, 0, set, 0, 8));
        _ = Enter(SystemCallNumber.Tgkill, 1, 1, Usr1);
        Assert.Equal(0x40_0000ul, _first->Frame.Rip);

        _ = Enter(SystemCallNumber.RtSigprocmask, 1, set, 0, 8);

        Assert.Equal(Handler, _first->Frame.Rip);
        Assert.Equal(0ul, ((rt_sigframe*)_first->Frame.Rsp)->uc.uc_mcontext.ax);
    }

    [Fact]
    public void A_handler_with_NODEFER_can_be_interrupted_by_its_own_signal_and_one_with_RESETHAND_runs_once()
    {
        Act(Usr1, flags: NoDefer);
        Send(Usr1, out _);
        Assert.Equal(0ul, _first->SignalMask);

        Act(Usr2, flags: ResetHandler);
        Send(Usr2, out _);
        Assert.Equal(0ul, SignalDelivery.Action(Usr2)->sa_handler);
    }

    [Fact]
    public void Several_pending_signals_nest_the_lowest_innermost_last()
    {
        Act(Usr1);
        Act(Usr2);
        SignalDelivery.SendToThread(_first, Usr2);
        SignalDelivery.SendToThread(_first, Usr1);
        Assert.True(Trap(Vector.ApicTimer) == _first);

        Assert.Equal((ulong)Usr2, _first->Frame.Rdi);
        Return();
        Assert.Equal((ulong)Usr1, _first->Frame.Rdi);
        Assert.Equal(Handler, _first->Frame.Rip);
        Return();
        Assert.Equal(0x40_0000ul, _first->Frame.Rip);
    }

    /// <summary>signal(7): with SA_RESTART a call without a time limit starts again; every other one ends with EINTR.</summary>
    [Theory]
    [InlineData(SystemCallNumber.Futex, false, Restart, true)]
    [InlineData(SystemCallNumber.Futex, false, 0ul, false)]
    [InlineData(SystemCallNumber.Futex, true, Restart, false)]
    [InlineData(SystemCallNumber.Nanosleep, true, Restart, false)]
    [InlineData(SystemCallNumber.Read, false, Restart, true)]
    [InlineData(SystemCallNumber.Read, false, 0ul, false)]
    [InlineData(SystemCallNumber.Poll, false, Restart, false)]
    public void A_blocked_call_is_restarted_or_interrupted(int call, bool hasLimit, ulong flags, bool restarts)
    {
        Act(Usr1, flags: flags);
        ulong time = Store([9]);
        ulong word = Store([]);
        Spawn();
        ulong[] arguments = call switch
        {
            SystemCallNumber.Futex => [word, 0, 0, hasLimit ? time : 0],
            SystemCallNumber.Nanosleep => [time],
            SystemCallNumber.Read => [0, word, 16],
            _ => [word, 0, ulong.MaxValue],
        };
        Park(call, arguments);

        Assert.Equal(0, Call(SystemCallNumber.Tgkill, 1, 1, Usr1));
        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);

        Assert.Equal(Handler, _first->Frame.Rip);
        rt_sigframe* frame = (rt_sigframe*)_first->Frame.Rsp;
        Assert.Equal(restarts ? 0x3f_fffeul : 0x40_0000ul, frame->uc.uc_mcontext.ip);
        Assert.Equal(restarts ? call : -Errno.EINTR, (long)frame->uc.uc_mcontext.ax);
        Assert.Equal(ulong.MaxValue, Deadlines.Earliest);
        Assert.Equal(0, Futex.Wake(word, 1, uint.MaxValue));
    }

    /// <summary>nanosleep(2), clock_nanosleep(2): the rest of a relative sleep is returned, that of an absolute one is not.</summary>
    [Theory]
    [InlineData(SystemCallNumber.Nanosleep, 0ul, 6_500_000_000ul)]
    [InlineData(SystemCallNumber.ClockNanosleep, 0ul, 6_500_000_000ul)]
    [InlineData(SystemCallNumber.ClockNanosleep, 1ul, 0ul)]
    public void A_sleep_that_a_signal_ends_says_what_was_left(int call, ulong flags, ulong left)
    {
        Act(Usr1);
        ulong time = Store([9]);
        ulong remaining = Store([]);
        Spawn();
        Park(call, call == SystemCallNumber.Nanosleep ? [time, remaining] : [1, flags, time, remaining]);

        // The sender's time slice has passed too, as the timer's interrupt has shown.
        Assert.True(TimerInterrupt(Now + 2_500_000_000) == Current);
        Assert.True(Enter(SystemCallNumber.Tgkill, 1, 1, Usr1) == &_first->Frame);

        Assert.Equal(-Errno.EINTR, (long)((rt_sigframe*)_first->Frame.Rsp)->uc.uc_mcontext.ax);
        Assert.Equal(left, (((ulong*)remaining)[0] * 1_000_000_000) + ((ulong*)remaining)[1]);
    }

    [Fact]
    public void A_sleep_that_cannot_say_what_was_left_ends_with_a_fault()
    {
        Act(Usr1);
        ulong time = Store([9]);
        Spawn();
        Park(SystemCallNumber.Nanosleep, time, 8);

        Assert.Equal(0, Call(SystemCallNumber.Tgkill, 1, 1, Usr1));
        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);

        Assert.Equal(-Errno.EFAULT, (long)((rt_sigframe*)_first->Frame.Rsp)->uc.uc_mcontext.ax);
    }

    [Theory]
    [InlineData(SignalNumber.SIGCHLD, 0ul)]
    [InlineData(SignalNumber.SIGCONT, 0ul)]
    [InlineData(SignalNumber.SIGURG, 0ul)]
    [InlineData(SignalNumber.SIGWINCH, 0ul)]
    [InlineData(Usr1, 1ul)]
    public void An_ignored_signal_wakes_nobody(int signal, ulong handler)
    {
        SignalDelivery.Action(signal)->sa_handler = handler;
        ulong word = Store([]);
        Thread* second = Spawn();
        Park(SystemCallNumber.Futex, word, 0, 0);

        Assert.Equal(0, Call(SystemCallNumber.Tgkill, 1, 1, (ulong)signal));
        Assert.Equal(0, Call(SystemCallNumber.Kill, 1, (ulong)signal));

        Assert.True(Enter(SystemCallNumber.SchedYield) == &second->Frame);
        Assert.Equal(WaitKind.Futex, _first->Wait);
    }

    [Fact]
    public void A_blocked_signal_wakes_nobody()
    {
        Act(Usr1);
        ulong word = Store([]);
        Spawn();
        _first->SignalMask = 1UL << (Usr1 - 1);
        Park(SystemCallNumber.Futex, word, 0, 0);

        Assert.Equal(0, Call(SystemCallNumber.Tgkill, 1, 1, Usr1));

        Assert.Equal(WaitKind.Futex, _first->Wait);
    }

    [Fact]
    public void A_signal_of_the_process_goes_to_a_thread_that_does_not_block_it()
    {
        Act(Usr1);
        Thread* second = Spawn();
        second->SignalMask = ulong.MaxValue;
        ulong word = Store([]);
        Park(SystemCallNumber.Futex, word, 0, 0);

        Assert.Equal(0, Call(SystemCallNumber.Kill, 0, Usr1));

        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);
        Assert.Equal(Handler, _first->Frame.Rip);
    }

    [Fact]
    public void A_signal_of_the_process_that_the_running_thread_takes_ends_nobody_elses_call()
    {
        Act(Usr1);
        ulong word = Store([]);
        Thread* second = Spawn();
        _ = Enter(SystemCallNumber.SchedYield);
        Park(SystemCallNumber.Futex, word, 0, 0, Store([9]));

        _ = Enter(SystemCallNumber.Kill, 1, Usr1);

        Assert.Equal(Handler, _first->Frame.Rip);
        Assert.Equal(WaitKind.Futex, second->Wait);
    }

    [Theory]
    [InlineData(SignalNumber.SIGTERM, 143u)]
    [InlineData(SignalNumber.SIGINT, 130u)]
    [InlineData(SignalNumber.SIGKILL, 137u)]
    public void A_signal_that_asks_the_program_to_end_gives_its_exit_code(int signal, uint code)
    {
        Assert.Throws<MachineHaltedException>(() => _ = Enter(SystemCallNumber.Kill, 1, (ulong)signal));
        string console = string.Concat(Machine.PortOutput.Where(write => write.Port == 0x3f8).Select(write => (char)write.Value));
        Assert.EndsWith($"xenlet: exit {code}\r\n", console, StringComparison.Ordinal);
    }

    [Fact]
    public void An_abort_is_a_crash_with_the_signals_name() =>
        Assert.Contains(
            "ended by SIGABRT in thread 1",
            Assert.Throws<PanicException>(() => _ = Enter(SystemCallNumber.Tgkill, 1, 1, SignalNumber.SIGABRT)).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(SystemCallNumber.Tgkill, 1ul, 1ul, 65ul, -Errno.EINVAL)]
    [InlineData(SystemCallNumber.Tgkill, 1ul, 9ul, 10ul, -Errno.ESRCH)]
    [InlineData(SystemCallNumber.Tgkill, 1ul, 1ul, 0ul, 0)]
    [InlineData(SystemCallNumber.Tkill, 9ul, 0ul, 0ul, -Errno.ESRCH)]
    [InlineData(SystemCallNumber.Kill, 2ul, 10ul, 0ul, -Errno.ESRCH)]
    [InlineData(SystemCallNumber.Kill, 1ul, ulong.MaxValue, 0ul, -Errno.EINVAL)]
    [InlineData(SystemCallNumber.Kill, 1ul, 0ul, 0ul, 0)]
    [InlineData(SystemCallNumber.RtSigaction, 0ul, 0ul, 0ul, -Errno.EINVAL)]
    [InlineData(SystemCallNumber.RtSigaction, 65ul, 0ul, 0ul, -Errno.EINVAL)]
    [InlineData(SystemCallNumber.RtSigaction, 9ul, 0x1000ul, 0ul, -Errno.EINVAL)]
    [InlineData(SystemCallNumber.RtSigaction, 19ul, 0x1000ul, 0ul, -Errno.EINVAL)]
    [InlineData(SystemCallNumber.RtSigaction, 9ul, 0ul, 0ul, 0)]
    [InlineData(SystemCallNumber.RtSigaction, 19ul, 0ul, 0ul, 0)]
    [InlineData(SystemCallNumber.RtSigaction, 10ul, 0x1000ul, 0ul, -Errno.EFAULT)]
    [InlineData(SystemCallNumber.RtSigaction, 10ul, 0ul, 0x1000ul, -Errno.EFAULT)]
    [InlineData(SystemCallNumber.RtSigprocmask, 0ul, 0x1000ul, 0ul, -Errno.EFAULT)]
    public void Arguments_are_checked(int call, ulong a1, ulong a2, ulong a3, long result) =>
        Assert.Equal(result, Call(call, a1, a2, a3, 8));

    [Fact]
    public void Sets_of_another_size_are_refused()
    {
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.RtSigaction, 10, 0, 0, 16));
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.RtSigprocmask, 0, 0, 0, 16));
    }

    [Fact]
    public void Masks_are_set_added_to_and_taken_from_and_the_old_one_is_told()
    {
        ulong set = Store([0xff, 0xff, 0x07, 0, 0, 0, 0, 0]);
        ulong old = set + 8;
        (ulong How, ulong Before, ulong After)[] steps =
        [
            (2, 0, 0x7_ffff & ~0x4_0100ul),
            (1, 0x3_feff, 0),
            (0, 0, 0x3_feff),
        ];
        Assert.All(steps, step =>
        {
            Assert.Equal(0, Call(SystemCallNumber.RtSigprocmask, step.How, set, old, 8));
            Assert.Equal((step.Before, step.After), (*(ulong*)old, _first->SignalMask));
        });
        Assert.Equal(-Errno.EINVAL, Call(SystemCallNumber.RtSigprocmask, 3, set, 0, 8));
        Assert.Equal(0, Call(SystemCallNumber.RtSigprocmask, 3, 0, old, 8));
        Assert.Equal(0x3_fefful, *(ulong*)old);
    }

    private static void Act(int signal, ulong flags = 0, ulong mask = 0)
    {
        ulong action = Store([]);
        *(sigaction*)action = new sigaction { sa_handler = Handler, sa_flags = flags, sa_restorer = Restorer, sa_mask = mask };
        Assert.Equal(0, Call(SystemCallNumber.RtSigaction, (ulong)signal, action, action + 64, 8));
    }

    /// <summary>The running thread signals itself; gives what its call then returns to.</summary>
    private long Send(int signal, out rt_sigframe* frame)
    {
        _ = Enter(SystemCallNumber.Tgkill, 1, 1, (ulong)signal);
        Assert.Equal(Handler, _first->Frame.Rip);
        frame = (rt_sigframe*)_first->Frame.Rsp;
        return (long)frame->uc.uc_mcontext.ax;
    }

    /// <summary>The handler returns to the restorer, which calls rt_sigreturn.</summary>
    private void Return()
    {
        _first->Frame.Rsp += 8;
        _first->Frame.Vector = SystemCallNumber.RtSigreturn;
        Assert.True(SystemCallDispatch.OnSystemCall(&_first->Frame) == &_first->Frame);
    }

    private static ulong[] Fill(Frame* registers, ulong seed = 1)
    {
        registers->R15 = seed;
        registers->R14 = seed + 1;
        registers->R13 = seed + 2;
        registers->R12 = seed + 3;
        registers->Rbp = seed + 4;
        registers->Rbx = seed + 5;
        registers->R11 = seed + 6;
        registers->R10 = seed + 7;
        registers->R9 = seed + 8;
        registers->R8 = seed + 9;
        registers->Rax = seed + 10;
        registers->Rcx = seed + 11;
        registers->Rdx = seed + 12;
        registers->Rsi = seed + 13;
        registers->Rdi = seed + 14;
        return General(registers);
    }

    private static ulong[] General(Frame* registers) => new Span<ulong>(registers, 15).ToArray();
}
