
namespace Xenlet.Kernel.Tests;

/// <summary>
/// Parts of the address space that the program may not change: the image, the nucleus's pages in it, guards, the window of shared pages.
/// </summary>
public sealed unsafe class SealedRegionTests : NucleusTest
{
    private const uint Anywhere = 0x22;
    private const uint Fixed = 0x32;
    private const uint FixedNoReplace = 0x100022;
    private const ulong Constants = 0x20_0000;
    private const ulong Code = 0x21_0000;
    private const ulong Data = 0x22_0000;
    private const ulong Guard = 0x40_0000;

    /// <summary>An image of three segments and the nucleus's pages, and a guard by itself.</summary>
    public SealedRegionTests()
    {
        Assert.True(RegionList.Reserve(8));
        AddRegion(Constants, 1, RegionKind.Image);
        AddRegion(Code, 5, RegionKind.Image);
        AddRegion(Data, 3, RegionKind.Image);
        AddRegion(Image.NucleusData, 0, RegionKind.Image);
        AddRegion(Guard, 0, RegionKind.Guard);
    }

    public static TheoryData<ulong> Sealed => [Constants, Code, Data, Image.NucleusData, Guard];

    [Theory]
    [MemberData(nameof(Sealed))]
    public void It_is_neither_unmapped_nor_replaced(ulong address)
    {
        // With its neighbours, and in part.
        (ulong, ulong)[] ranges = [(address, 0x1000), (address + 0x1000, 0x1000), (address - 0x1000, 0x2000), (address - 0x1000, 0x6000)];
        foreach ((ulong start, ulong length) in ranges)
        {
            Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Munmap, start, length));
            Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mmap, start, length, 3, Fixed));
            Assert.Equal(-Errno.EEXIST, Call(SystemCallNumber.Mmap, start, length, 3, FixedNoReplace));
            Assert.Equal((long)AddressSpace.MapBase, Call(SystemCallNumber.Mmap, start, length, 3, Anywhere));
            Assert.Equal(0, Call(SystemCallNumber.Munmap, AddressSpace.MapBase, length));
        }

        Assert.Equal((address, address + 0x4000), (RegionList.Find(address)->Start, RegionList.Find(address)->End));
    }

    [Theory]
    [InlineData(Constants, 1u, 0)]
    [InlineData(Constants, 0u, -Errno.EPERM)]
    [InlineData(Constants, 3u, -Errno.EPERM)]
    [InlineData(Constants, 5u, -Errno.EPERM)]
    [InlineData(Code, 5u, 0)]
    [InlineData(Code, 0u, -Errno.EPERM)]
    [InlineData(Code, 1u, -Errno.EPERM)]
    [InlineData(Code, 7u, -Errno.EPERM)]
    [InlineData(Data, 3u, 0)]
    [InlineData(Data, 1u, 0)]
    [InlineData(Data, 0u, -Errno.EPERM)]
    [InlineData(Data, 5u, -Errno.EPERM)]
    [InlineData(Data, 7u, -Errno.EPERM)]
    [InlineData(Image.NucleusData, 0u, -Errno.EPERM)]
    [InlineData(Image.NucleusData, 1u, -Errno.EPERM)]
    [InlineData(Image.NucleusData, 3u, -Errno.EPERM)]
    [InlineData(Guard, 0u, -Errno.EPERM)]
    [InlineData(Guard, 3u, -Errno.EPERM)]
    public void The_image_can_only_lose_the_right_to_be_written(ulong address, uint protection, long result)
    {
        Protection before = RegionList.Find(address)->Protection;

        Assert.Equal(result, Call(SystemCallNumber.Mprotect, address + 0x1000, 0x1000, protection));

        Assert.Equal(result == 0 ? (Protection)protection : before, RegionList.Find(address + 0x1000)->Protection);
        Assert.Equal(before, RegionList.Find(address)->Protection);
    }

    [Fact]
    public void What_has_lost_it_does_not_get_it_back()
    {
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, Data, 0x2000, 1));

        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mprotect, Data, 0x1000, 3));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mprotect, Data, 0x4000, 3));
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, Data + 0x2000, 0x2000, 3));
    }

    [Fact]
    public void A_change_that_reaches_into_the_image_changes_nothing()
    {
        Assert.Equal((long)Data - 0x1000, Call(SystemCallNumber.Mmap, Data - 0x1000, 0x1000, 3, Fixed));

        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mprotect, Data - 0x1000, 0x2000, 5));

        Assert.Equal(Protection.Read | Protection.Write, RegionList.Find(Data - 0x1000)->Protection);
    }

    /// <summary>
    /// No frame is ever put where the guard or the nucleus's pages are: not by a touch, nor by a system call that is to write there.
    /// </summary>
    [Theory]
    [InlineData(Guard)]
    [InlineData(Image.NucleusData)]
    public void Nothing_maps_it(ulong address)
    {
        Assert.Equal(TouchResult.Denied, DemandPaging.Touch(address, write: true, execute: false));
        Assert.Equal(TouchResult.Denied, DemandPaging.Touch(address, write: false, execute: false));
        Assert.Equal(-Errno.EFAULT, Call(SystemCallNumber.Getrandom, address, 8, 0));
        Assert.Equal(0ul, HostMemory.Translate(address));
    }

    [Fact]
    public void A_shared_page_stays_where_other_domains_may_have_it_until_it_is_released()
    {
        ulong page = (ulong)SharedPages.Allocate();
        *(ulong*)page = 42;

        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Munmap, page, 0x1000));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mmap, page, 0x1000, 3, Fixed));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mprotect, page, 0x1000, 0));
        Assert.Equal(-Errno.EPERM, Call(SystemCallNumber.Mprotect, SharedPages.WindowStart, SharedPages.WindowSize, 1));

        Assert.Equal(42ul, *(ulong*)page);
        Assert.Equal(0, SharedPages.Release(page));
    }

    private static void AddRegion(ulong address, uint protection, RegionKind kind) =>
        RegionList.Insert(address, address + 0x4000, (Protection)protection, kind);
}
