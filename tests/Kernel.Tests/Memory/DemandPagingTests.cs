
namespace Xenlet.Kernel.Tests;

public sealed unsafe class DemandPagingTests : NucleusTest
{
    private const ulong Address = AddressSpace.MapBase;
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    /// <summary>The pool of regions takes its frame now, so that it is not counted below.</summary>
    public DemandPagingTests() => Assert.True(RegionList.Reserve(8));

    /// <summary>
    /// What Linux answers: writing implies reading, reading does not imply execution; and no page is both writable and executable.
    /// </summary>
    [Theory]
    [InlineData(0u, TouchResult.Denied, TouchResult.Denied, TouchResult.Denied)]
    [InlineData(1u, TouchResult.Ready, TouchResult.Denied, TouchResult.Denied)]
    [InlineData(2u, TouchResult.Ready, TouchResult.Ready, TouchResult.Denied)]
    [InlineData(3u, TouchResult.Ready, TouchResult.Ready, TouchResult.Denied)]
    [InlineData(4u, TouchResult.Ready, TouchResult.Denied, TouchResult.Ready)]
    [InlineData(5u, TouchResult.Ready, TouchResult.Denied, TouchResult.Ready)]
    [InlineData(7u, TouchResult.Ready, TouchResult.Ready, TouchResult.Denied)]
    internal void A_touch_needs_the_right(uint rights, TouchResult read, TouchResult write, TouchResult execute)
    {
        Assert.Equal(0, AddressSpace.Map(Address, Address + 0x3000, (Protection)rights, RegionKind.None));

        Assert.Equal(read, DemandPaging.Touch(Address, write: false, execute: false));
        Assert.Equal(write, DemandPaging.Touch(Address + 0x1000, write: true, execute: false));
        Assert.Equal(execute, DemandPaging.Touch(Address + 0x2000, write: false, execute: true));

        Assert.Equal(read == TouchResult.Ready, HostMemory.Translate(Address) != 0);
        Assert.Equal(write == TouchResult.Ready, HostMemory.Translate(Address + 0x1000) != 0);
    }

    [Fact]
    public void Outside_of_any_region_nothing_is_mapped()
    {
        Assert.Equal(0, AddressSpace.Map(Address, Address + 0x1000, ReadWrite, RegionKind.None));

        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(Address + 0xfff, write: true, execute: false));
        Assert.Equal(TouchResult.NotMapped, DemandPaging.Touch(Address + 0x1000, write: false, execute: false));
        Assert.Equal(TouchResult.NotMapped, DemandPaging.Touch(Address - 1, write: false, execute: false));
        Assert.Equal(TouchResult.NotMapped, DemandPaging.Touch(0, write: false, execute: false));
    }

    [Fact]
    public void Promised_memory_is_there_when_all_is_promised()
    {
        // All but the page tables of 4 MiB.
        const ulong tables = 4;
        ulong available = MemoryCharge.Available;
        ulong pages = available - tables;
        Assert.InRange(pages, 513ul, 1024ul);
        ulong frames = FrameAllocator.FreeFrames;
        Assert.Equal(-Errno.ENOMEM, AddressSpace.Map(Address, Address + ((pages + 1) * 4096), ReadWrite, RegionKind.None));
        Assert.Equal((frames, available), (FrameAllocator.FreeFrames, MemoryCharge.Available));
        Assert.True(RegionList.First == null);

        Assert.Equal(0, AddressSpace.Map(Address, Address + (pages * 4096), ReadWrite, RegionKind.None));

        Assert.Equal(0ul, MemoryCharge.Available);
        Assert.Equal(frames - tables, FrameAllocator.FreeFrames);
        for (ulong page = 0; page < pages; page++)
        {
            Assert.Equal(TouchResult.Ready, DemandPaging.Touch(Address + (page * 4096), write: true, execute: false));
        }

        Assert.Equal(-Errno.ENOMEM, AddressSpace.Map(ImageEnd, ImageEnd + 0x1000, ReadWrite, RegionKind.None));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_stack_is_charged_with_its_highest_pages_and_then_page_by_page_when_it_is_touched(bool byProtection)
    {
        const ulong end = Address + 0x1_0000_0000;
        const ulong charged = Stacks.ChargedSize / 4096;
        ulong available = MemoryCharge.Available;
        Assert.Equal(0, AddressSpace.Map(Address, end, byProtection ? Protection.None : ReadWrite, RegionKind.Stack));
        if (byProtection)
        {
            // As glibc does it, with a guard at the lower end.
            Assert.Equal(available, MemoryCharge.Available);
            Assert.Equal(0, AddressSpace.Protect(Address + 0x1000, end, ReadWrite));
        }

        available -= charged + 3; // The pages and three tables.
        Assert.Equal(available, MemoryCharge.Available);
        Assert.Equal(0, ProgramMemory.PrepareWrite(end - Stacks.ChargedSize, Stacks.ChargedSize));
        Assert.Equal(available, MemoryCharge.Available);

        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(Address + 0x1000, write: true, execute: false));
        Assert.Equal(available - 3, MemoryCharge.Available); // The page and two tables.
        Assert.Equal(TouchResult.Ready, DemandPaging.Touch(Address + 0x1000, write: true, execute: false));
        Assert.Equal(available - 3, MemoryCharge.Available);

        // However often its rights come and go.
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(0, AddressSpace.Protect(Address + 0x1000, end, Protection.None));
            Assert.Equal(0, AddressSpace.Protect(Address + 0x1000, end, ReadWrite));
            Assert.Equal(available - 3, MemoryCharge.Available);
        }

        Assert.Equal(byProtection ? TouchResult.Denied : TouchResult.Ready, DemandPaging.Touch(Address, write: true, execute: false));

        available += charged + 3;
        Assert.Equal(0, AddressSpace.Unmap(Address, end));
        Assert.Equal(available, MemoryCharge.Available);
    }

    [Fact]
    public void A_page_of_a_stack_that_has_its_frame_is_not_charged_again()
    {
        ulong available = MemoryCharge.Available;
        Assert.Equal(0, AddressSpace.Map(Address, Address + 0x2_0000, ReadWrite, RegionKind.Stack));
        Assert.Equal(0, ProgramMemory.PrepareWrite(Address, 0x2000));
        *(ulong*)Address = 42;
        Assert.Equal(0, AddressSpace.Protect(Address, Address + 0x2000, Protection.None));
        ulong before = MemoryCharge.Available;

        Assert.Equal(0, AddressSpace.Protect(Address, Address + 0x2000, ReadWrite));

        Assert.Equal((before, 42ul), (MemoryCharge.Available, *(ulong*)Address));
        Assert.Equal(0, AddressSpace.Unmap(Address, Address + 0x2_0000));
        Assert.Equal(available, MemoryCharge.Available);
        Assert.Equal(0ul, MemoryCharge.Promised);
    }

    [Fact]
    public void A_stack_does_not_take_what_is_promised_to_others()
    {
        Assert.Equal(0, AddressSpace.Map(Address, Address + (DefaultFrames * 4096), ReadWrite, RegionKind.Stack));
        const ulong heap = Address + 0x1000_0000;
        ulong pages = MemoryCharge.Available - 20;
        Assert.Equal(0, AddressSpace.Map(heap, heap + (pages * 4096), ReadWrite, RegionKind.None));

        ulong touched = 0;
        while (DemandPaging.Touch(Address + (touched * 4096), write: true, execute: false) == TouchResult.Ready)
        {
            touched++;
        }

        Assert.InRange(touched, 20ul, DefaultFrames - pages);
        Assert.Equal(TouchResult.OutOfMemory, DemandPaging.Touch(Address + (touched * 4096), write: true, execute: false));
        for (ulong page = 0; page < pages; page++)
        {
            Assert.Equal(TouchResult.Ready, DemandPaging.Touch(heap + (page * 4096), write: true, execute: false));
        }
    }

    [Fact]
    public void Discarded_memory_stays_promised_and_reads_as_zeros()
    {
        Assert.Equal(0, AddressSpace.Map(Address, Address + 0x3000, ReadWrite, RegionKind.None));
        ulong available = MemoryCharge.Available;
        Assert.Equal(0, ProgramMemory.PrepareWrite(Address, 0x3000));
        *(ulong*)Address = 1;
        *(ulong*)(Address + 0x1000) = 2;
        *(ulong*)(Address + 0x2000) = 3;
        ulong free = FrameAllocator.FreeFrames;

        AddressSpace.Discard(Address + 0x1000, Address + 0x2000);

        Assert.Equal(free + 1, FrameAllocator.FreeFrames);
        Assert.Equal(available, MemoryCharge.Available);
        Assert.Equal(0, ProgramMemory.PrepareRead(Address, 0x3000));
        Assert.Equal((1ul, 0ul, 3ul), (*(ulong*)Address, *(ulong*)(Address + 0x1000), *(ulong*)(Address + 0x2000)));
    }

    [Fact]
    public void The_image_is_not_discarded_and_not_charged()
    {
        ulong available = MemoryCharge.Available;
        Assert.True(RegionList.Reserve(1));
        RegionList.Insert(Address, Address + 0x1000, ReadWrite, RegionKind.Image);
        const ulong rights = PageTable.Present | PageTable.Writable | PageTable.NoExecute | PageTable.NotOwned;
        Assert.True(PageTable.Map(Address, FrameAllocator.Allocate() | rights));
        *(ulong*)Address = 7;

        AddressSpace.Discard(Address, Address + 0x1000);
        Assert.Equal(0, AddressSpace.Protect(Address, Address + 0x1000, Protection.Read));

        Assert.Equal(7ul, *(ulong*)Address);
        Assert.Equal(available - 4, MemoryCharge.Available); // The frame and three tables.
    }

    [Fact]
    public void A_page_fault_of_the_program_gives_it_its_page()
    {
        Assert.Equal(0, AddressSpace.Map(Address, Address + 0x1000, ReadWrite, RegionKind.None));

        Assert.True(Trap(Vector.PageFault, errorCode: 2, address: Address + 0x123) == Current);

        Assert.NotEqual(0ul, HostMemory.Translate(Address));
        Assert.Equal(0x40_0000ul, Current->Frame.Rip);
    }

    [Theory]
    [InlineData(0x0, "SIGSEGV, address 0x0000000000000000")]
    [InlineData(0x7fff_ffff_f000, "SIGSEGV, address 0x00007ffffffff000")]
    [InlineData(0x7fff_ffff_ffff_ffff, "SIGSEGV, address 0x7fffffffffffffff")]
    public void A_fault_that_nobody_handles_ends_the_program_with_its_address(ulong address, string report)
    {
        PanicException end = Assert.Throws<PanicException>(() => Trap(Vector.PageFault, errorCode: 0, address));

        Assert.Contains("thread 1: fault in the program: " + report, end.Message, StringComparison.Ordinal);
    }

    /// <summary>A fault in the guard with the stack pointer near it is an overflow; another access there is a plain fault.</summary>
    [Theory]
    [InlineData(0x8L, 0L, true)]
    [InlineData(0x1_0000L, 0xfffL, true)]
    [InlineData(0x1_0001L, 0L, false)]
    [InlineData(0x8L, 0x1000L, false)]
    public void A_stack_overflow_is_told_from_other_faults(long below, long stackPointerAbove, bool isOverflow)
    {
        Current->StackLow = Address + 0x10_0000;
        Current->StackHigh = Address + 0x20_0000;
        Current->Frame.Rsp = Current->StackLow + (ulong)stackPointerAbove;

        PanicException end = Assert.Throws<PanicException>(() => Trap(Vector.PageFault, 2, Current->StackLow - (ulong)below));

        Assert.Equal(isOverflow, end.Message.Contains("stack overflow: 1024 KiB are used up", StringComparison.Ordinal));
    }
}
