
namespace Xenlet.Kernel.Tests;

/// <summary>A frame that the program can execute cannot be written to by its other address, in the direct map.</summary>
public sealed unsafe class FrameAliasTests : NucleusTest
{
    private const uint Read = 1;
    private const uint ReadWrite = 3;
    private const uint ReadExecute = 5;
    private const uint Everything = 7;

    /// <summary>The direct map in large pages, as at boot.</summary>
    public FrameAliasTests()
    {
        for (ulong frame = HostMemory.Base; frame < HostMemory.Base + (DefaultFrames * Pages.Size); frame += Pages.LargeSize)
        {
            const ulong rights = PageTable.Present | PageTable.Writable | PageTable.NoExecute;
            Assert.True(PageTable.MapLarge(DirectMap.Base + frame, frame | rights));
        }
    }

    [Theory]
    [InlineData(Read, true)]
    [InlineData(ReadWrite, true)]
    [InlineData(Everything, true)]
    [InlineData(ReadExecute, false)]
    public void The_alias_is_writable_unless_the_page_can_be_executed(uint rights, bool isWritable)
    {
        ulong address = Allocate(3);
        ulong[] frames = [FrameAt(address), FrameAt(address + 0x1000), FrameAt(address + 0x2000)];

        Assert.Equal(0, Call(SystemCallNumber.Mprotect, address + 0x1000, 0x1000, rights));

        Assert.Equal([true, isWritable, true], frames.Select(IsAliasWritable));
    }

    [Theory]
    [InlineData("made writable")]
    [InlineData("made unreachable")]
    [InlineData("unmapped")]
    [InlineData("discarded")]
    [InlineData("mapped over")]
    public void The_alias_is_writable_again_when_the_page_is_no_code_any_more(string how)
    {
        ulong address = Allocate(1);
        ulong frame = FrameAt(address);
        Assert.Equal(0, Call(SystemCallNumber.Mprotect, address, 0x1000, ReadExecute));
        Assert.False(IsAliasWritable(frame));

        Assert.Equal(how == "mapped over" ? (long)address : 0, how switch
        {
            "made writable" => Call(SystemCallNumber.Mprotect, address, 0x1000, ReadWrite),
            "made unreachable" => Call(SystemCallNumber.Mprotect, address, 0x1000, 0),
            "unmapped" => Call(SystemCallNumber.Munmap, address, 0x1000),
            "discarded" => Call(SystemCallNumber.Madvise, address, 0x1000, 4),
            _ => Call(SystemCallNumber.Mmap, address, 0x1000, ReadWrite, 0x32),
        });

        Assert.True(IsAliasWritable(frame));
    }

    [Fact]
    public void A_page_that_is_code_at_its_first_touch_has_no_writable_alias_either()
    {
        ulong address = (ulong)Call(SystemCallNumber.Mmap, 0, 0x1000, ReadExecute, 0x22);

        Trap(Vector.PageFault, errorCode: 16, address);

        Assert.False(IsAliasWritable(FrameAt(address)));
    }

    [Fact]
    public void A_page_whose_alias_cannot_be_told_from_its_neighbours_does_not_become_code()
    {
        ulong address = Allocate(1);
        ulong frame = FrameAt(address);
        while (FrameAllocator.Allocate() != 0)
        {
        }

        Assert.Equal(-Errno.ENOMEM, Call(SystemCallNumber.Mprotect, address, 0x1000, ReadExecute));

        Assert.Equal(PageTable.Writable | PageTable.NoExecute, HostMemory.Translate(address) & (PageTable.Writable | PageTable.NoExecute));
        Assert.True(IsAliasWritable(frame));
    }

    private static ulong FrameAt(ulong address) => PageTable.FrameOf(HostMemory.Translate(address));

    /// <summary>A large page of the direct map has no entry for a frame, and is writable.</summary>
    private static bool IsAliasWritable(ulong frame)
    {
        ulong* slot = PageTable.Find(DirectMap.Base + frame, create: false);
        if (slot == null)
        {
            return true;
        }

        Assert.Equal(frame, PageTable.FrameOf(*slot));
        Assert.False(PageTable.IsExecutable(*slot), "the direct map can be executed");
        return (*slot & PageTable.Writable) != 0;
    }
}
