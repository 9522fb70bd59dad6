using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;
using ThreadState = Xenlet.Kernel.Nucleus.Threads.ThreadState;

namespace Xenlet.Kernel.Tests;

/// <summary>A request from outside that the program end.</summary>
public sealed unsafe class TerminationTests : NucleusTest
{
    private const ulong Handler = 0x41_0000;
    private readonly Thread* _first;

    public TerminationTests()
    {
        _first = Current;
        _first->Frame.Rsp = Allocate(4) + (3 * Pages.Size);
    }

    [Fact]
    public void The_default_action_is_handed_to_the_thread_that_waits_for_it_and_nobody_elses_call_ends()
    {
        ulong word = Store([]);
        Thread* reader = Spawn();
        Thread* caller = Spawn();
        Park(NucleusCall.WaitForTermination);
        Assert.True(Current == caller || Current == reader);
        Thread* parked = Park(SystemCallNumber.Futex, word, 0, 0);

        Frame* resumed = Enter(NucleusCall.Terminate, 0);

        Assert.True(resumed == &_first->Frame);
        Assert.Equal(0, (long)_first->Frame.Rax);
        Assert.Equal((ThreadState.Blocked, WaitKind.Futex), (parked->State, parked->Wait));
    }

    [Fact]
    public void A_thread_that_comes_late_finds_the_wish()
    {
        Assert.Equal(0, Call(NucleusCall.Terminate, 0));
        Assert.Equal(0, Call(NucleusCall.WaitForTermination));
    }

    [Fact]
    public void A_handler_comes_first_and_what_it_lets_pass_is_handed_over()
    {
        SignalDelivery.Action(SignalNumber.SIGTERM)->sa_handler = Handler;
        _ = Enter(NucleusCall.Terminate, 0);
        Assert.Equal(Handler, _first->Frame.Rip);

        // .NET restores the default action and sends the signal again.
        SignalDelivery.Action(SignalNumber.SIGTERM)->sa_handler = SignalAction.SIG_DFL;
        Assert.Equal(0, Call(SystemCallNumber.Kill, 1, SignalNumber.SIGTERM));
        Assert.Equal(0, Call(NucleusCall.WaitForTermination));
    }

    [Fact]
    public void A_wish_while_the_program_is_ending_changes_nothing()
    {
        Assert.Equal(0, Call(NucleusCall.Terminate, 0));
        Assert.Equal(0, Call(NucleusCall.WaitForTermination));
        Assert.Equal(0, Call(NucleusCall.Terminate, 0));
        Assert.Equal(0, Call(SystemCallNumber.Tgkill, 1, 1, SignalNumber.SIGTERM));
    }

    [Fact]
    public void One_thread_waits_at_a_time_and_another_signal_lets_it_wait_again()
    {
        SignalDelivery.Action(10)->sa_handler = Handler;
        Spawn();
        Park(NucleusCall.WaitForTermination);
        Assert.Equal(-Errno.EAGAIN, Call(NucleusCall.WaitForTermination));
        Assert.Equal(0, Call(SystemCallNumber.Tgkill, 1, 1, 10));
        Assert.True(Enter(SystemCallNumber.SchedYield) == &_first->Frame);
        Assert.Equal(Handler, _first->Frame.Rip);
        Park(NucleusCall.WaitForTermination);
    }

    [Theory]
    [InlineData(0ul, 0x604)]
    [InlineData(1ul, 0xcf9)]
    public void The_wish_decides_what_comes_after_the_programs_end(ulong thenReboot, int port)
    {
        SignalDelivery.Action(SignalNumber.SIGTERM)->sa_handler = SignalAction.SIG_IGN;
        Assert.Equal(0, Call(NucleusCall.Terminate, 1 - thenReboot));
        Assert.Equal(0, Call(NucleusCall.Terminate, thenReboot));
        Assert.Throws<MachineHaltedException>(() => _ = Enter(SystemCallNumber.ExitGroup, 7));
        Assert.Equal(port, Machine.PortOutput[^1].Port);
        string console = string.Concat(Machine.PortOutput.Where(write => write.Port == 0x3f8).Select(write => (char)write.Value));
        Assert.EndsWith("xenlet: exit 7\r\n", console, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_are_checked() => Assert.Equal(-Errno.EINVAL, Call(NucleusCall.Terminate, 2));
}
