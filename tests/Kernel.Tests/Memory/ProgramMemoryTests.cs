
namespace Xenlet.Kernel.Tests;

public sealed unsafe class ProgramMemoryTests : NucleusTest
{
    /// <summary>Three pages, the middle one read-only, nothing behind.</summary>
    private readonly ulong _pages;

    public ProgramMemoryTests()
    {
        _pages = (ulong)MemoryCalls.Map(0, 0x3000, 3, 0x22, -1);
        Assert.Equal(0, MemoryCalls.Protect(_pages + 0x1000, 0x1000, 1));
    }

    [Theory]
    [InlineData(0x0, 0x3000, true, false)]
    [InlineData(0x0, 0x1000, true, true)]
    [InlineData(0xfff, 1, true, true)]
    [InlineData(0xfff, 2, true, false)]
    [InlineData(0x1000, 1, true, false)]
    [InlineData(0x1fff, 2, true, false)]
    [InlineData(0x2000, 0x1000, true, true)]
    [InlineData(0x2000, 0x1001, false, false)]
    [InlineData(0x3000, 0, true, true)]
    [InlineData(0x3000, 1, false, false)]
    [InlineData(0x0, -1, false, false)]
    [InlineData(0x10, long.MaxValue, false, false)]
    public void A_range_is_usable_when_all_of_it_is(ulong offset, long length, bool readable, bool writable)
    {
        Assert.Equal(readable ? 0 : -Errno.EFAULT, ProgramMemory.PrepareRead(_pages + offset, (ulong)length));
        Assert.Equal(writable ? 0 : -Errno.EFAULT, ProgramMemory.PrepareWrite(_pages + offset, (ulong)length));
    }

    [Fact]
    public void A_range_that_is_usable_is_present_afterwards()
    {
        Assert.Equal(0, ProgramMemory.PrepareRead(_pages + 0xfff, 2));

        Assert.Equal(0, *(byte*)(_pages + 0xfff));
        Assert.Equal(0, *(byte*)(_pages + 0x1000));
        Assert.Equal(0ul, HostMemory.Translate(_pages + 0x2000));
    }

    [Theory]
    [InlineData(AddressSpace.MapEnd, 1)]
    [InlineData(AddressSpace.MapEnd - 1, 2)]
    [InlineData(DirectMap.Base, 8)]
    [InlineData(ulong.MaxValue, 1)]
    [InlineData(ulong.MaxValue - 7, 16)]
    public void The_nucleus_is_out_of_reach(ulong address, ulong length)
    {
        Assert.Equal(-Errno.EFAULT, ProgramMemory.PrepareRead(address, length));
        Assert.Equal(-Errno.EFAULT, ProgramMemory.PrepareWrite(address, length));
    }

    /// <summary>The nucleus's stacks, tables and variables lie in the image, mapped and writable like the program's.</summary>
    [Theory]
    [InlineData(Image.NucleusData - 1, 1, true)]
    [InlineData(Image.NucleusData - 1, 2, false)]
    [InlineData(Image.NucleusData, 1, false)]
    [InlineData(Image.NucleusData + 0x4123, 8, false)]
    [InlineData(Image.NucleusData - 0x1000, Image.NucleusDataEnd - Image.NucleusData + 0x2000, false)]
    [InlineData(Image.NucleusDataEnd - 1, 1, false)]
    [InlineData(Image.NucleusDataEnd, 8, true)]
    public void Of_the_image_only_what_is_the_programs_is_within_reach(ulong address, ulong length, bool isUsable)
    {
        const ulong first = Image.NucleusData - 0x1000;
        for (ulong page = first; page < Image.NucleusDataEnd + 0x1000; page += 0x1000)
        {
            const ulong rights = PageTable.Present | PageTable.Writable | PageTable.NoExecute;
            Assert.True(PageTable.Map(page, FrameAllocator.Allocate() | rights));
        }

        Assert.Equal(isUsable ? 0 : -Errno.EFAULT, ProgramMemory.PrepareRead(address, length));
        Assert.Equal(isUsable ? 0 : -Errno.EFAULT, ProgramMemory.PrepareWrite(address, length));
    }

    [Theory]
    [InlineData(0x0, 10, -Errno.ENAMETOOLONG)]
    [InlineData(0x0, 11, 10)]
    [InlineData(0x4, 100, 6)]
    [InlineData(0xa, 1, 0)]
    [InlineData(0xffd, 100, 5)]
    [InlineData(0xffd, 5, -Errno.ENAMETOOLONG)]
    [InlineData(0x2ffe, 100, -Errno.EFAULT)]
    [InlineData(0x3000, 100, -Errno.EFAULT)]
    public void A_string_ends_at_its_zero_within_readable_memory(ulong offset, ulong limit, long length)
    {
        Assert.Equal(0, ProgramMemory.PrepareWrite(_pages, 1));
        for (ulong i = 0; i < 10; i++)
        {
            *(byte*)(_pages + i) = (byte)'a';
        }

        // A string of five across the border of two pages; one that never ends at the end of the third.
        Assert.Equal(0, MemoryCalls.Protect(_pages, 0x3000, 3));
        Assert.Equal(0, ProgramMemory.PrepareWrite(_pages, 0x3000));
        for (ulong i = 0; i < 5; i++)
        {
            *(byte*)(_pages + 0xffd + i) = (byte)'b';
        }

        *(ushort*)(_pages + 0x2ffe) = 0x6363;

        Assert.Equal(length, ProgramMemory.StringLength(_pages + offset, limit));
    }
}
