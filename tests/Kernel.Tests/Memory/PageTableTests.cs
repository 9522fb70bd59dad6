
namespace Xenlet.Kernel.Tests;

public sealed unsafe class PageTableTests : NucleusTest
{
    private const ulong Address = 0x40_0000_0000;
    private const ulong Border = Address + Pages.LargeSize;
    private const ulong ReadWrite = PageTable.Present | PageTable.Writable | PageTable.NoExecute;

    public PageTableTests() => BootMemory(64);

    [Fact]
    public void A_mapped_page_translates_to_its_frame_with_its_rights()
    {
        ulong frame = FrameAllocator.Allocate();

        Assert.True(PageTable.Map(Address, frame | ReadWrite));

        Assert.Equal(frame | ReadWrite | PageTable.HoldsFrame, HostMemory.Translate(Address));
        Assert.Equal(HostMemory.Translate(Address), *PageTable.Find(Address + 0xfff, create: false));
        *(ulong*)Address = 42;
        Assert.Equal(42ul, *(ulong*)frame);
    }

    [Fact]
    public void A_range_has_adjacent_frames_across_a_border_between_tables()
    {
        ulong before = FrameAllocator.FreeFrames;

        Assert.True(PageTable.MapRange(Border - Pages.Size, Border + (2 * Pages.Size), HostMemory.Base | ReadWrite));

        Assert.Equal(before - 4, FrameAllocator.FreeFrames);
        ulong[] pages = [Border - (2 * Pages.Size), Border - Pages.Size, Border, Border + Pages.Size, Border + (2 * Pages.Size)];
        ulong[] frames = [0, HostMemory.Base, HostMemory.Base + Pages.Size, HostMemory.Base + (2 * Pages.Size), 0];
        Assert.Equal(frames, pages.Select(page => HostMemory.Translate(page) & ~(ReadWrite | PageTable.HoldsFrame)));
    }

    [Fact]
    public void A_range_without_a_frame_for_a_table_is_refused()
    {
        while (FrameAllocator.FreeFrames > 3)
        {
            FrameAllocator.Allocate();
        }

        Assert.False(PageTable.MapRange(Border - Pages.Size, Border + Pages.Size, HostMemory.Base | ReadWrite));
    }

    /// <summary>One table of each level below the root, and more only where the addresses part.</summary>
    [Theory]
    [InlineData(0x1000ul, 0)]
    [InlineData(0x1f_f000ul, 0)]
    [InlineData(0x20_0000ul, 1)]
    [InlineData(0x3fff_f000ul, 1)]
    [InlineData(0x4000_0000ul, 2)]
    [InlineData(0x80_0000_0000ul, 3)]
    [InlineData(0x7f00_0000_0000ul, 3)]
    public void Two_pages_share_the_tables_that_map_both(ulong distance, int moreTables)
    {
        ulong before = FrameAllocator.FreeFrames;
        Assert.True(PageTable.Find(Address, create: true) != null);
        Assert.Equal(before - 3, FrameAllocator.FreeFrames);

        Assert.True(PageTable.Find(Address + distance, create: true) != null);

        Assert.Equal(before - 3 - (ulong)moreTables, FrameAllocator.FreeFrames);
    }

    [Fact]
    public void Looking_for_a_page_makes_no_table()
    {
        ulong before = FrameAllocator.FreeFrames;

        Assert.True(PageTable.Find(Address, create: false) == null);

        Assert.Equal(before, FrameAllocator.FreeFrames);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Without_a_frame_for_a_table_nothing_is_mapped(int frames)
    {
        List<ulong> taken = [];
        while (FrameAllocator.FreeFrames > (ulong)frames)
        {
            taken.Add(FrameAllocator.Allocate());
        }

        Assert.False(PageTable.Map(Address, taken[0] | ReadWrite));
        Assert.Equal(0ul, HostMemory.Translate(Address));
    }

    [Fact]
    public void Unmapping_frees_each_frame_and_each_whole_table_once()
    {
        // The 512 GiB of one entry of the root: page directory pointers, two directories, three tables, four pages.
        ulong[] addresses = [Address, Address + 0x1000, Address + 0x20_0000, Address + 0x4000_0000];
        const ulong start = Address & ~0x7f_ffff_fffful;
        ulong before = FrameAllocator.FreeFrames;
        foreach (ulong address in addresses)
        {
            Assert.True(PageTable.Map(address, FrameAllocator.Allocate() | ReadWrite));
        }

        Assert.Equal(before - 10, FrameAllocator.FreeFrames);

        Assert.Equal(4ul, PageTable.Unmap(start, start + 0x80_0000_0000));

        Assert.Equal(before, FrameAllocator.FreeFrames);
        Assert.Equal((1, 0), AssertFramesAccountedFor(out ulong others));
        Assert.Equal(0ul, others);
        Assert.Equal(0ul, PageTable.Unmap(start, start + 0x80_0000_0000));
        Assert.Equal(before, FrameAllocator.FreeFrames);
        HostMemory.AssertCoherent();
    }

    [Fact]
    public void A_table_that_maps_nothing_any_more_is_freed_however_it_became_empty()
    {
        ulong[] addresses = [Address, Address + 0x1000, Address + 0x20_0000, Address + 0x4000_0000];
        ulong before = FrameAllocator.FreeFrames;
        foreach (ulong address in addresses)
        {
            Assert.True(PageTable.Map(address, FrameAllocator.Allocate() | ReadWrite));
        }

        // Pages and tables go together: the last page of a table takes it along, the last of all the directories too.
        List<ulong> freed = [];
        foreach (ulong address in addresses)
        {
            ulong free = FrameAllocator.FreeFrames;
            Assert.Equal(1ul, PageTable.Unmap(address, address + Pages.Size));
            freed.Add(FrameAllocator.FreeFrames - free);
        }

        Assert.Equal([1, 2, 3, 4], freed);
        Assert.Equal(before, FrameAllocator.FreeFrames);
        Assert.Equal((1, 0), AssertFramesAccountedFor(out _));
        HostMemory.AssertCoherent();
    }

    [Fact]
    public void A_table_that_was_found_lately_is_not_found_once_it_is_freed()
    {
        const ulong other = Address + (64 * Pages.LargeSize);
        foreach (ulong address in new[] { Address, other, Address })
        {
            Assert.True(PageTable.Map(address, FrameAllocator.Allocate() | ReadWrite));
            Assert.Equal(HostMemory.Translate(address), *PageTable.Find(address, create: false));
            Assert.Equal(1ul, PageTable.Unmap(address, address + Pages.Size));
            Assert.True(PageTable.Find(address, create: false) == null, $"{address:x} has a table that was freed");
        }
    }

    [Fact]
    public void Unmapping_a_part_leaves_the_rest()
    {
        for (ulong i = 0; i < 4; i++)
        {
            Assert.True(PageTable.Map(Address + (i * 0x1000), FrameAllocator.Allocate() | ReadWrite));
            *(ulong*)(Address + (i * 0x1000)) = i + 10;
        }

        Assert.Equal(2ul, PageTable.Unmap(Address + 0x1000, Address + 0x3000));

        Assert.Equal(10ul, *(ulong*)Address);
        Assert.Equal(13ul, *(ulong*)(Address + 0x3000));
        Assert.Equal(0ul, HostMemory.Translate(Address + 0x1000));
        Assert.Equal(0ul, HostMemory.Translate(Address + 0x2000));
        Assert.Equal((4, 2), AssertFramesAccountedFor(out _));
        HostMemory.AssertCoherent();
    }

    [Fact]
    public void A_frame_that_is_not_the_allocators_is_not_freed()
    {
        ulong frame = FrameAllocator.Allocate();
        Assert.True(PageTable.Map(Address, frame | ReadWrite | PageTable.NotOwned));
        ulong before = FrameAllocator.FreeFrames;

        Assert.Equal(1ul, PageTable.Unmap(Address, Address + 0x1000));

        Assert.Equal(before + 3, FrameAllocator.FreeFrames); // Its three tables, which are.
        Assert.Equal(0ul, HostMemory.Translate(Address));
    }

    [Fact]
    public void Protection_keeps_contents_even_while_the_page_is_not_present()
    {
        Assert.True(PageTable.Map(Address, FrameAllocator.Allocate() | ReadWrite));
        *(ulong*)Address = 42;

        PageTable.Protect(Address, Address + 0x1000, PageTable.NoExecute);
        Assert.Equal(0ul, HostMemory.Translate(Address));
        HostMemory.AssertCoherent();

        PageTable.Protect(Address, Address + 0x1000, PageTable.Present);
        Assert.Equal(0ul, HostMemory.Translate(Address) & (PageTable.Writable | PageTable.NoExecute));
        Assert.Equal(42ul, *(ulong*)Address);
        Assert.Equal(1ul, PageTable.Unmap(Address, Address + 0x1000));
    }

    [Fact]
    public void Protection_passes_over_what_has_no_table_and_reaches_what_lies_behind()
    {
        const ulong far = Address + (5 * Pages.LargeSize);
        Assert.True(PageTable.Map(far, FrameAllocator.Allocate() | ReadWrite));
        ulong before = FrameAllocator.FreeFrames;

        PageTable.Protect(Address + 0x3000, far + 0x1000, PageTable.Present | PageTable.NoExecute);

        Assert.Equal(0ul, HostMemory.Translate(far) & PageTable.Writable);
        Assert.Equal(before, FrameAllocator.FreeFrames);
    }

    [Fact]
    public void Only_what_is_present_and_canonical_is_readable()
    {
        Assert.True(PageTable.Map(Address, FrameAllocator.Allocate() | ReadWrite));
        Assert.True(PageTable.MapLarge(DirectMap.Base + 0x60_0000, 0x60_0000 | ReadWrite));

        (ulong Address, bool Readable)[] table =
        [
            (Address, true),
            (Address + 0xfff, true),
            (Address + 0x1000, false),
            (Address - 1, false),
            (Address + 0x20_0000, false),
            (Address | 1UL << 47, false),
            (Address | 0xffff_0000_0000_0000, false),
            (DirectMap.Base + 0x60_0000, true),
            (DirectMap.Base + 0x7f_ffff, true),
            (DirectMap.Base + 0x80_0000, false),
            (DirectMap.Base + 0x5f_ffff, false),
            ((DirectMap.Base + 0x60_0000) & 0x0000_ffff_ffff_ffff, false),
            (0, false),
            (ulong.MaxValue, false),
        ];
        Assert.All(table, row => Assert.Equal((row.Address, row.Readable), (row.Address, PageTable.IsReadable(row.Address))));

        PageTable.Protect(Address, Address + 0x1000, PageTable.NoExecute);
        Assert.False(PageTable.IsReadable(Address));
    }

    [Fact]
    public void A_large_page_has_no_small_entries()
    {
        Assert.True(PageTable.MapLarge(DirectMap.Base + 0x60_0000, 0x60_0000 | ReadWrite));
        ulong before = FrameAllocator.FreeFrames;

        Assert.True(PageTable.Find(DirectMap.Base + 0x60_1000, create: false) == null);
        Assert.True(PageTable.Find(DirectMap.Base + 0x60_1000, create: true) == null);
        Assert.False(PageTable.Map(DirectMap.Base + 0x60_1000, ReadWrite));

        Assert.Equal(before, FrameAllocator.FreeFrames);
        Assert.True(PageTable.IsReadable(DirectMap.Base + 0x60_1000));
    }
}
