using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Traps;

/// <summary>Interrupts that come at the last two instructions of the way back from a system call, when they are open already.</summary>
public sealed unsafe class CallReturnTests : NucleusTest
{
    private const int Usr1 = 10;
    private const ulong InProgram = 0x40_1234, NucleusStack = 0x2f_7ff8;

    [Theory]
    [InlineData(Image.CallReturnStack, true)]
    [InlineData(Image.CallReturnJump, true)]
    [InlineData(Image.CallReturnStack - 1, false)]
    [InlineData(Image.CallReturnJump + 1, false)]
    [InlineData(InProgram + 2, false)]
    public void The_thread_has_returned_then_and_goes_on_where_rcx_and_r11_say(ulong address, bool isThere)
    {
        ulong stack = Allocate(1) + 2048;
        Thread* thread = Current;
        thread->Frame.Rip = address;
        thread->Frame.Rsp = NucleusStack;
        thread->Frame.Rcx = InProgram;
        thread->Frame.R11 = stack;

        Assert.True(TimerInterrupt(1) == thread);

        Assert.Equal(isThere ? (InProgram, stack) : (address, NucleusStack), (thread->Frame.Rip, thread->Frame.Rsp));
    }

    [Fact]
    public void A_signal_that_is_delivered_then_is_put_on_the_programs_stack()
    {
        ulong stack = Allocate(1) + 4096;
        SignalDelivery.Action(Usr1)->sa_handler = 0x40_5678;
        Thread* thread = Current;
        thread->Frame.Rip = Image.CallReturnStack;
        thread->Frame.Rsp = NucleusStack;
        thread->Frame.Rcx = InProgram;
        thread->Frame.R11 = stack;
        SignalDelivery.SendToThread(thread, Usr1);

        Assert.True(TimerInterrupt(1) == thread);

        Assert.InRange(thread->Frame.Rsp, stack - 4096, stack - 128);
        rt_sigframe* frame = (rt_sigframe*)thread->Frame.Rsp;
        Assert.Equal((InProgram, stack), (frame->uc.uc_mcontext.ip, frame->uc.uc_mcontext.sp));
    }

    /// <summary>rcx and r11 of the interrupted program are back, which a return of a call would not load.</summary>
    [Fact]
    public void A_handlers_return_is_no_return_of_a_call()
    {
        Thread* thread = Current;
        thread->Frame.Rsp = Allocate(1) + 4096;
        thread->Frame.Rip = InProgram;
        thread->Frame.Rcx = 0xcc;
        thread->Frame.R11 = 0x11;
        SignalDelivery.Action(Usr1)->sa_handler = 0x40_5678;
        SignalDelivery.SendToThread(thread, Usr1);
        Assert.True(TimerInterrupt(1) == thread);
        thread->Frame.Rsp += sizeof(ulong);

        Assert.True(Enter(SystemCallNumber.RtSigreturn) == &thread->Frame);

        Assert.Equal((InProgram, 0xccul, 0x11ul), (thread->Frame.Rip, thread->Frame.Rcx, thread->Frame.R11));
        Assert.NotEqual(ulong.MaxValue, thread->Frame.ErrorCode);
    }
}
