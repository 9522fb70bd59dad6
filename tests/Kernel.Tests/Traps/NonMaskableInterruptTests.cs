using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests.Traps;

/// <summary>The nucleus's report when the administrator sends a non-maskable interrupt.</summary>
public sealed unsafe class NonMaskableInterruptTests : NucleusTest
{
    private const ulong SomewhereInTheNucleus = 0x20_0500;

    public NonMaskableInterruptTests() => Image.Cpu->NmiPending = 0;

    [Fact]
    public void One_that_hits_the_program_writes_registers_every_thread_with_its_calls_and_memory_by_owner()
    {
        Thread* first = Current;
        "worker\x1b"u8.CopyTo(new Span<byte>(first->Name, 16));
        Thread* second = Spawn();
        second->Frame.Rip = 0x5000_0002;
        Park(SystemCallNumber.Futex, Store([]), 0, 0);
        first->Frame.Rip = 0x5000_0001;
        Assert.True(Current == second);
        Frame hit = new() { Rip = 0x5000_0003, Rsi = 0x1234, Vector = Vector.Nmi };

        NonMaskableInterrupt.OnNmi(&hit, inNucleus: 0);

        string[] lines = KernelLog.Text.Split('\n');
        Assert.Equal($"xenlet: non-maskable interrupt in thread {second->Id}: ready, 0 ms of processor time", lines[0]);
        Assert.Contains(lines, line => line.Contains("rsi 0x0000000000001234", StringComparison.Ordinal));
        int other = Array.IndexOf(lines, $"xenlet: thread {first->Id} (worker\\x1b): waits for a futex, 0 ms of processor time");
        Assert.True(other > 0, KernelLog.Text);
        Assert.Equal("  at 0x0000000050000001", lines[other + 1]);
        Assert.Equal("  at 0x0000000050000003", lines[other - 1]);
        Assert.DoesNotContain("0x0000000050000002", KernelLog.Text, StringComparison.Ordinal);
        Assert.Contains(
            lines, line => line.StartsWith($"xenlet: memory in KiB: total {MemoryMap.TotalPages * 4}, image ", StringComparison.Ordinal));
    }

    [Fact]
    public void One_that_hits_the_nucleus_is_written_when_the_nucleus_is_left_and_shows_every_threads_own_calls()
    {
        Current->Frame.Rip = 0x5000_0001;
        Frame hit = new() { Rip = SomewhereInTheNucleus, Vector = Vector.Nmi };

        NonMaskableInterrupt.OnNmi(&hit, inNucleus: 1);
        Assert.Equal((1ul, ""), (Image.Cpu->NmiPending, KernelLog.Text));

        NonMaskableInterrupt.OnPending(&hit);
        Assert.Equal(0ul, Image.Cpu->NmiPending);
        Assert.StartsWith("xenlet: non-maskable interrupt in the nucleus\n", KernelLog.Text, StringComparison.Ordinal);
        Assert.Contains("  at 0x0000000000200500", KernelLog.Text, StringComparison.Ordinal);
        Assert.Contains("  at 0x0000000050000001", KernelLog.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Image.ResumeChecked)]
    [InlineData(Image.ResumeReturn)]
    [InlineData(Image.CallReturnChecked)]
    [InlineData(Image.CallReturnStack - 1)]
    public void One_that_hits_the_last_instructions_of_the_nucleus_is_written_at_once_since_nobody_would_look_again(ulong address)
    {
        Frame hit = new() { Rip = address, Vector = Vector.Nmi };
        NonMaskableInterrupt.OnNmi(&hit, inNucleus: 1);
        Assert.Equal(0ul, Image.Cpu->NmiPending);
        Assert.StartsWith("xenlet: non-maskable interrupt in the nucleus\n", KernelLog.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SomewhereInTheNucleus)]
    [InlineData(Image.ResumeChecked - 1)]
    [InlineData(Image.ResumeReturn + 1)]
    [InlineData(Image.CallReturnChecked - 1)]
    [InlineData(Image.CallReturnStack)]
    public void A_second_one_that_finds_the_nucleus_not_left_since_the_first_is_a_panic(ulong address)
    {
        Frame hit = new() { Rip = address, Vector = Vector.Nmi };
        NonMaskableInterrupt.OnNmi(&hit, inNucleus: 1);
        Assert.Equal("", KernelLog.Text);

        PanicException panic = Assert.Throws<PanicException>(() =>
        {
            Frame second = new() { Rip = address, Vector = Vector.Nmi };
            NonMaskableInterrupt.OnNmi(&second, inNucleus: 1);
        });
        Assert.Equal("vector 2 in the nucleus", panic.Message);
    }
}
