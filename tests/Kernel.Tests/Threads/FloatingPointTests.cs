using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>When x87 and MXCSR, which a system call leaves in the processor, are put into the caller's frame.</summary>
public sealed unsafe class FloatingPointTests : NucleusTest
{
    private const int Xmm = 160;
    private const int Usr1 = 10;

    private readonly Thread* _first;

    public FloatingPointTests()
    {
        _first = Current;
        Spawn();
        for (int i = 0; i < 512; i++)
        {
            Machine.FloatingPointState[i] = (byte)(i * 7);
            _first->Frame.FloatingPoint[i] = 0xcc;
        }

        Image.Cpu->Current = &_first->Frame;
        Image.Cpu->FloatingPointIsLive = 1;
    }

    [Fact]
    public void A_call_that_returns_to_its_caller_leaves_them_there()
    {
        Assert.Equal(1, Call(SystemCallNumber.Getpid));

        Assert.Equal(1ul, Image.Cpu->FloatingPointIsLive);
        Assert.Equal(0xcc, _first->Frame.FloatingPoint[0]);
    }

    [Fact]
    public void They_are_saved_when_another_thread_is_chosen_and_the_xmm_registers_of_the_entry_stay()
    {
        Assert.True(Enter(SystemCallNumber.SchedYield) != &_first->Frame);

        AssertSaved();
    }

    [Fact]
    public void They_are_forgotten_with_a_thread_that_ends()
    {
        Assert.True(Enter(SystemCallNumber.Exit, 0) != &_first->Frame);

        Assert.Equal(0ul, Image.Cpu->FloatingPointIsLive);
    }

    [Fact]
    public void A_handler_and_what_it_returns_to_have_them()
    {
        ulong stack = Allocate(4);
        _first->Frame.Rsp = stack + 0x3000;
        SignalDelivery.Action(Usr1)->sa_handler = 0x41_0000;

        Assert.Equal(0, (long)Enter(SystemCallNumber.Tgkill, 1, 1, Usr1)->Rax);

        AssertSaved();
        rt_sigframe* frame = (rt_sigframe*)_first->Frame.Rsp;
        Assert.Equal(7, ((byte*)frame->uc.uc_mcontext.fpstate)[1]);

        // The handler's frame counts, not the content of the processor when the handler returns.
        ((byte*)frame->uc.uc_mcontext.fpstate)[2] = 0x99;
        _first->Frame.Rsp += 8;
        Image.Cpu->FloatingPointIsLive = 1;
        _ = Enter(SystemCallNumber.RtSigreturn);
        Assert.Equal((0ul, 0x99), (Image.Cpu->FloatingPointIsLive, _first->Frame.FloatingPoint[2]));
    }

    [Fact]
    public void A_new_thread_begins_with_its_makers()
    {
        Thread* child = Spawn();

        Assert.Equal((7, 0xcc), (child->Frame.FloatingPoint[1], child->Frame.FloatingPoint[Xmm]));
    }

    private void AssertSaved()
    {
        Assert.Equal(0ul, Image.Cpu->FloatingPointIsLive);
        Assert.Equal(Machine.FloatingPointState[..Xmm], new Span<byte>(_first->Frame.FloatingPoint, Xmm).ToArray());
        Assert.All(new Span<byte>(_first->Frame.FloatingPoint + Xmm, 512 - Xmm).ToArray(), b => Assert.Equal(0xcc, b));
    }
}
