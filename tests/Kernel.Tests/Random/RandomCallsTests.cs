using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>getrandom and reads of /dev/urandom: what is asked, no more, and never long without a pause.</summary>
public sealed unsafe class RandomCallsTests : NucleusTest
{
    private const ulong Part = RandomCalls.PartSize;
    private const ulong Instruction = 0x40_0000;
    private const int Usr1 = 10;

    private readonly ulong _buffer;

    public RandomCallsTests()
    {
        Machine.RandomNumber = RandomSource.Sequence(1);
        RandomSource.Describe(hasRandom: true, hasSeed: false);
        RandomNumbers.Seed();
        _buffer = (ulong)MemoryCalls.Map(0, 40 * Pages.Size, 3, 0x22, -1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(100)]
    [InlineData((int)Part)]
    public void A_small_request_is_filled_at_once_and_nothing_behind_it(int count)
    {
        Assert.Equal(count, Call(SystemCallNumber.Getrandom, _buffer, (ulong)count));

        Assert.Equal(0, ProgramMemory.PrepareWrite(_buffer, Part + 64));
        Assert.True(count < 8 || Load(_buffer, count).Distinct().Count() > 4);
        Assert.Equal(new byte[64], Load(_buffer + (ulong)count, 64));
    }

    [Theory]
    [InlineData(SystemCallNumber.Getrandom)]
    [InlineData(SystemCallNumber.Read)]
    public void A_large_one_is_made_in_parts_between_which_others_run(int number)
    {
        ulong descriptor = (ulong)Call(SystemCallNumber.Open, Store("/dev/urandom\0"u8), 0);
        ulong[] arguments = number == SystemCallNumber.Read ? [descriptor, _buffer, (2 * Part) + 10] : [_buffer, (2 * Part) + 10, 0];
        Thread* caller = Current;
        Thread* other = Spawn();

        MakeCall(number, arguments);
        Assert.Equal((Instruction, (ulong)number), (caller->Frame.Rip, caller->Frame.Rax));
        Assert.Equal(0, ProgramMemory.PrepareRead(_buffer, 3 * Part));
        Assert.NotEqual(new byte[64], Load(_buffer + Part - 64, 64));
        Assert.Equal(new byte[64], Load(_buffer + Part, 64));

        // The end of its time slice comes between two parts.
        Assert.True(TimerInterrupt(at: 20_000_000) == other);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &caller->Frame);

        MakeCall(number, arguments);
        Assert.Equal((Instruction, (ulong)number), (caller->Frame.Rip, caller->Frame.Rax));
        MakeCall(number, arguments);
        Assert.Equal((Instruction + 2, (2 * Part) + 10), (caller->Frame.Rip, caller->Frame.Rax));
        Assert.NotEqual(new byte[10], Load(_buffer + (2 * Part), 10));
        Assert.Equal(new byte[64], Load(_buffer + (2 * Part) + 10, 64));
    }

    [Fact]
    public void A_signal_between_two_parts_ends_the_call_with_what_it_has_and_the_handler_can_make_one()
    {
        ulong stack = Allocate(4);
        Current->Frame.Rsp = stack + (3 * Pages.Size);
        SignalDelivery.Action(Usr1)->sa_handler = 0x41_0000;
        MakeCall(SystemCallNumber.Getrandom, _buffer, 4 * Part, 0);
        MakeCall(SystemCallNumber.Getrandom, _buffer, 4 * Part, 0);
        SignalDelivery.SendToThread(Current, Usr1);

        Trap(Vector.ApicTimer);

        Assert.Equal(0x41_0000ul, Current->Frame.Rip);
        rt_sigframe* frame = (rt_sigframe*)(Current->Frame.Rsp);
        Assert.Equal((Instruction + 2, 2 * Part), (frame->uc.uc_mcontext.ip, frame->uc.uc_mcontext.ax));
        Assert.Equal(8, Call(SystemCallNumber.Getrandom, _buffer, 8, 0));
    }

    [Fact]
    public void A_buffer_that_ends_early_is_filled_as_far_as_it_goes_and_one_that_never_was_is_an_error()
    {
        Assert.Equal(0, MemoryCalls.Unmap(_buffer + Part, 40 * Pages.Size - Part));
        MakeCall(SystemCallNumber.Getrandom, _buffer, 2 * Part, 0);

        MakeCall(SystemCallNumber.Getrandom, _buffer, 2 * Part, 0);

        Assert.Equal((Instruction + 2, Part), (Current->Frame.Rip, Current->Frame.Rax));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Getrandom, _buffer + Part, 8, 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_read_keeps_the_file_that_it_began_with_whatever_another_thread_does_to_the_descriptor(bool isReplaced)
    {
        ulong descriptor = (ulong)Call(SystemCallNumber.Open, Store("/dev/urandom\0"u8), 0);
        MakeCall(SystemCallNumber.Read, descriptor, _buffer, 2 * Part);
        Assert.Equal(0, FileTable.Close(null, (int)descriptor));
        if (isReplaced)
        {
            Assert.Equal((long)descriptor, OpenCalls.Open(Current, PathWalk.AT_FDCWD, Store("/etc/passwd\0"u8), 0, 0));
        }

        MakeCall(SystemCallNumber.Read, descriptor, _buffer, 2 * Part);

        Assert.Equal((Instruction + 2, 2 * Part), (Current->Frame.Rip, Current->Frame.Rax));
        Assert.Equal(64, Call(SystemCallNumber.Getrandom, _buffer + (4 * Part), 64));
        Assert.Equal(0, ProgramMemory.PrepareRead(_buffer + (4 * Part), 64));
        Assert.NotEqual(new byte[64], Load(_buffer + (4 * Part), 64));
    }

    /// <summary>Makes the call as the processor does: the frame has the address behind the instruction.</summary>
    private static void MakeCall(int number, params ulong[] arguments)
    {
        Thread* caller = Current;
        caller->Frame.Rip = Instruction + 2;
        Assert.True(Enter(number, arguments) == &caller->Frame, "another thread was resumed");
    }
}
