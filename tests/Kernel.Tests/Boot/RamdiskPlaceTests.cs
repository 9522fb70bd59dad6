namespace Xenlet.Kernel.Tests;

/// <summary>Where the loader has put the ramdisk.</summary>
public sealed unsafe class RamdiskPlaceTests : NucleusTest
{
    private const ulong Ram = HostMemory.Base;

    [Fact]
    public void Its_pages_are_never_given_to_others()
    {
        StartMemory((Ram, Ram + 0x6000));
        FrameAllocator.Initialise(0x20_0000, 0x40_0000, new() { Start = Ram + 0x2000, End = Ram + 0x4000 });
        List<ulong> frames = [];
        while (FrameAllocator.FreeFrames > 6)
        {
            frames.Add(FrameAllocator.Allocate());
        }

        Assert.DoesNotContain(Ram + 0x2000, frames);
        Assert.DoesNotContain(Ram + 0x3000, frames);
    }

    [Theory]
    [InlineData(0x1000, 0x1000, true)]
    [InlineData(0x1234, 0x100, true)]
    [InlineData(0x1000, 0, false)]
    public void One_in_free_memory_is_found(ulong offset, ulong size, bool isThere)
    {
        StartMemory((Ram, Ram + 0x6000));

        Find(1, Ram + offset, size);

        Assert.Equal(isThere ? (Ram + 0x1000, Ram + 0x2000) : (0, 0), (Ramdisk.Extent.Start, Ramdisk.Extent.End));
    }

    [Theory]
    [InlineData(1, 0x5000, 0x2000)]
    [InlineData(1, 0x8000, 0x1000)]
    [InlineData(1, 0x1000, ulong.MaxValue)]
    [InlineData(1, 0x3000, 0x1001)]
    [InlineData(1, 0x4fff, 0x2)]
    [InlineData(2, 0x1000, 0x1000)]
    public void One_elsewhere_and_more_than_one_are_refused(uint count, ulong offset, ulong size)
    {
        StartMemory((Ram, Ram + 0x6000));
        Assert.Throws<PanicException>(() => Find(count, Ram + offset, size));
    }

    /// <summary>The image is where the last-but-one page is.</summary>
    private static void Find(uint count, ulong address, ulong size)
    {
        ModuleListEntry* modules = stackalloc ModuleListEntry[2];
        modules[0] = modules[1] = new() { Address = address, Size = size };
        StartInfo info = new() { ModuleCount = count, ModuleListAddress = (ulong)modules };
        Ramdisk.Find(&info, Ram + 0x4000, Ram + 0x5000);
    }
}
