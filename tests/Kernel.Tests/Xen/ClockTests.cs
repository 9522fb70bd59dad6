using System.Runtime.InteropServices;
using CsCheck;
using Xenlet.Tests.SharedMemory;

namespace Xenlet.Kernel.Tests.Xen;

public sealed unsafe class ClockTests : XenTest, IDisposable
{
    private readonly shared_info* _shared = (shared_info*)NativeMemory.AllocZeroed((nuint)sizeof(shared_info));
    private ulong _counter;

    public ClockTests()
    {
        Machine.TimeStampCounter = () => _counter;
        PvClock.Initialise(_shared);
    }

    public void Dispose()
    {
        Machine.Reset();
        NativeMemory.Free(_shared);
    }

    /// <summary>Worked by hand: count * 2^shift * multiplier / 2^32, rounded down.</summary>
    [Theory]
    [InlineData(0, 0x80000000, 1, 0)]
    [InlineData(1_000, 0x80000000, 1, 1_000)]
    [InlineData(4_000_000_000, 0x80000000, -1, 1_000_000_000)]
    [InlineData(2_500_000_000, 1_717_986_918, 0, 999_999_999)]
    [InlineData(3, 0x80000000, -1, 0)]
    [InlineData(0xffffffff, 0xffffffff, 0, 0xfffffffe)]
    [InlineData(0x8000000000000000, 0xffffffff, 0, 0x7fffffff80000000)]
    [InlineData(0xffffffffffffffff, 0xffffffff, 0, 0xfffffffeffffffff)]
    public void Counts_become_nanoseconds(ulong count, uint multiplier, sbyte shift, ulong nanoseconds) =>
        Assert.Equal(nanoseconds, PvClock.Scale(count, multiplier, shift));

    [Fact]
    public void Any_rate_gives_what_wide_arithmetic_gives() =>
        Gen.Select(Gen.ULong, Gen.UInt, Gen.Int[-31, 31]).Sample((count, multiplier, shift) =>
        {
            ulong shifted = shift < 0 ? count >> -shift : count << shift;
            Assert.Equal((ulong)(((UInt128)shifted * multiplier) >> 32), PvClock.Scale(count, multiplier, (sbyte)shift));
        });

    [Fact]
    public void System_time_is_the_records_time_and_what_the_counter_went_on()
    {
        SetRecord(version: 2, timestamp: 1_000, systemTime: 5_000_000);
        _counter = 1_700;

        Assert.Equal(5_000_700ul, PvClock.SystemTime());
        Assert.Equal(5_000_700ul, PvClock.Now());
    }

    [Fact]
    public void A_counter_behind_the_record_counts_as_no_time()
    {
        SetRecord(version: 2, timestamp: 1_000, systemTime: 5_000_000);
        _counter = 999;

        Assert.Equal(5_000_000ul, PvClock.Now());
    }

    [Fact]
    public void A_record_that_is_being_written_is_waited_for()
    {
        SetRecord(version: 3, timestamp: 0, systemTime: 111);
        int pauses = 0;
        Machine.OnPause = () =>
        {
            if (++pauses == 5)
            {
                SetRecord(version: 4, timestamp: 0, systemTime: 222);
            }
        };

        Assert.Equal(222ul, PvClock.Now());
        Assert.Equal(5, pauses);
    }

    [Fact]
    public void A_record_that_changed_while_it_was_read_is_read_again()
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 111);
        int reads = 0;
        Machine.TimeStampCounter = () =>
        {
            if (reads++ == 0)
            {
                SetRecord(version: 4, timestamp: 0, systemTime: 222);
            }

            return 0;
        };

        Assert.Equal(222ul, PvClock.Now());
        Assert.Equal(2, reads);
    }

    [Fact]
    public void A_record_that_is_never_complete_is_a_panic()
    {
        SetRecord(version: 1, timestamp: 0, systemTime: 0);

        Assert.Throws<PanicException>(() => PvClock.Now());
    }

    /// <summary>
    /// Xen's stores of a new record come before any of the reads, in every way that their order allows: a reading gives the old record or
    /// the new one. Each mixture of the two would give another time.
    /// </summary>
    [Fact]
    public void A_record_is_never_read_half_old_and_half_new() => RewrittenCode.Run(ReadBetweenStores);

    private static void ReadBetweenStores()
    {
        using ClockTests tests = new();
        tests._counter = 1_000_000;
        vcpu_time_info* time = &tests._shared->vcpu0.time;
        Action[] stores =
        [
            () => time->version |= 1,
            () => time->tsc_timestamp = 400_000,
            () => time->system_time = 20_000_000,
            () => time->tsc_to_system_mul = 0x4000_0000,
            () => time->tsc_shift = 3,
            () => time->version++,
        ];
        int reads = 0;
        PeerTurn.Act = () => reads++;
        Read();
        HashSet<ulong> told = [];
        foreach (int[] places in PlacedStores.AllPlaces(stores.Length, last: reads))
        {
            PlacedStores placed = new(stores, places);
            tests.SetRecord(version: 2, timestamp: 0, systemTime: 10_000_000);
            PeerTurn.Act = placed.BeforeRead;
            told.Add(Read());
        }

        Assert.Equal([11_000_000ul, 21_200_000ul], told.Order());

        static ulong Read()
        {
            try
            {
                return PvClock.SystemTime();
            }
            finally
            {
                PeerTurn.Act = null;
            }
        }
    }

    [Fact]
    public void Time_never_goes_back()
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 1_000);
        Assert.Equal(1_000ul, PvClock.Now());

        SetRecord(version: 4, timestamp: 0, systemTime: 400);
        Assert.Equal(1_000ul, PvClock.Now());

        SetRecord(version: 6, timestamp: 0, systemTime: 1_001);
        Assert.Equal(1_001ul, PvClock.Now());
    }

    [Theory]
    [InlineData(50)]
    [InlineData(5_000_000)]
    public void After_a_resume_time_goes_on_and_Unix_time_is_right(ulong uptimeOfNewHost)
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 1_000);
        PvClock.Now();
        SetRecord(version: 2, timestamp: 0, systemTime: uptimeOfNewHost);
        SetWallClock(version: 2, seconds: 100, nanoseconds: 0);

        PvClock.ContinueAfterResume();

        Assert.Equal(1_000ul, PvClock.Now());
        Assert.Equal(100_000_000_000 + uptimeOfNewHost, PvClock.UnixTime());
        SetRecord(version: 4, timestamp: 0, systemTime: uptimeOfNewHost + 7);
        Assert.Equal(1_007ul, PvClock.Now());
    }

    /// <summary>
    /// The data from which the program's clock_gettime computes the time: the records of the page, and the nucleus's own data on them.
    /// </summary>
    [Fact]
    public void The_program_is_told_the_records_the_offset_the_latest_time_and_each_resume()
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 1_000);
        Assert.Equal(((ulong)&_shared->vcpu0.time, (ulong)&_shared->wc_version), (Image.Clock->Record, Image.Clock->WallClock));
        Assert.Equal(1_000ul, PvClock.Now());
        Assert.Equal((0L, 1_000ul), (Image.Clock->Offset, Image.Clock->Last));
        ulong generation = Image.Clock->Generation;
        SetRecord(version: 2, timestamp: 0, systemTime: 400);

        PvClock.ContinueAfterResume();

        Assert.Equal((600L, 1_000ul), (Image.Clock->Offset, Image.Clock->Last));
        Assert.NotEqual(generation, Image.Clock->Generation);

        // A thread of the program has returned a later time.
        Image.Clock->Last = 1_003;
        SetRecord(version: 4, timestamp: 0, systemTime: 402);
        Assert.Equal(1_003ul, PvClock.Now());
    }

    /// <summary>
    /// Hosts of any uptime and date, counters of any rate whose record changes on the way: a resume takes no time on the guest's clock,
    /// nothing makes it go back, between records it runs at the rate of the record, and the date is that of the host.
    /// </summary>
    [Fact]
    public void Whatever_hosts_the_domain_moves_between_time_never_jumps() =>
        Gen.Select(
            Gen.ULong[0, 1ul << 61],
            Gen.ULong,
            Gen.UInt[1u << 16, uint.MaxValue],
            Gen.Int[-8, 8],
            Gen.UInt,
            Gen.ULong[0, 1ul << 40],
            Gen.Bool)
            .Array[1, 20]
            .Sample(
                steps =>
                {
                    PvClock.Initialise(_shared);
                    SetRecord(version: 2, timestamp: _counter = 0, systemTime: 1ul << 60);
                    ulong last = PvClock.Now();
                    foreach ((ulong uptime, ulong counter, uint multiplier, int shift, uint date, ulong passed, bool isResume) in steps)
                    {
                        ulong atHost = isResume ? uptime : PvClock.SystemTime();
                        _counter = counter >> 2;
                        _shared->vcpu0.time = new vcpu_time_info
                        {
                            version = 2,
                            tsc_timestamp = _counter,
                            system_time = atHost,
                            tsc_to_system_mul = multiplier,
                            tsc_shift = (sbyte)shift,
                        };
                        SetWallClock(version: 2, date, nanoseconds: 0);
                        if (isResume)
                        {
                            PvClock.ContinueAfterResume();
                        }

                        Assert.Equal(last, PvClock.Now());
                        _counter += passed;
                        ulong nanoseconds = PvClock.Scale(passed, multiplier, (sbyte)shift);
                        Assert.Equal(last + nanoseconds, PvClock.Now());
                        Assert.Equal((date * 1_000_000_000ul) + atHost + nanoseconds, PvClock.UnixTime());
                        last = PvClock.Now();
                    }
                },
                threads: 1);

    [Theory]
    [InlineData(1_700_000_000, 0, 123_456_789, 1_700_000_000_123_461_789)]
    [InlineData(0x00000000, 1, 0, 4_294_967_296_000_005_000)]
    public void Unix_time_is_the_wall_clock_and_system_time(uint seconds, uint upperSeconds, uint nanoseconds, ulong unix)
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 5_000);
        SetWallClock(version: 2, seconds, nanoseconds, upperSeconds);

        Assert.Equal(unix, PvClock.UnixTime());
        Assert.Equal(unix, PvClock.Now() + PvClock.WallClockOffset());
    }

    [Fact]
    public void A_wall_clock_that_is_being_written_is_waited_for()
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 0);
        SetWallClock(version: 5, seconds: 1, nanoseconds: 0);
        Machine.OnPause = () => SetWallClock(version: 6, seconds: 2, nanoseconds: 3);

        Assert.Equal(2_000_000_003ul, PvClock.UnixTime());
    }

    [Fact]
    public void A_wall_clock_that_is_never_complete_is_a_panic()
    {
        SetWallClock(version: 5, seconds: 1, nanoseconds: 0);

        Assert.Throws<PanicException>(() => PvClock.WallClockOffset());
    }

    [Fact]
    public void The_timer_is_bound_to_the_virtual_interrupt()
    {
        Machine.ArgumentLength = 12;
        Machine.Hypervisor = static call =>
        {
            if (call.Number == HypercallNumber.__HYPERVISOR_event_channel_op)
            {
                HostHypercall.At<uint>(call.A2 + 8) = 9;
            }

            return 0;
        };

        XenTimer.Initialise();

        Assert.Equal(9u, XenTimer.Port);
        Assert.Equal([(24u, 7ul), (32u, 1ul)], Machine.Hypercalls.Select(call => (call.Number, call.A1)));
        AssertBytes("00000000 00000000 00000000", Machine.Hypercalls[1].Argument);
    }

    [Theory]
    [InlineData(0, 5_000, 5_000)]
    [InlineData(900, 5_000, 4_100)]
    [InlineData(-900, 5_000, 5_900)]
    [InlineData(900, 500, 0)]
    [InlineData(0, 0, 0)]
    [InlineData(0, ulong.MaxValue, 1ul << 62)]
    [InlineData(-900, ulong.MaxValue, (1ul << 62) + 900)]
    public void The_timer_is_armed_in_Xens_own_time(long offset, ulong deadline, ulong systemTime)
    {
        SetRecord(version: 2, timestamp: 0, systemTime: 1_000);
        PvClock.Now();
        SetRecord(version: 4, timestamp: 0, systemTime: (ulong)(1_000 - offset));
        PvClock.ContinueAfterResume();
        Machine.ArgumentLength = 16;

        XenTimer.Arm(deadline);

        HostHypercall call = Assert.Single(Machine.Hypercalls);
        Assert.Equal((24u, 8ul, 0ul), (call.Number, call.A1, call.A2));
        Assert.Equal(systemTime, BitConverter.ToUInt64(call.Argument));
        Assert.Equal(0u, BitConverter.ToUInt32(call.Argument, 8));
    }

    [Fact]
    public void Disarming_stops_the_one_shot_timer()
    {
        XenTimer.Disarm();

        HostHypercall call = Assert.Single(Machine.Hypercalls);
        Assert.Equal((24u, 9ul, 0ul), (call.Number, call.A1, call.A2));
    }

    [Fact]
    public void A_timer_that_Xen_refuses_is_a_panic_with_the_errors_name()
    {
        Machine.Hypervisor = static _ => -14;

        Assert.StartsWith("VCPUOP_set_singleshot_timer failed: EFAULT", PanicOf(() => XenTimer.Arm(1)), StringComparison.Ordinal);
        Assert.StartsWith("VCPUOP_stop_singleshot_timer failed: EFAULT", PanicOf(XenTimer.Disarm), StringComparison.Ordinal);
        Assert.StartsWith("VCPUOP_stop_periodic_timer failed: EFAULT", PanicOf(XenTimer.Initialise), StringComparison.Ordinal);
    }

    private static string PanicOf(Action action) => Assert.Throws<PanicException>(action).Message;

    /// <summary>A record at one nanosecond for each count.</summary>
    private void SetRecord(uint version, ulong timestamp, ulong systemTime) => _shared->vcpu0.time = new vcpu_time_info
    {
        version = version,
        tsc_timestamp = timestamp,
        system_time = systemTime,
        tsc_to_system_mul = 0x80000000,
        tsc_shift = 1,
    };

    private void SetWallClock(uint version, uint seconds, uint nanoseconds, uint upperSeconds = 0)
    {
        _shared->wc_version = version;
        _shared->wc_sec = seconds;
        _shared->wc_sec_hi = upperSeconds;
        _shared->wc_nsec = nanoseconds;
    }
}
