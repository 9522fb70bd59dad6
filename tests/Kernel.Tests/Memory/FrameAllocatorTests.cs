
namespace Xenlet.Kernel.Tests;

public sealed unsafe class FrameAllocatorTests : NucleusTest
{
    private const ulong Ram = HostMemory.Base;

    [Fact]
    public void Frames_come_lowest_first_whatever_the_order_of_the_memory_map()
    {
        StartMemory((Ram + 0x8000, Ram + 0xa000), (Ram, Ram + 0x2000), (Ram + 0x4000, Ram + 0x5000));

        Assert.Equal(5ul, FrameAllocator.TotalFrames);
        Assert.Equal([Ram, Ram + 0x1000, Ram + 0x4000, Ram + 0x8000, Ram + 0x9000, 0], Allocate(6));
    }

    [Fact]
    public void A_frame_is_full_of_zeros_even_when_it_was_used_before()
    {
        StartMemory((Ram, Ram + 0x1000));

        ulong frame = FrameAllocator.Allocate();
        Assert.Equal(new byte[4096], Load(frame, 4096));

        new Span<byte>((void*)frame, 4096).Fill(7);
        FrameAllocator.Free(frame);
        Assert.Equal(frame, FrameAllocator.Allocate());
        Assert.Equal(new byte[4096], Load(frame, 4096));
    }

    [Fact]
    public void Memory_that_nobody_needs_is_not_touched()
    {
        StartMemory((Ram, Ram + 0x4000));

        _ = Allocate(2);

        Assert.All(Load(Ram + 0x2000, 0x2000), value => Assert.Equal(HostMemory.Dirt, value));
    }

    [Fact]
    public void Freed_frames_are_used_before_fresh_ones_and_count_as_free()
    {
        StartMemory((Ram, Ram + 0x5000));
        ulong[] frames = Allocate(3);
        Assert.Equal(2ul, FrameAllocator.FreeFrames);

        FrameAllocator.Free(frames[0]);
        FrameAllocator.Free(frames[2]);

        Assert.Equal(4ul, FrameAllocator.FreeFrames);
        Assert.Equal([frames[2], frames[0], Ram + 0x3000, Ram + 0x4000, 0], Allocate(5));
        Assert.Equal(0ul, FrameAllocator.FreeFrames);
    }

    /// <summary>Physical page 0 and the image are RAM, and never handed out.</summary>
    [Theory]
    [InlineData(0ul, 0x1000ul, 0ul)]
    [InlineData(0ul, 0x3000ul, 2ul)]
    [InlineData(0x20_0000ul, 0x40_0000ul, 0ul)]
    [InlineData(0x1f_f000ul, 0x40_1000ul, 2ul)]
    [InlineData(0x1f_f000ul, 0x30_0000ul, 1ul)]
    [InlineData(0x30_0000ul, 0x40_3000ul, 3ul)]
    [InlineData(0x1f_e000ul, 0x20_0000ul, 2ul)]
    [InlineData(0x40_0000ul, 0x40_1000ul, 1ul)]
    public void Page_zero_and_the_image_are_left_out(ulong start, ulong end, ulong frames)
    {
        StartMemory((start, end));

        Assert.Equal(frames, FrameAllocator.TotalFrames);
        Assert.Equal(frames, FrameAllocator.FreeFrames);
    }

    [Fact]
    public void Incomplete_pages_of_the_memory_map_are_left_out()
    {
        StartMemory((Ram + 1, Ram + 0x2fff), (Ram + 0x5001, Ram + 0x5fff), (Ram + 0x8000, Ram + 0x9001));

        Assert.Equal([Ram + 0x1000, Ram + 0x8000, 0], Allocate(3));
        Assert.Equal(2ul, MemoryMap.TotalPages);
        Assert.Equal(Ram + 0x9000, MemoryMap.End);
        Assert.True(MemoryMap.IsRam(Ram + 0x1fff));
        Assert.False(MemoryMap.IsRam(Ram + 0x2000));
        Assert.False(MemoryMap.IsRam(Ram + 0xfff));
    }

    [Fact]
    public void Only_ranges_of_RAM_are_used()
    {
        ResetState();
        InitialiseMap(
        [
            new MemoryMapEntry { Address = Ram, Size = 0x1000, Type = 2 },
            new MemoryMapEntry { Address = Ram + 0x1000, Size = 0x1000, Type = 1 },
            new MemoryMapEntry { Address = Ram + 0x2000, Size = 0x1000, Type = 5 },
        ]);

        Assert.Equal(1ul, MemoryMap.TotalPages);
        Assert.Equal(Ram + 0x1000, MemoryMap.Get(0)->Start);
    }

    [Theory]
    [InlineData(ulong.MaxValue, 0)]
    [InlineData(ulong.MaxValue - 0xfff, 0x3000)]
    [InlineData(0x1000, ulong.MaxValue - 0xfff)]
    [InlineData(1UL << 52, 0x1000)]
    [InlineData((1UL << 52) - 0x1000, 0x2000)]
    public void Ranges_that_no_processor_can_address_are_not_used(ulong address, ulong size)
    {
        ResetState();
        InitialiseMap(
        [
            new MemoryMapEntry { Address = address, Size = size, Type = 1 },
            new MemoryMapEntry { Address = Ram, Size = 0x1000, Type = 1 },
        ]);

        Assert.Equal((1, 1ul), (MemoryMap.Count, MemoryMap.TotalPages));
        Assert.Equal(Ram, MemoryMap.Get(0)->Start);
        Assert.Equal(Ram + 0x1000, MemoryMap.End);
    }

    [Fact]
    public void Ranges_beyond_the_thirty_second_are_left_out_and_said()
    {
        StartMemory([.. Enumerable.Range(0, 33).Select(i => (Ram + ((ulong)i * 0x2000), Ram + ((ulong)i * 0x2000) + 0x1000))]);

        Assert.Equal(32ul, FrameAllocator.TotalFrames);
        Assert.Contains("more than 32 ranges of memory", KernelLog.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loader_without_a_memory_map_is_refused_by_name()
    {
        ResetState();
        StartInfo info = new() { Version = 0, MemoryMapEntries = 1 };

        try
        {
            LoaderMemoryMap.Read(&info);
            Assert.Fail("it was taken");
        }
        catch (PanicException panic)
        {
            Assert.Contains("no memory map", panic.Message, StringComparison.Ordinal);
        }
    }

    private static ulong[] Allocate(int count)
    {
        ulong[] frames = new ulong[count];
        for (int i = 0; i < count; i++)
        {
            frames[i] = FrameAllocator.Allocate();
        }

        return frames;
    }
}
