
namespace Xenlet.Kernel.Tests;

public sealed unsafe class MemoryCallsTests : NucleusTest
{
    private const uint Private = 2;
    private const uint Shared = 1;
    private const uint Fixed = 0x10;
    private const uint Anonymous = 0x20;
    private const uint NoReserve = 0x4000;
    private const uint Stack = 0x20000;
    private const uint FixedNoReplace = 0x100000;
    private const ulong End = AddressSpace.MapEnd;
    private const ulong Base = AddressSpace.MapBase;

    [Theory]
    [InlineData(0, 0, 3, Private | Anonymous, -Errno.EINVAL)]
    [InlineData(0, 4096, 3, Anonymous, -Errno.EINVAL)]
    [InlineData(0, 4096, 8, Private | Anonymous, -Errno.EINVAL)]
    [InlineData(0, 4096, 0x01000003, Private | Anonymous, -Errno.EINVAL)]
    [InlineData(0, ulong.MaxValue, 0, Private | Anonymous, -Errno.ENOMEM)]
    [InlineData(0, ulong.MaxValue - 4094, 0, Private | Anonymous, -Errno.ENOMEM)]
    [InlineData(0, End, 0, Private | Anonymous, -Errno.ENOMEM)]
    [InlineData(Base + 1, 4096, 3, Private | Anonymous | Fixed, -Errno.EINVAL)]
    [InlineData(Base + 1, 4096, 3, Private | Anonymous | FixedNoReplace, -Errno.EINVAL)]
    [InlineData(0, 4096, 3, Private | Anonymous | Fixed, -Errno.ENOMEM)]
    [InlineData(0xf000, 4096, 3, Private | Anonymous | Fixed, -Errno.ENOMEM)]
    [InlineData(End - 4096, 8192, 3, Private | Anonymous | Fixed, -Errno.ENOMEM)]
    [InlineData(End, 4096, 3, Private | Anonymous | Fixed, -Errno.ENOMEM)]
    [InlineData(DirectMap.Base, 4096, 3, Private | Anonymous | Fixed, -Errno.ENOMEM)]
    [InlineData(0, 1UL << 40, 3, Private | Anonymous, -Errno.ENOMEM)]
    [InlineData(0, 4096, 3, Private, -Errno.EBADF)]
    public void A_mapping_that_cannot_be_is_refused(ulong address, ulong length, uint protection, uint flags, long error)
    {
        Assert.Equal(error, Call(SystemCallNumber.Mmap, address, length, protection, flags, ulong.MaxValue));
        Assert.True(RegionList.First == null);
    }

    [Fact]
    public void What_is_no_file_cannot_be_mapped() =>
        Assert.Equal(-Errno.ENODEV, Call(SystemCallNumber.Mmap, 0, 4096, 1, Private, 1));

    [Theory]
    [InlineData(0x10000ul, Private | Anonymous | Fixed, 0x10000ul)]
    [InlineData(End - 4096, Private | Anonymous | Fixed, End - 4096)]
    [InlineData(Base + 0x5000, Private | Anonymous | FixedNoReplace, Base + 0x5000)]
    [InlineData(Base + 0x5000, Private | Anonymous, Base + 0x5000)]
    [InlineData(Base + 0x5001, Private | Anonymous, Base)]
    [InlineData(0x1000ul, Private | Anonymous, Base)]
    [InlineData(End, Private | Anonymous, Base)]
    [InlineData(0ul, Shared | Anonymous | NoReserve, Base)]
    public void A_mapping_lies_where_it_was_asked_for_or_lowest(ulong address, uint flags, ulong expected)
    {
        Assert.Equal((long)expected, Call(SystemCallNumber.Mmap, address, 1, 3, flags, ulong.MaxValue));

        Assert.Equal(expected, RegionList.First->Start);
        Assert.Equal(expected + 4096, RegionList.First->End);
    }

    [Fact]
    public void A_fixed_mapping_replaces_what_was_there_unless_told_not_to()
    {
        ulong address = Allocate(3);
        *(ulong*)(address + 0x1000) = 42;

        Assert.Equal(-Errno.EEXIST, Call(SystemCallNumber.Mmap, address + 0x2000, 0x2000, 3, Private | Anonymous | FixedNoReplace));
        Assert.Equal(42ul, *(ulong*)(address + 0x1000));

        Assert.Equal((long)address + 0x1000, Call(SystemCallNumber.Mmap, address + 0x1000, 0x1000, 3, Private | Anonymous | Fixed));
        Assert.Equal(0, ProgramMemory.PrepareRead(address + 0x1000, 8));
        Assert.Equal(0ul, *(ulong*)(address + 0x1000));
    }

    [Fact]
    public void A_fixed_mapping_that_is_refused_leaves_what_was_there()
    {
        ulong address = Allocate(2);
        *(ulong*)address = 42;
        ulong available = MemoryCharge.Available;

        long result = Call(SystemCallNumber.Mmap, address, (available + 1) * 4096, 3, Private | Anonymous | Fixed);

        Assert.Equal(-Errno.ENOMEM, result);
        Assert.Equal(42ul, *(ulong*)address);
        Assert.Equal(available, MemoryCharge.Available);
    }

    [Fact]
    public void Addresses_that_are_only_reserved_cost_no_memory()
    {
        ulong available = MemoryCharge.Available;

        long reserved = Call(SystemCallNumber.Mmap, 0, 1UL << 38, 0, Private | Anonymous | NoReserve, ulong.MaxValue);

        Assert.Equal((long)Base, reserved);
        Assert.InRange(MemoryCharge.Available, available - 1, available);
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, Base + 0x10_0000, 0x2000, 3));
        Assert.InRange(MemoryCharge.Available, available - 6, available - 5); // Two pages and three tables.
    }

    [Theory]
    [InlineData(Base + 1, 4096, 1, -Errno.EINVAL)]
    [InlineData(Base, 4096, 8, -Errno.EINVAL)]
    [InlineData(Base, 0, 1, 0)]
    [InlineData(Base, 0x3000, 1, -Errno.ENOMEM)]
    [InlineData(Base - 0x1000, 0x2000, 1, -Errno.ENOMEM)]
    [InlineData(Base, ulong.MaxValue - 0x2000, 1, -Errno.ENOMEM)]
    [InlineData(Base, ulong.MaxValue, 1, -Errno.ENOMEM)]
    [InlineData(Base, 0x1001, 1, 0)]
    public void Protection_needs_a_mapped_range(ulong address, ulong length, uint protection, long result)
    {
        Assert.Equal(Base, Allocate(2));

        Assert.Equal(result, Call(SystemCallNumber.Mprotect, address, length, protection));

        bool changed = result == 0 && length != 0;
        Assert.Equal(changed ? 0 : PageTable.Writable, HostMemory.Translate(Base) & PageTable.Writable);
        Assert.Equal(changed ? 0 : PageTable.Writable, HostMemory.Translate(Base + 0x1000) & PageTable.Writable);
    }

    [Theory]
    [InlineData(Base + 1, 4096, -Errno.EINVAL)]
    [InlineData(Base, 0, -Errno.EINVAL)]
    [InlineData(Base, ulong.MaxValue, -Errno.EINVAL)]
    [InlineData(Base, ulong.MaxValue - 0x2000, -Errno.EINVAL)]
    [InlineData(0, 0x1000, -Errno.EINVAL)]
    [InlineData(End, 0x1000, -Errno.EINVAL)]
    [InlineData(Base + 0x10_0000, 0x1000, 0)]
    public void An_unmapping_that_hits_nothing_changes_nothing(ulong address, ulong length, long result)
    {
        Assert.Equal(Base, Allocate(2));
        *(ulong*)Base = 42;

        Assert.Equal(result, Call(SystemCallNumber.Munmap, address, length));

        Assert.Equal(42ul, *(ulong*)Base);
    }

    [Theory]
    [InlineData(Base + 1, 0x1000, 4, -Errno.EINVAL)]
    [InlineData(Base, 0, 4, 0)]
    [InlineData(Base, ulong.MaxValue - 0x2000, 4, -Errno.ENOMEM)]
    [InlineData(Base, ulong.MaxValue, 4, -Errno.EINVAL)]
    [InlineData(Base, 0x1000, 0, 0)]
    [InlineData(Base, 0x1000, 3, 0)]
    [InlineData(Base, 0x1000, 14, 0)]
    [InlineData(Base, 0x1000, 16, 0)]
    public void Advice_other_than_to_discard_changes_nothing(ulong address, ulong length, int advice, long result)
    {
        Assert.Equal(Base, Allocate(1));
        *(ulong*)Base = 42;

        Assert.Equal(result, Call(SystemCallNumber.Madvise, address, length, (ulong)advice));

        Assert.Equal(42ul, *(ulong*)Base);
    }

    [Fact]
    public void The_break_moves_by_bytes_and_never_below_the_image()
    {
        Assert.Equal((long)ImageEnd, Call(SystemCallNumber.Brk, 0));
        Assert.Equal((long)ImageEnd + 5, Call(SystemCallNumber.Brk, ImageEnd + 5));
        Assert.Equal(0, ProgramMemory.PrepareWrite(ImageEnd, 4096));
        *(ulong*)ImageEnd = 42;

        Assert.Equal((long)ImageEnd + 0x1001, Call(SystemCallNumber.Brk, ImageEnd + 0x1001));
        Assert.Equal(42ul, *(ulong*)ImageEnd);
        Assert.Equal(0, ProgramMemory.PrepareWrite(ImageEnd, 0x2000));

        Assert.Equal((long)ImageEnd + 0x1001, Call(SystemCallNumber.Brk, ImageEnd - 1));
        Assert.Equal((long)ImageEnd + 0x1001, Call(SystemCallNumber.Brk, Base + 1));
        Assert.Equal((long)ImageEnd + 0x1001, Call(SystemCallNumber.Brk, ulong.MaxValue));

        Assert.Equal((long)ImageEnd, Call(SystemCallNumber.Brk, ImageEnd));
        Assert.Equal(-Errno.EFAULT, ProgramMemory.PrepareRead(ImageEnd, 1));
    }

    [Fact]
    public void The_break_does_not_grow_over_a_mapping()
    {
        Assert.Equal((long)ImageEnd + 0x2000, Call(SystemCallNumber.Mmap, ImageEnd + 0x2000, 0x1000, 3, Private | Anonymous | Fixed));

        Assert.Equal((long)ImageEnd, Call(SystemCallNumber.Brk, ImageEnd + 0x2001));
        Assert.Equal((long)ImageEnd + 0x2000, Call(SystemCallNumber.Brk, ImageEnd + 0x2000));
    }

    /// <summary>A stack keeps its own border, so that it can be told from its neighbours.</summary>
    [Fact]
    public void Neighbours_that_are_alike_become_one_region_but_stacks_do_not()
    {
        Assert.Equal((long)Base, Call(SystemCallNumber.Mmap, Base, 0x1000, 3, Private | Anonymous | Fixed));
        Assert.Equal((long)Base + 0x2000, Call(SystemCallNumber.Mmap, Base + 0x2000, 0x1000, 3, Private | Anonymous | Fixed));
        Assert.Equal((long)Base + 0x1000, Call(SystemCallNumber.Mmap, Base + 0x1000, 0x1000, 3, Private | Anonymous | Fixed));
        Assert.Equal((Base, Base + 0x3000), (RegionList.First->Start, RegionList.First->End));

        Assert.Equal((long)Base + 0x3000, Call(SystemCallNumber.Mmap, Base + 0x3000, 0x1000, 3, Private | Anonymous | Fixed | Stack));
        Assert.Equal((long)Base + 0x4000, Call(SystemCallNumber.Mmap, Base + 0x4000, 0x1000, 3, Private | Anonymous | Fixed | Stack));
        Assert.Equal(Base + 0x3000, RegionList.First->End);
        Assert.Equal(Base + 0x4000, RegionList.First->Next->End);
    }
}
