using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>
/// Memory that runs out at every point where it can: each call fails with ENOMEM or does all of its work, charged memory is available, and
/// at the end everything is free again.
/// </summary>
public sealed unsafe class MemoryAccountTests : NucleusTest
{
    private const ulong None = 0;
    private const ulong ReadWrite = 3;
    private const uint Anywhere = 0x22;
    private const uint FixedNoReplace = 0x100022;
    private const uint Stack = 0x20022;
    private const ulong Megabyte = 1 << 20;

    private bool _isWhole;

    [Fact]
    public void Each_request_for_memory_may_be_refused()
    {
        ulong refused = 0;
        while (true)
        {
            Boot(DefaultFrames);
            FailNth.Arm(refused + 1, withStacks: true);
            RunProgram();
            if (FailNth.Arm(0, withStacks: true) != 0)
            {
                break;
            }

            // If no caller noticed a refused request, the refusal had no effect.
            Assert.False(_isWhole, $"request {refused + 1} was refused, and every call went well");
            refused++;
        }

        Assert.True(_isWhole);
        Assert.InRange(refused, 20ul, 100ul);
    }

    [Fact]
    public void Memory_of_every_size_is_enough_or_said_to_be_too_little()
    {
        // From a machine that has nothing but what stacks are left to one on which the program runs to its end.
        int sizes = 0;
        for (ulong frames = 64; !_isWhole; frames++, sizes++)
        {
            Boot(frames);
            RunProgram();
        }

        Assert.InRange(sizes, 20, 300);
    }

    [Fact]
    public void There_are_as_many_regions_as_on_Linux_and_those_that_are_there_can_be_given_back()
    {
        Boot(HostMemory.Size / Pages.Size);
        const ulong step = 4 * Pages.Size;
        ulong low = AddressSpace.MapBase + (RegionList.MaximumRegions * step);
        Accounts before = Accounts.Read();
        long result;
        int count = 0;
        do
        {
            // From high addresses to low ones: the list is searched from its low end.
            low -= step;
            result = Call(SystemCallNumber.Mmap, low, 3 * Pages.Size, None, FixedNoReplace, ulong.MaxValue);
            count++;
        }
        while (result > 0);

        Assert.Equal(-Errno.ENOMEM, result);
        Assert.InRange(count, RegionList.MaximumRegions - 4, RegionList.MaximumRegions);

        // A hole makes two of one, until there is no room for that either.
        int holes = 0;
        do
        {
            low += step;
            result = Call(SystemCallNumber.Munmap, low + Pages.Size, Pages.Size);
            holes++;
        }
        while (result == 0);

        Assert.Equal((-Errno.ENOMEM, RegionList.MaximumRegions), (result, RegionList.Count));
        Assert.InRange(holes, 1, 6);
        Assert.Equal(0, Call(SystemCallNumber.Munmap, low + (2 * Pages.Size), Pages.Size));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, low, step));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, low + step + Pages.Size, Pages.Size));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, AddressSpace.MapBase, AddressSpace.MapEnd - AddressSpace.MapBase));
        AssertBack(before);
    }

    [Fact]
    public void At_the_limit_of_regions_a_region_cannot_be_cut_in_two()
    {
        ulong address = Allocate(8);
        Field(typeof(RegionList), "<Count>k__BackingField").SetValue(null, RegionList.MaximumRegions);

        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Mmap, 0, Pages.Size, ReadWrite, Anywhere, ulong.MaxValue));
        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Munmap, address + Pages.Size, Pages.Size));
        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Mprotect, address + Pages.Size, Pages.Size, None));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, address, 8 * Pages.Size));
    }

    [Fact]
    public void Memory_can_be_given_back_in_pieces_when_none_is_left_for_the_records()
    {
        ulong pages = MemoryCharge.Available - 10;
        ulong address = (ulong)Call(SystemCallNumber.Mmap, 0, pages * Pages.Size, ReadWrite, Anywhere, ulong.MaxValue);
        ChargeAllMemory();

        for (ulong i = 1; i < 20; i += 2)
        {
            Assert.Equal(0, Call(SystemCallNumber.Munmap, address + (i * Pages.Size), Pages.Size));
        }
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, -Errno.ENOSYS)]
    public void Only_an_image_of_tests_may_let_a_request_fail(bool isOfTests, long result)
    {
        Image.HasTestCalls = isOfTests;
        Assert.Equal(result, Call(NucleusCall.FailNth, 2));

        Assert.True(Call(SystemCallNumber.Mmap, 0, Pages.Size, ReadWrite, Anywhere, ulong.MaxValue) > 0 == !isOfTests);
        Image.HasTestCalls = false;
    }

    /// <summary>
    /// A program: maps, changes rights, touches, starts threads, ends them, and gives everything back. It continues after each call that
    /// fails.
    /// </summary>
    private void RunProgram()
    {
        Accounts before = Accounts.Read();
        _isWhole = true;
        MapAndProtect();
        PagesFarApart();
        Break();
        StartThreads();
        Pipe();
        AssertBack(before);
    }

    /// <summary>Everything is back, but for one frame of records that stays for calls which give memory back.</summary>
    private static void AssertBack(Accounts before)
    {
        Accounts after = Accounts.Read();
        ulong records = after.Nucleus - before.Nucleus;
        Assert.InRange(records, 0ul, 1ul);
        Assert.Equal(before, after with { Free = after.Free + records, Nucleus = before.Nucleus });
        AssertFramesAccountedFor(out _);
    }

    private void MapAndProtect()
    {
        long reserved = Try(Call(SystemCallNumber.Mmap, 0, 8 * Megabyte, None, Anywhere, ulong.MaxValue));
        if (reserved <= 0)
        {
            return;
        }

        ulong address = (ulong)reserved;
        if (Try(Call(SystemCallNumber.Mprotect, address + Megabyte, 64 * Pages.Size, ReadWrite)) == 0)
        {
            Touch(address + Megabyte, 3);
            _ = Try(Call(SystemCallNumber.Mprotect, address + Megabyte + Pages.Size, Pages.Size, 1));
            Assert.Equal(0, Call(SystemCallNumber.Madvise, address + Megabyte, 64 * Pages.Size, 4));
            Touch(address + Megabyte + (8 * Pages.Size), 3);

            // As the collector decommits.
            _ = Try(Call(SystemCallNumber.Mmap, address + Megabyte + (16 * Pages.Size), 16 * Pages.Size, None, 0x32, ulong.MaxValue));
        }

        _ = Try(Call(SystemCallNumber.Munmap, address + (2 * Megabyte), Pages.Size));
        Assert.Equal(0, Call(SystemCallNumber.Munmap, address, 8 * Megabyte));
    }

    private void PagesFarApart()
    {
        const ulong first = 0x1000_0000_0000;
        for (ulong address = first; address < first + (4 * Pages.LargeSize); address += Pages.LargeSize)
        {
            if (Try(Call(SystemCallNumber.Mmap, address, Pages.Size, ReadWrite, FixedNoReplace, ulong.MaxValue)) > 0)
            {
                Touch(address, 1);
            }
        }

        Assert.Equal(0, Call(SystemCallNumber.Munmap, first, 4 * Pages.LargeSize));
    }

    private void Break()
    {
        long end = Call(SystemCallNumber.Brk, ImageEnd + (5 * Pages.Size));
        _isWhole &= end != (long)ImageEnd;
        if (end != (long)ImageEnd)
        {
            Touch(ImageEnd, 5);
        }

        Assert.Equal((long)ImageEnd, Call(SystemCallNumber.Brk, ImageEnd));
    }

    /// <summary>As glibc does it: addresses, rights, the thread's own data at the top, clone3.</summary>
    private void StartThreads()
    {
        const ulong size = 4 * Megabyte;
        long mapped = Try(Call(SystemCallNumber.Mmap, 0, size, None, Stack, ulong.MaxValue));
        if (mapped <= 0)
        {
            return;
        }

        ulong low = (ulong)mapped;
        if (Try(Call(SystemCallNumber.Mprotect, low + Pages.Size, size - Pages.Size, ReadWrite)) == 0)
        {
            Touch(low + size - Stacks.ChargedSize, Stacks.ChargedSize / Pages.Size);

            // What is below is charged as it is touched, and may not be there.
            _ = Try(ProgramMemory.PrepareWrite(low + size - (8 * Pages.Size), 4 * Pages.Size));
            _ = Try(ProgramMemory.PrepareWrite(low + Megabyte, 1));
            ulong* arguments = (ulong*)(low + size - 0x400);
            new Span<ulong>(arguments, 8).Clear();
            arguments[0] = 0x10100; // CLONE_VM, CLONE_THREAD
            arguments[5] = low + Pages.Size;
            arguments[6] = size - Pages.Size - 0x400;

            // More than fit into the frame of the first thread.
            Thread* parent = Current;
            for (int i = 0; i < 4; i++)
            {
                _ = Try(Call(SystemCallNumber.Clone3, (ulong)arguments, 64));
            }

            _ = Enter(SystemCallNumber.SchedYield);
            while (Current != parent)
            {
                _ = Enter(SystemCallNumber.Exit, 0);
            }
        }

        Assert.Equal(0, Call(SystemCallNumber.Munmap, low, size));
    }

    private void Pipe()
    {
        long page = Try(Call(SystemCallNumber.Mmap, 0, Pages.Size, ReadWrite, Anywhere, ulong.MaxValue));
        if (page <= 0)
        {
            return;
        }

        if (Try(Call(SystemCallNumber.Pipe2, (ulong)page, 0)) == 0)
        {
            Assert.Equal(0, Call(SystemCallNumber.Close, (ulong)((int*)page)[0]));
            Assert.Equal(0, Call(SystemCallNumber.Close, (ulong)((int*)page)[1]));
        }

        Assert.Equal(0, Call(SystemCallNumber.Munmap, (ulong)page, Pages.Size));
    }

    /// <summary>Charged memory is available, whatever else is not.</summary>
    private static void Touch(ulong address, ulong pages)
    {
        Assert.Equal(0, ProgramMemory.PrepareWrite(address, pages * Pages.Size));
        *(ulong*)address = address;
    }

    private long Try(long result)
    {
        Assert.True(result is >= 0 or -Errno.ENOMEM, $"a call returned {result}");
        _isWhole &= result >= 0;
        return result;
    }

    /// <summary>What must be as before when a program has given everything back.</summary>
    private readonly record struct Accounts(ulong Free, ulong Promised, int Regions, ulong Nucleus, int Threads)
    {
        public static Accounts Read() =>
            new(FrameAllocator.FreeFrames, MemoryCharge.Promised, RegionList.Count, FrameAllocator.NucleusFrames, ThreadTable.Count);
    }
}
