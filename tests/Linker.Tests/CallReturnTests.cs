using CsCheck;
using Iced.Intel;

namespace Xenlet.Linker.Tests;

/// <summary>The short way back from a system call, run on the processor, and what running it cannot show.</summary>
public sealed class CallReturnTests : IDisposable
{
    // What a program may change in rflags without upsetting the test's host: carry, parity, zero, sign, overflow.
    private const ulong HarmlessFlags = 0x8C5, AlwaysSet = 0x202;
    private const int R11 = 6, Rcx = 11;
    private readonly EntryHarness _harness = new();

    private static Gen<(ulong[] General, ulong[] Xmm, bool HasFlags)> States { get; } =
        Gen.Select(Gen.ULong.Array[15], Gen.ULong.Array[32], Gen.Bool);

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void It_loads_every_register_but_the_two_that_syscall_has_overwritten() => States.Sample(state =>
    {
        FakeFrame next = Prepare(state);
        next.ErrorCode = ulong.MaxValue;
        _harness.EnteringControl = (0x7F80, 0x0F7F);

        _harness.EnterSystemCall();

        ulong[] expected = [.. state.General];
        (expected[Rcx], expected[R11]) = (next.Rip, next.Rsp);
        Assert.Equal(expected, _harness.Leaving[..15].ToArray());
        Assert.Equal((next.Rsp, next.Rflags), (_harness.Leaving[15], _harness.Leaving[16]));
        Assert.Equal(state.Xmm, _harness.LeavingXmm.ToArray());
        Assert.Equal(_harness.EnteringControl, _harness.LeavingControl);
        Assert.True(_harness.RedZoneIsIntact);
        Assert.Equal(0ul, _harness.InNucleus);
        unsafe
        {
            Assert.Equal((ulong)next.Start, _harness.CurrentThread);
        }
    }, iter: 200, threads: 1);

    /// <summary>The frame of an exception, of another thread, or one that a handler's return has filled.</summary>
    [Theory]
    [InlineData(0ul, true)]
    [InlineData(0xE0ul, true)]
    [InlineData(uint.MaxValue, true)]
    [InlineData(ulong.MaxValue, false)]
    public void A_frame_that_is_not_the_calls_own_is_loaded_whole(ulong errorCode, bool keepsFloatingPointLive) => States.Sample(state =>
    {
        FakeFrame next = Prepare(state);
        next.ErrorCode = errorCode;
        _harness.KeepsFloatingPointLive = keepsFloatingPointLive;

        _harness.EnterSystemCall();

        Assert.Equal(state.General, _harness.Leaving[..15].ToArray());
        Assert.Equal((next.Rsp, next.Rflags), (_harness.Leaving[15], _harness.Leaving[16]));
        Assert.Equal(state.Xmm, _harness.LeavingXmm.ToArray());
    }, iter: 20, threads: 1);

    [Fact]
    public void A_non_maskable_interrupt_that_waits_is_reported_before() => States.Sample(state =>
    {
        FakeFrame next = Prepare(state);
        next.ErrorCode = ulong.MaxValue;
        _harness.NmiPending = 1;

        _harness.EnterSystemCall();

        Assert.Equal(5ul, _harness.Handler);
        Assert.Equal(next.Rsp, _harness.Leaving[15]);
    }, iter: 20, threads: 1);

    /// <summary>On the host a single step would end the test.</summary>
    [Fact]
    public void A_program_that_is_stepped_through_goes_the_long_way()
    {
        Block block = Stubs.All["xenlet_call_return"];
        List<Instruction> instructions = Stubs.Decode(block);
        int test = instructions.FindIndex(i => i.Mnemonic == Mnemonic.Test);
        Assert.Equal((0x98ul, 0x100u), (instructions[test].MemoryDisplacement64, instructions[test].Immediate32));
        Assert.Equal(Mnemonic.Jne, instructions[test + 1].Mnemonic);
        Assert.Equal("xenlet_resume", Stubs.Target(block, instructions[test + 1]));
    }

    [Fact]
    public void Behind_the_look_for_a_pending_non_maskable_interrupt_only_registers_and_two_words_of_the_processor_change()
    {
        List<Instruction> instructions = Stubs.Decode("xenlet_call_return");
        int first = instructions.FindIndex(i => i.IP == Symbol("checked"));
        Assert.Equal((Mnemonic.Cmp, 32ul), (instructions[first - 2].Mnemonic, instructions[first - 2].MemoryDisplacement64));
        Assert.Equal(Mnemonic.Jne, instructions[first - 1].Mnemonic);
        IEnumerable<Instruction> stores =
            instructions[first..].Where(i => i.Op0Kind == OpKind.Memory && i.Mnemonic == Mnemonic.Mov);
        Assert.Equal([0ul, 16ul], stores.Select(i => i.MemoryDisplacement64));
    }

    /// <summary>What the nucleus completes for an interrupt that comes between them are these two instructions, and no other.</summary>
    [Fact]
    public void Interrupts_open_when_all_is_loaded_but_rsp_and_rip()
    {
        List<Instruction> instructions = Stubs.Decode("xenlet_call_return");
        Instruction[] last = [.. instructions[^4..]];
        Assert.Equal([Mnemonic.Mov, Mnemonic.Popfq, Mnemonic.Mov, Mnemonic.Jmp], last.Select(i => i.Mnemonic));
        Assert.Equal((16ul, 0u), (last[0].MemoryDisplacement64, last[0].Immediate32));
        Assert.Equal((Register.RSP, Register.R11), (last[2].Op0Register, last[2].Op1Register));
        Assert.Equal(Register.RCX, last[3].Op0Register);
        Assert.Equal((Symbol("stack"), Symbol("jump")), (last[2].IP, last[3].IP));
        Assert.DoesNotContain(instructions, i => i.Mnemonic == Mnemonic.Sti);
    }

    private FakeFrame Prepare((ulong[] General, ulong[] Xmm, bool HasFlags) state)
    {
        FakeFrame next = _harness.Next;
        next.ResetFloatingPoint();
        state.General.CopyTo(next.General);
        state.Xmm.CopyTo(next.Xmm);
        next.Rip = (ulong)_harness.Landing;
        next.Cs = EntryHarness.UserCode;
        next.Ss = EntryHarness.UserData;
        next.Rflags = AlwaysSet | (state.HasFlags ? HarmlessFlags : 0);
        next.Rsp = _harness.ProgramStack - 0x100;
        _harness.InNucleus = 0;
        unsafe
        {
            *(ulong*)_harness["xenlet_cpu"] = (ulong)_harness.Current.Start;
        }

        return next;
    }

    private static ulong Symbol(string name) =>
        (ulong)Stubs.All["xenlet_call_return"].InnerSymbols.Single(s => s.Name == $"xenlet_call_return_{name}").Offset;
}
