using CsCheck;

namespace Xenlet.Linker.Tests;

/// <summary>What the entries do with registers and stacks, run on the processor.</summary>
public sealed class EntryRunTests : IDisposable
{
    // What a program may change in rflags without upsetting the test's host: carry, parity, zero, sign, overflow.
    private const ulong HarmlessFlags = 0x8C5, AlwaysSet = 0x202, DirectionFlag = 1 << 10;
    private const int Rbp = 4, R11 = 6, Rax = 10, Rcx = 11;
    private readonly EntryHarness _harness = new();

    private static Gen<(ulong[] Entering, ulong[] Leaving, ulong[] EnteringXmm, ulong[] LeavingXmm)> States { get; } =
        Gen.Select(Gen.ULong.Array[15], Gen.ULong.Array[15], Gen.ULong.Array[32], Gen.ULong.Array[32]);

    public static TheoryData<int> OrdinaryVectors => [.. Enumerable.Range(0, 256).Except([2, 8, 18])];

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void A_system_call_saves_every_register_and_resumes_with_every_register() => States.Sample(state =>
    {
        Prepare(state, HarmlessFlags);
        _harness.EnterSystemCall();

        Assert.Equal(1ul, _harness.Handler);
        CheckHandlerSawTheNucleusReady();
        FakeFrame frame = _harness.Current;
        Assert.Equal(state.Entering, frame.General.ToArray());
        Assert.Equal(state.Entering[Rax], frame.Vector);
        Assert.Equal(ulong.MaxValue, frame.ErrorCode);
        Assert.Equal(state.Entering[Rcx], frame.Rip);
        Assert.Equal(state.Entering[R11], frame.Rflags);
        Assert.Equal(_harness.ProgramStack, frame.Rsp);
        Assert.Equal((0x08ul, 0x10ul), (frame.Cs, frame.Ss));
        CheckSaved(frame, state.EnteringXmm);
        CheckResumed(state.Leaving, state.LeavingXmm, HarmlessFlags);
    }, iter: 200, threads: 1);

    /// <summary>
    /// Rounding, of x87 and of SSE, as the program, the thread that is resumed, and the test's host have it: all different.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_system_call_leaves_x87_and_MXCSR_in_the_processor_unless_another_thread_is_chosen(bool isSameThread) =>
        States.Sample(state =>
    {
        Prepare(state, HarmlessFlags);
        _harness.EnteringControl = (0x7F80, 0x0F7F);
        _harness.Next.Control = (0x5F80, 0x0B7F);
        _harness.KeepsFloatingPointLive = isSameThread;

        _harness.EnterSystemCall();

        Assert.Equal(isSameThread ? _harness.EnteringControl : _harness.Next.Control, _harness.LeavingControl);
        CheckResumed(state.Leaving, state.LeavingXmm, HarmlessFlags);
    }, iter: 10, threads: 1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_trap_leaves_x87_and_MXCSR_in_the_processor_unless_another_thread_is_chosen(bool isSameThread) => States.Sample(state =>
    {
        Prepare(state, 0);
        _harness.EnteringControl = (0x7F80, 0x0F7F);
        _harness.Next.Control = (0x5F80, 0x0B7F);
        _harness.KeepsFloatingPointLive = isSameThread;

        _harness.EnterTrap(32, null, "xenlet_ist1_top", 0x12345, 0x246);

        Assert.Equal(isSameThread ? _harness.EnteringControl : _harness.Next.Control, _harness.LeavingControl);
        CheckResumed(state.Leaving, state.LeavingXmm, 0);
    }, iter: 10, threads: 1);

    [Theory]
    [InlineData("xenlet_ist1_top", 14, true)]
    [InlineData("xenlet_ist2_top", 2, false)]
    public void A_fault_of_the_nucleus_and_a_non_maskable_interrupt_save_x87_and_MXCSR(string stack, int vector, bool isFault) =>
        States.Sample(state =>
        {
            Prepare(state, 0);
            _harness.InNucleus = 1;
            _harness.EnteringControl = (0x7F80, 0x0F7F);

            _harness.EnterTrap(vector, isFault ? 0xE0 : null, stack, (ulong)_harness.Landing, AlwaysSet | HarmlessFlags);

            Assert.Equal(_harness.EnteringControl, (isFault ? _harness.Fault : _harness.Nmi).Control);
        }, iter: 10, threads: 1);

    [Fact]
    public void A_non_maskable_interrupt_in_a_system_call_leaves_x87_and_MXCSR_where_they_are() => States.Sample(state =>
    {
        Prepare(state, 0);
        _harness.InNucleus = 1;
        _harness.FloatingPointIsLive = 1;
        _harness.EnteringControl = (0x7F80, 0x0F7F);

        _harness.EnterTrap(2, null, "xenlet_ist2_top", (ulong)_harness.Landing, AlwaysSet | HarmlessFlags);

        Assert.Equal((1ul, _harness.EnteringControl), (_harness.FloatingPointIsLive, _harness.LeavingControl));
    }, iter: 10, threads: 1);

    [Theory]
    [MemberData(nameof(OrdinaryVectors))]
    public void A_trap_saves_every_register_and_resumes_with_every_register(int vector)
    {
        ulong? error = PushesErrorCode(vector) ? 0xE0 : null;
        States.Sample(state =>
        {
            Prepare(state, 0);
            _harness.EnterTrap(vector, error, "xenlet_ist1_top", 0x12345, 0x246);

            Assert.Equal(2ul, _harness.Handler);
            CheckHandlerSawTheNucleusReady();
            CheckTrapFrame(_harness.Current, state, vector, error);
            CheckResumed(state.Leaving, state.LeavingXmm, 0);
        }, iter: 3, threads: 1);
    }

    [Theory]
    [InlineData(8, "xenlet_ist3_top", 0)] // #DF
    [InlineData(18, "xenlet_ist4_top", 0)] // #MC
    [InlineData(18, "xenlet_ist4_top", 1)]
    [InlineData(14, "xenlet_ist1_top", 1)] // a page fault in the nucleus
    [InlineData(32, "xenlet_ist1_top", 1)]
    public void A_fault_in_the_nucleus_leaves_the_threads_frame_alone(int vector, string stack, int inNucleus)
    {
        ulong? error = PushesErrorCode(vector) ? 0xE0 : null;
        States.Sample(state => CheckFault(state, vector, error, stack, (ulong)inNucleus, 0x12345), iter: 20, threads: 1);
    }

    [Fact]
    public void A_fault_of_the_return_to_the_program_is_the_nucleuss() =>
        States.Sample(
            state => CheckFault(state, 13, 0xE0, "xenlet_ist1_top", 0, (ulong)_harness["xenlet_resume_return"]), iter: 5, threads: 1);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_non_maskable_interrupt_goes_back_to_what_it_hit_with_every_register(ulong inNucleus) => States.Sample(state =>
    {
        Prepare(state, 0);
        _harness.InNucleus = inNucleus;
        _harness.EnterTrap(2, null, "xenlet_ist2_top", (ulong)_harness.Landing, AlwaysSet | HarmlessFlags);

        Assert.Equal((4ul, inNucleus), (_harness.Handler, _harness.HandlerSecondArgument));
        unsafe
        {
            Assert.Equal((ulong)_harness.Nmi.Start, _harness.HandlerArgument);
        }

        Assert.Equal((1ul, 0ul), (_harness.HandlerInNucleus, _harness.HandlerFlags & DirectionFlag));
        Assert.Equal(8ul, _harness.HandlerStack % 16);
        Assert.Equal(state.Entering, _harness.Nmi.General.ToArray());
        Assert.Equal((2ul, (ulong)_harness.Landing, _harness.ProgramStack), (_harness.Nmi.Vector, _harness.Nmi.Rip, _harness.Nmi.Rsp));

        Assert.Equal(state.Entering, _harness.Leaving[..15].ToArray());
        Assert.Equal(state.EnteringXmm, _harness.LeavingXmm.ToArray());
        Assert.Equal((_harness.ProgramStack, AlwaysSet | HarmlessFlags), (_harness.Leaving[15], _harness.Leaving[16]));
        Assert.Equal(inNucleus, _harness.InNucleus);
        Assert.True(_harness.RedZoneIsIntact);
        Assert.All(_harness.Current.General.ToArray(), r => Assert.Equal(0xCCul, r));
    }, iter: 20, threads: 1);

    [Fact]
    public void One_that_hit_the_nucleus_is_reported_before_the_nucleus_is_left() => States.Sample(state =>
    {
        Prepare(state, HarmlessFlags);
        _harness.NmiPending = 1;
        _harness.EnterSystemCall();

        Assert.Equal(5ul, _harness.Handler);
        unsafe
        {
            Assert.Equal((ulong)_harness.Nmi.Start, _harness.HandlerArgument);
        }

        Assert.Equal((ulong)_harness["xenlet_nucleus_stack_top"] - 8, _harness.HandlerStack);
        CheckResumed(state.Leaving, state.LeavingXmm, HarmlessFlags);
    }, iter: 20, threads: 1);

    private void CheckFault(
        (ulong[] Entering, ulong[] Leaving, ulong[] EnteringXmm, ulong[] LeavingXmm) state,
        int vector,
        ulong? error,
        string stack,
        ulong inNucleus,
        ulong rip)
    {
        Prepare(state, 0);
        _harness.InNucleus = inNucleus;
        _harness.EnterTrap(vector, error, stack, rip, 0x246);

        Assert.Equal(3ul, _harness.Handler);
        Assert.Equal(1ul, _harness.HandlerInNucleus);
        Assert.Equal(0ul, _harness.HandlerFlags & DirectionFlag);

        // The panic's backtrace continues through the interrupted code.
        Assert.Equal(state.Entering[Rbp], _harness.HandlerFramePointer);
        Assert.Equal(8ul, _harness.HandlerStack % 16);
        ulong top = (ulong)_harness[stack];
        Assert.InRange(_harness.HandlerStack, top - 128, top - 56);
        CheckTrapFrame(_harness.Fault, state, vector, error, rip);
        Assert.Equal(0xCCul, _harness.Current.Vector);
        Assert.All(_harness.Current.General.ToArray(), r => Assert.Equal(0xCCul, r));
    }

    private void Prepare((ulong[] Entering, ulong[] Leaving, ulong[] EnteringXmm, ulong[] LeavingXmm) state, ulong flags)
    {
        state.Entering.CopyTo(_harness.Entering);
        state.EnteringXmm.CopyTo(_harness.EnteringXmm);
        _harness.InNucleus = 0;
        foreach (FakeFrame frame in (FakeFrame[])[_harness.Current, _harness.Fault])
        {
            frame.General.Fill(0xCC);
            frame.Vector = 0xCC;
            frame.Cr2 = 0xCC;
            frame.FsBase = 0xF5;
            frame.Xmm.Fill(0xCC);
        }

        _harness.Current.Beyond.Fill(0x77);
        FakeFrame next = _harness.Next;
        next.ResetFloatingPoint();
        state.Leaving.CopyTo(next.General);
        state.LeavingXmm.CopyTo(next.Xmm);
        next.Rip = (ulong)_harness.Landing;
        next.Cs = EntryHarness.UserCode;
        next.Ss = EntryHarness.UserData;
        next.Rflags = AlwaysSet | flags;
        next.Rsp = _harness.ProgramStack - 0x100;
        unsafe
        {
            *(ulong*)_harness["xenlet_cpu"] = (ulong)_harness.Current.Start;
        }
    }

    private void CheckHandlerSawTheNucleusReady()
    {
        unsafe
        {
            Assert.Equal((ulong)_harness.Current.Start, _harness.HandlerArgument);
        }

        // A call from the very top of the stack, which has only the return address.
        Assert.Equal((ulong)_harness["xenlet_nucleus_stack_top"] - 8, _harness.HandlerStack);
        Assert.Equal(0ul, _harness.HandlerStack + 8 & 15);
        Assert.Equal(1ul, _harness.HandlerInNucleus);
        Assert.Equal(0ul, _harness.HandlerFlags & DirectionFlag);

        // A backtrace ends at the entry.
        Assert.Equal(0ul, _harness.HandlerFramePointer);
    }

    private void CheckTrapFrame(
        FakeFrame frame,
        (ulong[] Entering, ulong[] Leaving, ulong[] EnteringXmm, ulong[] LeavingXmm) state,
        int vector,
        ulong? error,
        ulong rip = 0x12345)
    {
        Assert.Equal(state.Entering, frame.General.ToArray());
        Assert.Equal((ulong)vector, frame.Vector);
        Assert.Equal(error ?? 0, frame.ErrorCode);
        Assert.Equal(rip, frame.Rip);
        Assert.Equal((EntryHarness.UserCode, EntryHarness.UserData), (frame.Cs, frame.Ss));
        Assert.Equal(0x246ul, frame.Rflags);
        Assert.Equal(_harness.ProgramStack, frame.Rsp);

        // The harness made cr2 zero.
        Assert.Equal(0ul, frame.Cr2);
        CheckSaved(frame, state.EnteringXmm);
    }

    private void CheckSaved(FakeFrame frame, ulong[] xmm)
    {
        Assert.Equal(xmm, frame.Xmm.ToArray());
        Assert.Equal(0xF5ul, frame.FsBase);
        Assert.True(_harness.RedZoneIsIntact);
        if (frame == _harness.Current)
        {
            Assert.Equal(-1, frame.Beyond.IndexOfAnyExcept((byte)0x77));
        }
    }

    private void CheckResumed(ulong[] general, ulong[] xmm, ulong flags)
    {
        Assert.Equal(general, _harness.Leaving[..15].ToArray());
        Assert.Equal(_harness.Next.Rsp, _harness.Leaving[15]);
        Assert.Equal(AlwaysSet | flags, _harness.Leaving[16]);
        Assert.Equal(xmm, _harness.LeavingXmm.ToArray());
        Assert.Equal(0ul, _harness.InNucleus);
        unsafe
        {
            Assert.Equal((ulong)_harness.Next.Start, _harness.CurrentThread);
        }
    }

    // The processor's manuals, not the product's table: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX.
    private static bool PushesErrorCode(int vector) => vector is 8 or 10 or 11 or 12 or 13 or 14 or 17 or 21 or 29 or 30;
}
