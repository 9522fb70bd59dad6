using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

public sealed unsafe class FutexTests : NucleusTest
{
    private const ulong Wait = 0;
    private const ulong Wake = 1;
    private const ulong WaitBitset = 9;
    private const ulong WakeBitset = 10;
    private const ulong Private = 128;
    private const ulong RealTime = 256;
    private const ulong MatchAny = 0xffff_ffff;
    private const ulong Everybody = int.MaxValue;

    private readonly ulong _word;

    public FutexTests() => _word = Store([7, 0, 0, 0]);

    [Theory]
    [InlineData(8ul)]
    [InlineData(0xffff_fff7ul)]
    public void A_wait_for_another_value_returns_at_once(ulong expected) =>
        Assert.Equal(-Errno.EAGAIN, Futex(_word, Wait | Private, expected));

    [Fact]
    public void Only_the_low_half_of_the_value_counts()
    {
        Spawn();
        *(ulong*)(_word + 4) = ulong.MaxValue;
        Park(SystemCallNumber.Futex, _word, Wait, 0x1_0000_0007);
    }

    [Theory]
    [InlineData(1ul, 0ul, 7ul, 0ul, 0ul, -Errno.EINVAL)]
    [InlineData(2ul, 1ul, 1ul, 0ul, 0ul, -Errno.EINVAL)]
    [InlineData(0ul, 9ul, 7ul, 0ul, 0ul, -Errno.EINVAL)]
    [InlineData(0ul, 10ul, 7ul, 0ul, 0ul, -Errno.EINVAL)]
    [InlineData(0ul, 3ul, 1ul, 0ul, 0ul, -Errno.ENOSYS)]
    [InlineData(0ul, 6ul, 1ul, 0ul, 0ul, -Errno.ENOSYS)]
    [InlineData(0ul, 0ul, 7ul, 8ul, 0ul, -Errno.EFAULT)]
    [InlineData(0x10_0000ul, 0ul, 0ul, 0ul, 0ul, -Errno.EFAULT)]
    [InlineData(0x10_0000ul, 1ul, 1ul, 0ul, 0ul, 0)]
    public void Bad_arguments_are_refused(ulong offset, ulong operation, ulong value, ulong timeout, ulong bitset, long error) =>
        Assert.Equal(error, Futex(_word + offset, operation, value, timeout, bitset));

    [Fact]
    public void Waiters_wake_in_the_order_they_came_and_only_so_many()
    {
        Thread*[] threads = [Current, Spawn(), Spawn(), Spawn(), Spawn()];
        for (int i = 0; i < 4; i++)
        {
            Park(SystemCallNumber.Futex, _word, Wait | Private, 7);
        }

        Assert.True(Current == threads[4]);
        Assert.Equal(0, Futex(_word, Wake, 0));
        Assert.Equal(2, Futex(_word, Wake | Private, 2));
        Assert.Equal(2, Futex(_word, Wake, Everybody));
        Assert.Equal(0, Futex(_word, Wake, Everybody));

        for (int i = 0; i < 4; i++)
        {
            Assert.True(Enter(SystemCallNumber.SchedYield) == &threads[i]->Frame);
            Assert.Equal(0ul, threads[i]->Frame.Rax);
        }
    }

    [Fact]
    public void Bits_choose_who_wakes()
    {
        Thread*[] threads = [Current, Spawn(), Spawn(), Spawn()];
        Park(SystemCallNumber.Futex, _word, WaitBitset, 7, 0, 0, 0x1);
        Park(SystemCallNumber.Futex, _word, WaitBitset, 7, 0, 0, 0x6);
        Park(SystemCallNumber.Futex, _word, Wait, 7);

        Assert.Equal(0, Futex(_word, WakeBitset, 0, 0, MatchAny));
        Assert.Equal(2, Futex(_word, WakeBitset, Everybody, 0, 0x4));
        Assert.True(Enter(SystemCallNumber.SchedYield) == &threads[1]->Frame);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &threads[2]->Frame);
        Assert.True(Enter(SystemCallNumber.SchedYield) == &threads[3]->Frame);
        Assert.Equal(1, Futex(_word, WakeBitset, Everybody, 0, 0x8000_0001));
    }

    /// <summary>4096 words share 64 lists; a wake finds only the waiters of its own.</summary>
    [Fact]
    public void Words_that_share_a_list_do_not_wake_each_others_waiters()
    {
        ulong words = Store([]);
        Assert.Equal(32, Enumerable.Range(0, 32).Select(_ => (nint)Spawn()).Distinct().Count());
        Thread*[] parked = new Thread*[32];
        for (ulong i = 0; i < 32; i++)
        {
            parked[i] = Park(SystemCallNumber.Futex, words + (i * 64), Wait, 0);
        }

        for (ulong i = 0; i < 32; i++)
        {
            // Every other word of the page shares a list with some waiter.
            for (ulong other = words + (i * 64) + 4; other < words + (i * 64) + 64; other += 4)
            {
                Assert.Equal(0, Nucleus.Linux.Threads.Futex.Wake(other, int.MaxValue, uint.MaxValue));
            }
        }

        foreach (ulong i in new ulong[] { 31, 0, 16, 1, 30, 2 })
        {
            Assert.Equal(1, Nucleus.Linux.Threads.Futex.Wake(words + (i * 64), int.MaxValue, uint.MaxValue));
            Assert.True(parked[i]->Wait == WaitKind.None);
            Assert.Equal(0, Nucleus.Linux.Threads.Futex.Wake(words + (i * 64), int.MaxValue, uint.MaxValue));
        }
    }

    [Theory]
    [InlineData(Wait, 1_000ul, 5_000ul + 1_000ul)]
    [InlineData(WaitBitset, 9_000ul, 9_000ul)]
    [InlineData(WaitBitset | RealTime, (BootUnixTime * 1_000_000_000) + 9_000ul, 9_000ul)]
    public void A_time_limit_is_relative_or_absolute_on_either_clock(ulong operation, ulong nanoseconds, ulong deadline)
    {
        Now = 5_000;
        Thread* second = Spawn();
        ulong time = Time(nanoseconds);
        Thread* waiter = Park(SystemCallNumber.Futex, _word, operation, 7, time, 0, MatchAny);

        Assert.True(TimerInterrupt(deadline - 1) == second);
        Assert.True(TimerInterrupt(deadline) == waiter);

        Assert.Equal(-Errno.ETIMEDOUT, (long)waiter->Frame.Rax);
        Assert.Equal(0, Futex(_word, Wake, Everybody));
    }

    [Fact]
    public void A_time_limit_that_has_passed_ends_the_wait_in_the_same_call()
    {
        Now = 5_000;
        Assert.Equal(-Errno.ETIMEDOUT, Futex(_word, WaitBitset, 7, Time(4_000), MatchAny));
        Assert.Equal(-Errno.EAGAIN, Futex(_word, WaitBitset, 8, Time(4_000), MatchAny));
    }

    [Fact]
    public void A_waiter_that_was_woken_has_no_time_limit_any_more()
    {
        Spawn();
        Thread* waiter = Park(SystemCallNumber.Futex, _word, Wait, 7, Time(1_000));
        Assert.Equal(1, Futex(_word, Wake, 1));
        Assert.True(Enter(SystemCallNumber.SchedYield) == &waiter->Frame);

        Assert.Equal(ulong.MaxValue, Deadlines.Earliest);
        Now = 2_000;
        Assert.Equal(0, Futex(_word, Wake, 1));
    }

    private static long Futex(ulong address, ulong operation, ulong value, ulong timeout = 0, ulong bitset = 0) =>
        Call(SystemCallNumber.Futex, address, operation, value, timeout, 0, bitset);

    private static ulong Time(ulong nanoseconds)
    {
        ulong address = Store([]);
        ((ulong*)address)[0] = nanoseconds / 1_000_000_000;
        ((ulong*)address)[1] = nanoseconds % 1_000_000_000;
        return address;
    }
}
