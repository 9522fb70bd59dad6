using CsCheck;
using Clock = Xenlet.Kernel.Nucleus.Platform.Clock;

namespace Xenlet.Kernel.Tests;

/// <summary>The clocks without Xen, and struct timespec.</summary>
public sealed unsafe class TimeTests : NucleusTest
{
    private const ulong Second = 1_000_000_000;

    [Theory]
    [InlineData(0, 0, 0, 0ul)]
    [InlineData(1, 5, 0, Second + 5)]
    [InlineData(0, 999_999_999, 0, Second - 1)]
    [InlineData(0, 1_000_000_000, -Errno.EINVAL, 0ul)]
    [InlineData(0, -1, -Errno.EINVAL, 0ul)]
    [InlineData(-1, 0, -Errno.EINVAL, 0ul)]
    [InlineData(long.MinValue, long.MinValue, -Errno.EINVAL, 0ul)]
    [InlineData(18_446_744_072, 999_999_999, 0, 18_446_744_072_999_999_999ul)]
    [InlineData(18_446_744_073, 0, 0, ulong.MaxValue)]
    [InlineData(18_446_744_073, 999_999_999, 0, ulong.MaxValue)]
    [InlineData(long.MaxValue, 999_999_999, 0, ulong.MaxValue)]
    public void A_time_is_read_as_nanoseconds(long seconds, long fraction, long error, ulong nanoseconds)
    {
        ulong address = Store([]);
        ((long*)address)[0] = seconds;
        ((long*)address)[1] = fraction;

        Assert.Equal(error, TimeSpec.Read(address, out ulong result));
        Assert.Equal(nanoseconds, result);
    }

    [Fact]
    public void A_time_that_was_written_reads_the_same()
    {
        ulong address = Store([]);
        Gen.ULong[0, 18_446_744_072_999_999_999].Sample(
            nanoseconds =>
            {
                Assert.Equal(0, TimeSpec.Write(address, nanoseconds));
                Assert.InRange(((ulong*)address)[1], 0ul, Second - 1);
                Assert.Equal(0, TimeSpec.Read(address, out ulong result));
                Assert.Equal(nanoseconds, result);
            },
            threads: 1);
    }

    [Fact]
    public void A_time_that_is_not_the_programs_is_a_fault()
    {
        Assert.Equal(-Errno.EFAULT, TimeSpec.Read(0x1000, out _));
        Assert.Equal(-Errno.EFAULT, TimeSpec.Write(Allocate(1) + 4096 - 8, 1));
    }

    [Fact]
    public void The_clock_never_goes_back()
    {
        Now = 5 * Second;
        Assert.Equal(5 * Second, Clock.Now());
        Now = 4 * Second;
        Assert.Equal(5 * Second, Clock.Now());
        Now = (5 * Second) + 1;
        Assert.Equal((5 * Second) + 1, Clock.Now());
    }

    /// <summary>The two halves of the product join without a gap, for a hundred years.</summary>
    [Theory]
    [InlineData(0xffff_fffful)]
    [InlineData(0x1_0000_0000ul)]
    [InlineData(0x1234_5678_9abcul)]
    [InlineData(3_155_760_000ul * Second)]
    public void Long_times_are_exact_at_one_tick_a_nanosecond(ulong nanoseconds)
    {
        Now = nanoseconds;
        Assert.Equal(nanoseconds, Clock.Now());
    }

    [Theory]
    [InlineData(0ul, 7ul)]
    [InlineData(100ul, 107ul)]
    [InlineData(ulong.MaxValue - 7, ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 6, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    public void A_while_from_now_may_be_for_ever(ulong nanoseconds, ulong deadline)
    {
        Now = 7;
        Assert.Equal(deadline, Clock.After(nanoseconds));
    }

    [Theory]
    [InlineData(BootUnixTime * Second, 0ul)]
    [InlineData((BootUnixTime * Second) + 1, 1ul)]
    [InlineData((BootUnixTime * Second) - 1, 0ul)]
    [InlineData(0ul, 0ul)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    public void A_date_becomes_a_monotonic_time(ulong realTime, ulong monotonic) => Assert.Equal(monotonic, Clock.FromRealTime(realTime));

    [Theory]
    [InlineData(0, BootUnixTime + 3)]
    [InlineData(1, 3ul)]
    [InlineData(4, 3ul)]
    [InlineData(5, BootUnixTime + 3)]
    [InlineData(6, 3ul)]
    [InlineData(7, 3ul)]
    public void Each_clock_tells_its_time(int clock, ulong seconds)
    {
        ulong address = Store([]);
        Now = (3 * Second) + 42;

        Assert.Equal(0, Call(SystemCallNumber.ClockGettime, (ulong)clock, address));

        Assert.Equal((seconds, 42ul), (((ulong*)address)[0], ((ulong*)address)[1]));
        Assert.Equal(0, Call(SystemCallNumber.ClockGetres, (ulong)clock, address));
        Assert.Equal((0ul, 1ul), (((ulong*)address)[0], ((ulong*)address)[1]));
    }

    [Theory]
    [InlineData(SystemCallNumber.ClockGettime, 8ul)]
    [InlineData(SystemCallNumber.ClockGettime, ulong.MaxValue)]
    [InlineData(SystemCallNumber.ClockGetres, 8ul)]
    [InlineData(SystemCallNumber.ClockGetres, ulong.MaxValue)]
    [InlineData(SystemCallNumber.ClockNanosleep, ulong.MaxValue)]
    [InlineData(SystemCallNumber.ClockNanosleep, 99ul)]
    public void A_clock_that_does_not_exist_is_refused(int call, ulong clock) =>
        Assert.Equal(-Errno.EINVAL, Call(call, clock, 0, Store([])));

    /// <summary>As on Linux: a thread can sleep only by a clock that a timer can follow.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, -Errno.EOPNOTSUPP)]
    [InlineData(4, -Errno.EOPNOTSUPP)]
    [InlineData(7, 0)]
    public void Not_every_clock_can_be_slept_by(int clock, long result) =>
        Assert.Equal(result, Call(SystemCallNumber.ClockNanosleep, (ulong)clock, 0, Store([])));

    [Theory]
    [InlineData(0ul, 0ul, 2_000ul, 5_000ul + 2_000ul)]
    [InlineData(1ul, 1ul, 6_000ul, 6_000ul)]
    [InlineData(0ul, 1ul, 6_000ul, 6_000ul)]
    public void A_sleep_is_for_a_while_or_until_a_time(ulong clock, ulong flags, ulong nanoseconds, ulong wakesAt)
    {
        Now = 5_000;
        ulong time = Store([]);
        ulong start = clock == 0 && flags == 1 ? BootUnixTime : 0;
        ((ulong*)time)[0] = start;
        ((ulong*)time)[1] = nanoseconds;

        Nucleus.Threads.Thread* sleeper = Park(SystemCallNumber.ClockNanosleep, clock, flags, time);

        Assert.Equal(wakesAt, Deadlines.Earliest);
        Assert.True(TimerInterrupt(wakesAt) == sleeper);
        Assert.Equal(0ul, sleeper->Frame.Rax);
    }

    [Fact]
    public void The_time_of_day_is_stored_in_microseconds_and_its_zone_is_none()
    {
        ulong address = Store(new byte[16]);
        ulong zone = Store([1, 2, 3, 4, 5, 6, 7, 8]);
        Now = Second + 5_999;
        Assert.Equal(0, Call(SystemCallNumber.Gettimeofday, address, zone));
        Assert.Equal((BootUnixTime + 1, 5ul, 0ul), (*(ulong*)address, *(ulong*)(address + 8), *(ulong*)zone));
        Assert.Equal(0, Call(SystemCallNumber.Gettimeofday, 0, 0));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Gettimeofday, 0x1000, 0));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Gettimeofday, 0, 0x1000));
    }

    [Fact]
    public void The_seconds_are_returned_and_stored()
    {
        ulong address = Store([]);
        Now = Second;
        Assert.Equal((long)BootUnixTime + 1, Call(SystemCallNumber.Time, address));
        Assert.Equal(BootUnixTime + 1, *(ulong*)address);
        Assert.Equal((long)BootUnixTime + 1, Call(SystemCallNumber.Time, 0));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Time, 0x1000));
    }

    [Theory]
    [InlineData(1970, 2199)]
    public void Days_are_counted_as_the_calendar_does(int first, int last)
    {
        for (DateTime day = new(first, 1, 1, 0, 0, 0, DateTimeKind.Utc); day.Year <= last; day = day.AddDays(1))
        {
            Assert.Equal((ulong)(day - DateTime.UnixEpoch).TotalDays, CmosClock.UnixDays((uint)day.Year, (uint)day.Month, (uint)day.Day));
        }
    }

    /// <summary>Status register B: bit 2 binary, bit 1 twenty-four hours (MC146818 data sheet).</summary>
    [Theory]
    [InlineData(2, 0x24, 0x02, 0x29, 0x23, 0x34, 0x56, "2024-02-29T23:34:56Z")]
    [InlineData(6, 24, 2, 29, 23, 34, 56, "2024-02-29T23:34:56Z")]
    [InlineData(0, 0x24, 0x12, 0x31, 0x91, 0x59, 0x59, "2024-12-31T23:59:59Z")]
    [InlineData(0, 0x99, 0x01, 0x01, 0x12, 0x00, 0x00, "2099-01-01T00:00:00Z")]
    [InlineData(0, 0x00, 0x03, 0x01, 0x92, 0x00, 0x01, "2000-03-01T12:00:01Z")]
    [InlineData(4, 25, 11, 22, 0x81, 5, 6, "2025-11-22T13:05:06Z")]
    public void The_battery_clock_is_read_in_all_its_forms(
        byte mode, byte year, byte month, byte day, byte hour, byte minute, byte second, string date)
    {
        Machine.PortInput = (_, _) => (byte)Machine.PortOutput[^1].Value switch
        {
            0 => second,
            2 => minute,
            4 => hour,
            7 => day,
            8 => month,
            9 => year,
            0x0b => mode,
            _ => 0u,
        };

        DateTimeOffset expected = DateTimeOffset.Parse(date, System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal((ulong)expected.ToUnixTimeSeconds(), CmosClock.UnixTime());
    }

    [Fact]
    public void A_battery_clock_that_is_being_updated_is_read_again()
    {
        int reads = 0;
        Machine.PortInput = (_, _) => (byte)Machine.PortOutput[^1].Value switch
        {
            0 => reads++ < 3 ? 0x10u + (uint)reads : 0x30u,
            7 or 8 => 1u,
            0x0a => reads < 6 ? 0x80u : 0,
            0x0b => 2u,
            _ => 0u,
        };

        Assert.Equal(946_684_800ul + 30, CmosClock.UnixTime());
        Assert.InRange(reads, 7, 12);
    }
}
