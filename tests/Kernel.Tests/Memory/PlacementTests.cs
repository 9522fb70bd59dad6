using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Tests;

/// <summary>Where a random number puts mappings and the main stack.</summary>
public sealed unsafe class PlacementTests : NucleusTest
{
    private const uint Flags = 0x22;
    private const ulong Base = AddressSpace.MapBase;

    [Theory]
    [InlineData(0ul, Base)]
    [InlineData(0x1f_fffful, Base)]
    [InlineData(0x20_0000ul, Base + 0x20_0000)]
    [InlineData(0x1234_5678_9abc_def0ul, Base + 0x1678_9aa0_0000)]
    [InlineData(ulong.MaxValue, Base + 0x3fff_ffe0_0000)]
    public void Mappings_begin_at_a_random_address_and_grow_from_there(ulong random, ulong first)
    {
        AddressSpace.PlaceMappings(random);

        Assert.Equal((long)first, Call(SystemCallNumber.Mmap, 0, 0x3000, 3, Flags));
        Assert.Equal((long)first + 0x3000, Call(SystemCallNumber.Mmap, 0, 0x1000, 3, Flags));
        Assert.InRange(first + (1ul << 40), Base, SharedPages.WindowStart);
    }

    [Fact]
    public void What_has_no_room_above_lies_below()
    {
        AddressSpace.PlaceMappings(ulong.MaxValue);
        const ulong most = AddressSpace.MapEnd - Base - AddressSpace.RandomSpan;

        Assert.Equal((long)Base, Call(SystemCallNumber.Mmap, 0, most + (2 * Pages.LargeSize), 0, Flags));
    }

    [Theory]
    [InlineData(0ul, 0ul)]
    [InlineData(1ul, 0x1000ul)]
    [InlineData(0x3f_fffful, 0x3_ffff_f000ul)]
    [InlineData(0x40_0000ul, 0ul)]
    [InlineData(ulong.MaxValue, 0x3_ffff_f000ul)]
    public void The_main_stack_ends_at_a_random_page_below_the_top(ulong random, ulong below)
    {
        Thread* thread = Current;

        ulong top = ThreadStack.MapMain(thread, random);

        Assert.Equal(AddressSpace.MapEnd - below, top);
        Assert.Equal((top, top - Stacks.DefaultSize), (thread->StackHigh, thread->StackLow));
        Assert.Equal(RegionKind.Guard, RegionList.Find(thread->StackLow - 1)->Kind);
        Assert.Equal(Stacks.GuardSize, RegionList.Find(thread->StackLow - 1)->End - RegionList.Find(thread->StackLow - 1)->Start);
        Assert.True(RegionList.Find(top) == null || top == AddressSpace.MapEnd);
    }
}
