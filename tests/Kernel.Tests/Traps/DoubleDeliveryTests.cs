using Xenlet.Kernel.Nucleus;
using Thread = Xenlet.Kernel.Nucleus.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>
/// An interrupt that an emulator delivers a second time, at the first instruction of its own entry: the frame then holds that place, with interrupts off,
/// where the interrupted thread's was.
/// </summary>
public sealed unsafe class DoubleDeliveryTests : NucleusTest
{
    private const ulong InterruptsOff = 0x46, FirstInstructionOfTheEntry = 0x403300;

    [Fact]
    public void While_idle_it_costs_nothing_as_idling_starts_anew()
    {
        Thread* sleeper = Park(SystemCallNumber.Nanosleep, Store([.. BitConverter.GetBytes(1L), .. BitConverter.GetBytes(0L)]));
        Thread* idle = Current;
        Overwrite(idle);

        Trap(Vector.ApicTimer);

        Assert.True(Current == idle);
        Assert.Equal((Image.Idle, Frame.InitialFlags), (idle->Frame.Rip, idle->Frame.Rflags));
        Assert.True(TimerInterrupt(at: 1_000_000_000) == sleeper);
    }

    [Fact]
    public void In_a_thread_it_is_a_panic_that_says_so()
    {
        Overwrite(Current);

        PanicException panic = Assert.Throws<PanicException>(() => Trap(Vector.ApicTimer));

        Assert.Equal($"vector {Vector.ApicTimer} was delivered twice", panic.Message);
    }

    private static void Overwrite(Thread* thread)
    {
        thread->Frame.Rip = FirstInstructionOfTheEntry;
        thread->Frame.Rflags = InterruptsOff;
    }
}
