namespace Xenlet.Kernel.Tests;

/// <summary>What a program does to its memory.</summary>
internal enum MemoryAction
{
    Map,
    Unmap,
    Protect,
    Discard,
    Break,
    Touch,
}

/// <summary>A step of a program.</summary>
/// <param name="Action">What it does.</param>
/// <param name="Page">Number of the first page.</param>
/// <param name="Count">Pages; for <see cref="MemoryAction.Break"/>, those of the heap from now on.</param>
/// <param name="Rights">Protection; for <see cref="MemoryAction.Touch"/>, 1 and 2 write, 3 executes, all others read.</param>
/// <param name="Flags">Those of mmap.</param>
internal sealed record MemoryStep(MemoryAction Action, ulong Page, ulong Count, uint Rights, uint Flags);

/// <summary>Makes the steps of a program and compares its memory with <see cref="AddressSpaceModel"/> after each.</summary>
internal abstract unsafe class AddressSpaceStory : NucleusTest
{
    // Flags of mmap: private and anonymous, at this address or anywhere.
    public const uint Fixed = 0x32;
    public const uint Anywhere = 0x22;
    public const uint Stack = 0x20000;
    public const uint NoReplace = 0x100022;

    /// <summary>The first page of mappings.</summary>
    public const ulong FirstPage = AddressSpace.MapBase / 4096;

    /// <summary>The first page of the heap of brk.</summary>
    public const ulong FirstBreakPage = ImageEnd / 4096;

    private const ulong Frames = 320;

    public static void Run(IReadOnlyList<MemoryStep> steps)
    {
        BootMemory(Frames);
        Assert.True(RegionList.Reserve(1)); // Records for all that follows, so that none of it takes a frame for them.
        ulong reserve = FrameAllocator.FreeFrames - MemoryCharge.Available;
        AddressSpaceModel model = new();
        ulong breakPages = 0;
        ulong stamp = 1;
        foreach (MemoryStep step in steps)
        {
            switch (step.Action)
            {
                case MemoryAction.Map:
                    Map(model, step);
                    break;
                case MemoryAction.Unmap:
                    Assert.Equal(0, MemoryCalls.Unmap(step.Page * 4096, step.Count * 4096));
                    model.Unmap(step.Page, step.Count);
                    break;
                case MemoryAction.Protect:
                    Protect(model, step);
                    break;
                case MemoryAction.Discard:
                    Assert.Equal(0, MemoryCalls.Advise(step.Page * 4096, step.Count * 4096, 4));
                    model.Discard(step.Page, step.Count);
                    break;
                case MemoryAction.Break:
                    breakPages = SetBreak(model, breakPages, step.Count);
                    break;
                default:
                    Touch(model, step, stamp++);
                    break;
            }

            Compare(model, reserve);
        }

        End(reserve);
    }

    private static void Map(AddressSpaceModel model, MemoryStep step)
    {
        bool mayReplace = (step.Flags & 0x10) != 0;
        bool isFixed = step.Flags != Anywhere;
        bool isStack = (step.Flags & Stack) != 0;
        Protection protection = (Protection)step.Rights;
        ulong available = MemoryCharge.Available;

        long result = MemoryCalls.Map(step.Page * 4096, step.Count * 4096, step.Rights, step.Flags, -1);

        if (isFixed && !mayReplace && !model.IsFree(step.Page, step.Count))
        {
            Assert.Equal(-Errno.EEXIST, result);
        }
        else if (NeededForMapping() > available)
        {
            Assert.Equal(-Errno.ENOMEM, result);
        }
        else
        {
            bool takesHint = step.Page != 0 && model.IsFree(step.Page, step.Count);
            ulong page = isFixed || takesHint ? step.Page : model.FindFree(FirstPage, step.Count);
            Assert.Equal((long)page * 4096, result);
            model.Map(page, step.Count, protection, isStack);
        }

        ulong NeededForMapping()
        {
            bool takesHint = step.Page != 0 && model.IsFree(step.Page, step.Count);
            ulong page = isFixed || takesHint ? step.Page : model.FindFree(FirstPage, step.Count);
            return model.NeededByMapping(page, step.Count, protection, isStack);
        }
    }

    private static void Protect(AddressSpaceModel model, MemoryStep step)
    {
        Protection protection = (Protection)step.Rights;
        bool isWhole = Enumerable.Range(0, (int)step.Count).All(i => model.At(step.Page + (ulong)i) != null);
        bool isAllowed = isWhole && model.NeededByProtection(step.Page, step.Count, protection) <= MemoryCharge.Available;

        long result = MemoryCalls.Protect(step.Page * 4096, step.Count * 4096, step.Rights);

        Assert.Equal(isAllowed ? 0 : -Errno.ENOMEM, result);
        if (isAllowed)
        {
            model.Protect(step.Page, step.Count, protection);
        }
    }

    private static ulong SetBreak(AddressSpaceModel model, ulong oldPages, ulong newPages)
    {
        const Protection readWrite = Protection.Read | Protection.Write;
        bool isRefused = newPages > oldPages
            && model.NeededByMapping(FirstBreakPage + oldPages, newPages - oldPages, readWrite, isStack: false) > MemoryCharge.Available;
        ulong result = AddressSpace.SetBreak(ImageEnd + (newPages * 4096));
        if (isRefused)
        {
            Assert.Equal(ImageEnd + (oldPages * 4096), result);
            return oldPages;
        }

        Assert.Equal(ImageEnd + (newPages * 4096), result);
        if (newPages > oldPages)
        {
            model.Map(FirstBreakPage + oldPages, newPages - oldPages, readWrite, isStack: false);
        }
        else
        {
            model.Unmap(FirstBreakPage + newPages, oldPages - newPages);
        }

        return newPages;
    }

    private static void Touch(AddressSpaceModel model, MemoryStep step, ulong stamp)
    {
        bool write = step.Rights is 1 or 2;
        bool execute = step.Rights == 3;
        ulong address = (step.Page * 4096) + 8;
        if (model.At(step.Page) is { IsCharged: false, HasFrame: false } && FrameAllocator.FreeFrames <= model.Promised + 12)
        {
            return; // Whether a stack still gets a page is another test's.
        }

        Assert.Equal(model.Touch(step.Page, write, execute), DemandPaging.Touch(address, write, execute));
        AddressSpaceModel.Page? page = model.At(step.Page);
        if (write && page is { HasFrame: true } && (page.Protection & Protection.Write) != 0)
        {
            *(ulong*)address = stamp;
            page.Content = stamp;
        }
    }

    private static void Compare(AddressSpaceModel model, ulong reserve)
    {
        ulong taken = model.Promised + reserve;
        Assert.Equal(FrameAllocator.FreeFrames > taken ? FrameAllocator.FreeFrames - taken : 0, MemoryCharge.Available);
        foreach ((ulong number, AddressSpaceModel.Page page) in model.Mapped)
        {
            if (!page.HasFrame)
            {
                Assert.Equal((number, 0ul), (number, HostMemory.Translate(number * 4096)));
                continue;
            }

            ulong* slot = PageTable.Find(number * 4096, create: false);
            Assert.True(slot != null && (*slot & PageTable.HoldsFrame) != 0, $"page {number:x} lost its frame");
            Assert.Equal((number, page.Content), (number, *(ulong*)(PageTable.FrameOf(*slot) + 8)));
            Assert.Equal((number, page.Protection != 0), (number, (*slot & PageTable.Present) != 0));
            bool isWritable = (page.Protection & Protection.Write) != 0;
            bool isExecutable = (page.Protection & Protection.Execute) != 0 && !isWritable;
            if (page.Protection != 0)
            {
                Assert.Equal((number, isWritable), (number, (*slot & PageTable.Writable) != 0));
                Assert.Equal((number, isExecutable), (number, (*slot & PageTable.NoExecute) == 0));
                Assert.Equal((number, page.Content), (number, *(ulong*)((number * 4096) + 8)));
            }
        }

        HostMemory.AssertCoherent();
        Assert.Equal((1 + model.Tables, model.Frames), AssertFramesAccountedFor(out ulong others));
        Assert.Equal(1ul, others); // The records of regions.
        AssertRegions(model);
    }

    /// <summary>Regions are sorted, do not overlap, and cover exactly the model's pages.</summary>
    private static void AssertRegions(AddressSpaceModel model)
    {
        ulong end = 0;
        ulong pages = 0;
        Region* previous = null;
        for (Region* region = RegionList.First; region != null; region = region->Next)
        {
            Assert.True(region->Start >= end && region->End > region->Start && region->Previous == previous, "the list is damaged");
            for (ulong address = region->Start; address < region->End; address += 4096)
            {
                Assert.Equal(model.At(address / 4096)?.Protection, region->Protection);
            }

            pages += region->PageCount;
            end = region->End;
            previous = region;
        }

        Assert.Equal((ulong)model.Mapped.Count(), pages);
    }

    /// <summary>When all is unmapped, all frames are back but the root table and the records of regions.</summary>
    private static void End(ulong reserve)
    {
        Assert.Equal(0, MemoryCalls.Unmap(AddressSpace.LowestAddress, AddressSpace.MapEnd - AddressSpace.LowestAddress));

        Assert.True(RegionList.First == null);
        Assert.Equal((1, 0), AssertFramesAccountedFor(out ulong others));
        Assert.Equal(1ul, others);
        Assert.Equal(FrameAllocator.FreeFrames - reserve, MemoryCharge.Available);
    }
}
