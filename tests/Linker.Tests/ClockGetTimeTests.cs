using System.Runtime.InteropServices;
using CsCheck;
using Iced.Intel;
using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Tests.SharedMemory;
using static Iced.Intel.AssemblerRegisters;

namespace Xenlet.Linker.Tests;

/// <summary>clock_gettime, run on the processor with records that the tests write as Xen does, and a replaced system call.</summary>
public sealed unsafe class ClockGetTimeTests : IDisposable
{
    private const int Realtime = 0, Monotonic = 1;
    private const int EFAULT = 14;

    // Of vcpu_info[0].time and wc_version in struct shared_info (xen.h).
    private const int Record = 32, WallClock = 3072;
    private const ulong Second = 1_000_000_000;

    private static PlacedStores s_placed = new([], []);

    private readonly HostImage _image = new();
    private readonly byte* _shared;
    private readonly int* _errno;
    private readonly delegate* unmanaged<int, ulong*, int> _read;

    public ClockGetTimeTests()
    {
        _shared = _image.Reserve(4096);
        _errno = (int*)_image.Reserve(8);
        _image.Add("__errno_location", c =>
        {
            c.mov(rax, (ulong)_errno);
            c.ret();
        });
        _image.Load([Stubs.All["xenlet_clock"]]);
        nint systemCall = _image.Add("system call", EmitSystemCall);
        _read = (delegate* unmanaged<int, ulong*, int>)_image.AddEdited(
            "clock_gettime", i => i.Mnemonic == Mnemonic.Syscall ? CallInPlaceOf(i, systemCall) : i);
        Word(ClockLayout.Record) = (ulong)_shared + Record;
        Word(ClockLayout.WallClock) = (ulong)_shared + WallClock;
    }

    public void Dispose() => _image.Dispose();

    [Fact]
    public void System_time_of_a_record_and_the_offset_are_seconds_and_nanoseconds() =>
        Gen.Select(Gen.ULong[0, 1ul << 62], Gen.Long[-(1L << 61), 1L << 61]).Sample((systemTime, offset) =>
        {
            SetRecord(systemTime);
            SetOffset(offset);
            Word(ClockLayout.Last) = 0;
            ulong expected = (ulong)Math.Max((long)systemTime + offset, 0);

            Assert.Equal(expected, Read(Monotonic));
        }, threads: 1);

    /// <summary>The division by a product, up to the last of 64 bits.</summary>
    [Fact]
    public void Any_number_of_nanoseconds_is_divided_rightly() => Gen.ULong.Sample(nanoseconds =>
    {
        SetRecord(nanoseconds);
        SetOffset(0);
        Word(ClockLayout.Last) = nanoseconds;

        Assert.Equal(nanoseconds, Read(Monotonic));
    }, threads: 1);

    /// <summary>The counter of the machine, read between two readings of the test's.</summary>
    [Theory]
    [InlineData(0x80000000u, 1)]
    [InlineData(0xFFFFFFFFu, 0)]
    [InlineData(0x12345678u, -3)]
    [InlineData(0x00000001u, 5)]
    public void Time_goes_on_with_the_counter_at_the_records_rate(uint multiplier, sbyte shift)
    {
        _image.Load(ProcessorFacts.Assemble());
        delegate* unmanaged<ulong> counter = (delegate* unmanaged<ulong>)_image["xenlet_read_tsc"];
        ulong timestamp = counter() - 1_000_000;
        SetRecord(systemTime: 5, timestamp: timestamp, multiplier: multiplier, shift: shift);
        for (int i = 0; i < 1000; i++)
        {
            ulong before = counter();
            ulong read = Read(Monotonic);
            ulong after = counter();
            Assert.InRange(read, 5 + Scale(before - timestamp), 5 + Scale(after - timestamp));
        }

        ulong Scale(ulong count) => (ulong)(((UInt128)(shift < 0 ? count >> -shift : count << shift) * multiplier) >> 32);
    }

    [Fact]
    public void A_counter_behind_the_record_counts_as_no_time()
    {
        SetRecord(systemTime: 77, timestamp: ulong.MaxValue, multiplier: uint.MaxValue);
        Assert.Equal(77ul, Read(Monotonic));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(4, false)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    [InlineData(7, false)]
    public void Each_clock_tells_its_time(int clock, bool isRealTime)
    {
        SetRecord(3 * Second + 42);
        SetWallClock(version: 2, seconds: 0x7000_0000, upperSeconds: 1, nanoseconds: 999_999_990);

        ulong expected = isRealTime ? ((0x1_7000_0000 + 4) * Second) + 32 : (3 * Second) + 42;
        Assert.Equal(expected, Read(clock));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000_000)]
    [InlineData(-1_000_000)]
    public void The_date_is_the_hosts_whatever_the_offset_of_the_guests_time(long offset)
    {
        SetRecord(2 * Second);
        SetOffset(offset);
        SetWallClock(version: 4, seconds: 100, nanoseconds: 7);
        Assert.Equal((102 * Second) + 7, Read(Realtime));
    }

    [Fact]
    public void Time_never_goes_back()
    {
        SetRecord(1_000);
        Assert.Equal(1_000ul, Read(Monotonic));
        SetRecord(400);
        Assert.Equal(1_000ul, Read(Monotonic));
        SetRecord(1_001);
        Assert.Equal(1_001ul, Read(Monotonic));
        Assert.Equal(1_001ul, Word(ClockLayout.Last));
    }

    /// <summary>
    /// Xen's stores of a new record come before any of the function's reads, in every way that their order allows: a reading gives the old
    /// record or the new one. Each mixture of the two would give another time.
    /// </summary>
    [Theory]
    [InlineData(Monotonic)]
    [InlineData(Realtime)]
    public void A_record_is_never_read_half_old_and_half_new(int clock)
    {
        // The counter is a million.
        const ulong oldTime = (10 * Second) + 1_000_000, newTime = (20 * Second) + 1_200_000;
        const ulong oldDate = (1_000 * Second) + 111, newDate = (0x1_0000_07D0 * Second) + 222;
        ulong[] whole = clock == Monotonic ? [oldTime, newTime] : [oldTime + oldDate, oldTime + newDate];
        Action[] stores = clock == Monotonic ? StoresOfRecord() : StoresOfWallClock();
        nint counter = _image.Add("counter", EmitCounterOfAMillion);
        delegate* unmanaged<int, ulong*, int> read = (delegate* unmanaged<int, ulong*, int>)_image.AddEdited("clock_gettime", i =>
            i.Mnemonic == Mnemonic.Rdtsc ? CallInPlaceOf(i, counter)
            : i.MemoryBase == Register.R9 ? CallInPlaceOf(i, _image.Add("read", c => EmitReadAfterStores(c, i)))
            : i);
        ulong* time = stackalloc ulong[2];
        HashSet<ulong> told = [];

        // A reading that nothing disturbs reads the six words of the record of time, and then the five of the wall clock's.
        foreach (int[] places in PlacedStores.AllPlaces(stores.Length, last: 11))
        {
            SetRecord(10 * Second, timestamp: 0, multiplier: 0x8000_0000, shift: 1);
            SetWallClock(version: 2, seconds: 1_000, nanoseconds: 111);
            Word(ClockLayout.Last) = 0;
            s_placed = new(stores, places);

            Assert.Equal(0, read(clock, time));

            told.Add((time[0] * Second) + time[1]);
        }

        Assert.Equal(whole, told.Order());

        Action[] StoresOfRecord()
        {
            byte* record = _shared + Record;
            return
            [
                () => *(uint*)record |= 1,
                () => *(ulong*)(record + 8) = 400_000,
                () => *(ulong*)(record + 16) = 20 * Second,
                () => *(uint*)(record + 24) = 0x4000_0000,
                () => *(sbyte*)(record + 28) = 3,
                () => ++*(uint*)record,
            ];
        }

        Action[] StoresOfWallClock()
        {
            uint* record = (uint*)(_shared + WallClock);
            return [() => record[0] |= 1, () => record[1] = 2_000, () => record[2] = 222, () => record[3] = 1, () => ++record[0]];
        }
    }

    /// <summary>The record of the new host has the version of the old one's: only the generation tells that it is another.</summary>
    [Theory]
    [InlineData(Monotonic)]
    [InlineData(Realtime)]
    public void A_reading_that_a_resume_has_fallen_into_begins_anew(int clock)
    {
        nint resume = _image.Add("resume", EmitAddOffsetAfterResume);
        delegate* unmanaged<int, ulong*, int> read = (delegate* unmanaged<int, ulong*, int>)_image.AddEdited(
            "clock_gettime",
            i => i is { Mnemonic: Mnemonic.Add, Op0Register: Register.RAX, MemoryBase: Register.R8 } ? CallInPlaceOf(i, resume) : i);
        SetRecord(7 * Second);
        SetWallClock(version: 2, seconds: 9_999, nanoseconds: 0);
        ulong* time = stackalloc ulong[2];

        Assert.Equal(0, read(clock, time));

        Assert.Equal(1ul, Word(ClockLayout.Generation));
        Assert.Equal(clock == Monotonic ? (5 * Second) + 300 : (50 * Second) + 300, (time[0] * Second) + time[1]);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    public void What_the_records_do_not_say_is_a_system_call(int clock)
    {
        ulong* time = stackalloc ulong[2];
        SetRecord(1);

        Assert.Equal(0, _read(clock, time));

        Assert.Equal((228ul, (ulong)(uint)clock), (time[0], time[1]));
    }

    [Fact]
    public void Without_Xen_every_clock_is_a_system_call()
    {
        ulong* time = stackalloc ulong[2];
        Word(ClockLayout.Record) = 0;

        Assert.Equal(0, _read(Monotonic, time));

        Assert.Equal((228ul, 1ul), (time[0], time[1]));
    }

    [Fact]
    public void A_system_call_that_fails_is_minus_one_and_sets_errno()
    {
        Assert.Equal(-1, _read(9, null));
        Assert.Equal(EFAULT, *_errno);
    }

    private ref ulong Word(int offset) => ref *(ulong*)(_image["xenlet_clock"] + offset);

    private ulong Read(int clock)
    {
        ulong* time = stackalloc ulong[2];
        Assert.Equal(0, _read(clock, time));
        Assert.InRange(time[1], 0ul, Second - 1);
        return (time[0] * Second) + time[1];
    }

    private void SetOffset(long offset) => Word(ClockLayout.Offset) = (ulong)offset;

    /// <summary>By default a record to which the counter adds nothing.</summary>
    private void SetRecord(ulong systemTime, ulong timestamp = 0, uint multiplier = 0, sbyte shift = 0)
    {
        byte* record = _shared + Record;
        *(uint*)record += 2;
        *(ulong*)(record + 8) = timestamp;
        *(ulong*)(record + 16) = systemTime;
        *(uint*)(record + 24) = multiplier;
        *(sbyte*)(record + 28) = shift;
    }

    private void SetWallClock(uint version, uint seconds, uint nanoseconds, uint upperSeconds = 0)
    {
        uint* record = (uint*)(_shared + WallClock);
        (record[0], record[1], record[2], record[3]) = (version, seconds, nanoseconds, upperSeconds);
    }

    private static Instruction CallInPlaceOf(Instruction instruction, nint target)
    {
        Instruction call = Instruction.CreateBranch(Code.Call_rel32_64, (ulong)target);
        call.IP = instruction.IP;
        return call;
    }

    /// <summary>Code that puts a system call's number and first argument at its second one, or returns -EFAULT when that is 0.</summary>
    private static void EmitSystemCall(Assembler c)
    {
        Label fault = c.CreateLabel();
        c.test(rsi, rsi);
        c.je(fault);
        c.mov(ecx, eax);
        c.mov(__qword_ptr[rsi], rcx);
        c.mov(ecx, edi);
        c.mov(__qword_ptr[rsi + 8], rcx);
        c.xor(eax, eax);
        c.ret();
        c.Label(ref fault);
        c.mov(eax, -EFAULT);
        c.ret();
    }

    private static void EmitCounterOfAMillion(Assembler c)
    {
        c.mov(eax, 1_000_000);
        c.mov(edx, 0);
        c.ret();
    }

    /// <summary>Code that calls the test before it reads as the function does, with all that the function has in registers kept.</summary>
    private static void EmitReadAfterStores(Assembler c, Instruction read)
    {
        AssemblerRegister64[] kept = [rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11, rbx];
        c.pushfq();
        foreach (AssemblerRegister64 register in kept)
        {
            c.push(register);
        }

        c.mov(rbx, rsp);
        c.and(rsp, -16);
        c.mov(rax, (ulong)(delegate* unmanaged<void>)&BeforeRead);
        c.call(rax);
        c.mov(rsp, rbx);
        foreach (AssemblerRegister64 register in kept.Reverse())
        {
            c.pop(register);
        }

        c.popfq();
        c.AddInstruction(read);
        c.ret();
    }

    [UnmanagedCallersOnly]
    private static void BeforeRead() => s_placed.BeforeRead();

    /// <summary>
    /// Code that adds the offset as the function does, and moves the domain to another host just before: once, and where it does most harm,
    /// since the record was read and the offset was not.
    /// </summary>
    private void EmitAddOffsetAfterResume(Assembler c)
    {
        Label done = c.CreateLabel();
        c.push(rcx);
        c.cmp(__qword_ptr[r8 + ClockLayout.Generation], 0);
        c.jne(done);
        c.inc(__qword_ptr[r8 + ClockLayout.Generation]);
        c.mov(rcx, 5 * Second);
        c.mov(__qword_ptr[r8 + ClockLayout.Offset], rcx);
        c.mov(rcx, (ulong)_shared);
        c.mov(__qword_ptr[rcx + Record + 16], 300);
        c.mov(__dword_ptr[rcx + WallClock + 4], 50);
        c.Label(ref done);
        c.pop(rcx);
        c.add(rax, __qword_ptr[r8 + ClockLayout.Offset]);
        c.ret();
    }
}
