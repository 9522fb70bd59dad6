using CsCheck;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>The program's mappings of other domains' pages, with a Xen that refuses, fails and lies.</summary>
public sealed unsafe class ForeignPagesTests : NucleusTest, IDisposable
{
    private const int Room = (int)NucleusCallForeign.MaximumRecords + 1;

    private GrantingDomain _domain;
    private ForeignPageRecord* _records;

    public ForeignPagesTests() => Start();

    public void Dispose() => Machine.Reset();

    [Theory]
    [InlineData(false, GrantTableOp.GNTMAP_host_map)]
    [InlineData(true, GrantTableOp.GNTMAP_host_map | GrantTableOp.GNTMAP_readonly)]
    public void A_page_appears_above_the_grant_table_with_the_rights_of_its_mapping_and_is_never_code(bool isReadOnly, uint flags)
    {
        ForeignPageRecord page = Assert.Single(Map(isReadOnly, 17));

        ulong frame = MemoryMap.FirstFrameWithoutRam + 1 + GrantTable.MaximumFrames;
        Assert.Equal((frame * 4096, 17u, flags, (ushort)7), Assert.Single(_domain.Mapped));
        Assert.Equal(SharedPages.WindowStart + (frame * 4096), page.Address);
        ulong entry = Entry(page.Address);
        Assert.Equal(frame * 4096, PageTable.FrameOf(entry));
        Assert.Equal(!isReadOnly, (entry & PageTable.Writable) != 0);
        Assert.Equal(PageTable.NoExecute | PageTable.NotOwned, entry & (PageTable.NoExecute | PageTable.NotOwned));
    }

    [Fact]
    public void The_grant_table_never_grows_into_other_domains_pages()
    {
        Machine.Hypervisor = call =>
        {
            if (call.A1 == GrantTableOp.GNTTABOP_query_size)
            {
                HostHypercall.At<gnttab_query_size>(call.A2).max_nr_frames = uint.MaxValue;
            }
            else if (call.A1 == GrantTableOp.GNTTABOP_get_version)
            {
                HostHypercall.At<gnttab_get_version>(call.A2).version = 1;
            }

            return 0;
        };
        Assert.Equal(0, GrantTable.Initialise((void*)1, MemoryMap.FirstFrameWithoutRam + 1));

        Assert.Equal(GrantTable.MaximumFrames, Field(typeof(GrantTable), "s_maximumFrames").GetValue(null));
        Assert.Equal(MemoryMap.FirstFrameWithoutRam + 1 + GrantTable.MaximumFrames, ForeignPages.FirstFrame);
    }

    [Fact]
    public void Each_grant_has_its_own_status_and_a_slot_only_where_it_is_mapped()
    {
        short[] refusals = [.. Enumerable.Range(-13, 13).Select(status => (short)status)];
        _domain.Refusal = reference => reference < 13 ? refusals[reference] : null;

        ForeignPageRecord[] pages = Map(false, [20, .. Enumerable.Range(0, 13).Select(i => (uint)i), 21]);

        Assert.Equal([0, .. refusals, 0], pages.Select(page => (short)page.Status));
        Assert.Equal(2u, ForeignPages.Mapped);
        Assert.Equal(0u, ForeignPages.Stuck);
        Assert.Equal(2, _domain.Present.Count);
        Assert.All(pages[1..^1], page => Assert.Equal(0ul, Entry(ForeignPages.AddressOf((uint)page.Slot))));
        Assert.NotEqual(0ul, Entry(pages[^1].Address));
    }

    /// <summary>The table that they share is empty when the first has failed.</summary>
    [Fact]
    public void A_page_that_cannot_be_mapped_does_not_take_the_page_table_of_the_next()
    {
        _domain.Refusal = reference => reference == 1 ? (short)-3 : null;
        ForeignPageRecord[] pages = Map(false, 1, 2);
        Assert.NotEqual(0ul, Entry(pages[1].Address));
        AssertFramesAccountedFor();
    }

    [Fact]
    public void The_nucleuss_entry_is_gone_and_invalidated_before_Xen_ends_the_mapping()
    {
        ForeignPageRecord page = Assert.Single(Map(false, 1));
        _domain.Invalidated.Clear();
        int checks = 0;
        _domain.BeforeUnmap = address =>
        {
            Assert.Equal(0ul, Entry(SharedPages.WindowStart + address));
            Assert.Contains(page.Address, _domain.Invalidated);
            checks++;
        };

        Assert.Equal([GrantStatus.GNTST_okay], Unmap(page));

        Assert.Equal(1, checks);
        Assert.Empty(_domain.Present);
        Assert.Equal(-Errno.EFAULT, ProgramMemory.PrepareRead(page.Address, 1));
        Assert.Equal((0u, 0u), (ForeignPages.Mapped, ForeignPages.Stuck));
        AssertFramesAccountedFor();
    }

    [Theory]
    [InlineData((short)GrantStatus.GNTST_general_error)]
    [InlineData((short)GrantStatus.GNTST_bad_handle)]
    [InlineData((short)1)]
    [InlineData(short.MinValue)]
    public void A_mapping_that_does_not_end_is_out_of_reach_and_its_frame_is_not_used_again_before_a_resume(short refusal)
    {
        ForeignPageRecord[] pages = Map(false, 1, 2);
        _domain.UnmapRefusal = _ => refusal;

        Assert.NotEqual(GrantStatus.GNTST_okay, Assert.Single(Unmap(pages[0])));

        Assert.Equal(0ul, Entry(pages[0].Address));
        Assert.Equal((1u, 1u), (ForeignPages.Mapped, ForeignPages.Stuck));
        Assert.Equal([GrantStatus.GNTST_bad_handle], Unmap(pages[0]));
        _domain.UnmapRefusal = static _ => null;
        Assert.Equal([GrantStatus.GNTST_okay], Unmap(pages[1]));
        HashSet<ulong> later = [.. Enumerable.Range(0, 20).SelectMany(_ => Map(false, 3)).Select(page => page.Address)];
        Assert.DoesNotContain(pages[0].Address, later);

        Resume();
        Assert.Equal((0u, 0u), (ForeignPages.Mapped, ForeignPages.Stuck));
        Assert.Equal(pages[0].Address, Assert.Single(Map(false, 4)).Address);
    }

    [Theory]
    [InlineData(0, 0L)]
    [InlineData(0, -14L)]
    [InlineData(2, -14L)]
    [InlineData(3, -38L)]
    [InlineData(4, -14L)]
    [InlineData(4, 77L)]
    public void A_call_that_stops_has_done_what_the_statuses_say(int done, long result)
    {
        _domain.StopAfter = done;
        _domain.Result = result;

        ForeignPageRecord[] pages = Map(false, 1, 2, 3, 4);

        Assert.Equal(Enumerable.Range(0, 4).Select(i => i < done ? 0 : -1), pages.Select(page => (int)page.Status));
        Assert.Equal(((uint)done, 0u), (ForeignPages.Mapped, ForeignPages.Stuck));
        _domain.StopAfter = int.MaxValue;
        _domain.Result = 0;
        foreach (ForeignPageRecord page in pages[..done])
        {
            Assert.Equal([GrantStatus.GNTST_okay], Unmap(page));
        }

        Assert.Empty(_domain.Present);
    }

    [Theory]
    [InlineData((short)1)]
    [InlineData((short)-14)]
    [InlineData(short.MaxValue)]
    public void A_slot_about_which_Xen_says_nothing_known_is_not_used_again(short lie)
    {
        _domain.Refusal = reference => reference == 1 ? lie : null;

        ForeignPageRecord[] pages = Map(false, 1, 2);

        Assert.Equal([GrantStatus.GNTST_general_error, GrantStatus.GNTST_okay], pages.Select(page => page.Status));
        Assert.Equal((1u, 1u), (ForeignPages.Mapped, ForeignPages.Stuck));
        Assert.Equal(2ul, Assert.Single(Map(false, 3)).Slot);
    }

    [Fact]
    public void A_call_takes_64_records_in_hypercalls_of_32()
    {
        uint[] references = [.. Enumerable.Range(0, 64).Select(i => (uint)i)];
        Assert.All(Map(false, references), page => Assert.Equal(GrantStatus.GNTST_okay, page.Status));
        Assert.Equal([32, 32], _domain.Batches);
        Assert.Equal(64, _domain.Present.Distinct().Count());
    }

    [Theory]
    [InlineData(NucleusCall.MapForeignPages)]
    [InlineData(NucleusCall.UnmapForeignPages)]
    [InlineData(NucleusCall.CopyForeignPages)]
    public void Records_that_are_too_many_or_not_the_programs_are_refused(int call)
    {
        Assert.Equal(-Errno.EINVAL, Call(call, (ulong)_records, 0));
        Assert.Equal(-Errno.EINVAL, Call(call, (ulong)_records, 65));
        Assert.Equal(-Errno.EINVAL, Call(call, (ulong)_records, ulong.MaxValue));
        Assert.Equal(-Errno.EFAULT, Call(call, 0, 1));
        Assert.Equal(-Errno.EFAULT, Call(call, HostMemory.Base + 0x8000_0000_0000, 1));
        Assert.Empty(_domain.Batches);
    }

    [Fact]
    public void What_is_no_mapping_is_refused_and_Xen_is_not_asked()
    {
        ForeignPageRecord page = Assert.Single(Map(false, 1));
        ulong[] wrong = [page.Slot + 1, 511, 512, ForeignPages.Capacity, uint.MaxValue, ulong.MaxValue];
        _domain.Batches.Clear();
        Assert.All(
            Unmap([.. wrong.Select(slot => new ForeignPageRecord { Slot = slot })]),
            status => Assert.Equal(GrantStatus.GNTST_bad_handle, status));
        Assert.Empty(_domain.Batches);
        Assert.Equal([GrantStatus.GNTST_okay, GrantStatus.GNTST_bad_handle], Unmap(page, page));
    }

    [Fact]
    public void After_a_resume_a_handle_of_before_ends_nothing()
    {
        ForeignPageRecord[] before = Map(false, 1, 2);
        Resume();
        Assert.All(before, page => Assert.Equal(0ul, Entry(page.Address)));
        ForeignPageRecord[] after = Map(false, 3, 4);
        Assert.Equal(before.Select(page => page.Address), after.Select(page => page.Address));
        _domain.Batches.Clear();

        Assert.All(Unmap(before), status => Assert.Equal(GrantStatus.GNTST_bad_handle, status));

        Assert.Empty(_domain.Batches);
        Assert.Equal(2u, ForeignPages.Mapped);
        Assert.All(Unmap(after), status => Assert.Equal(GrantStatus.GNTST_okay, status));
    }

    /// <summary>The frame of slots, the page tables.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_page_for_which_memory_is_missing_is_refused_and_nothing_is_lost(ulong request)
    {
        FailNth.Arm(request, withStacks: true);

        Assert.Equal(GrantStatus.GNTST_no_space, Assert.Single(Map(false, 1)).Status);

        Assert.Equal(0ul, FailNth.Arm(0, withStacks: true));
        Assert.Empty(_domain.Batches);
        AssertFramesAccountedFor();
        Assert.Equal(GrantStatus.GNTST_okay, Assert.Single(Map(false, 1)).Status);
    }

    [Fact]
    public void There_are_slots_for_32768_pages_and_all_come_back()
    {
        List<ForeignPageRecord> pages = [];
        while (Map(false, [.. Enumerable.Range(pages.Count, 64).Select(i => (uint)i)]) is var more
            && more[0].Status == GrantStatus.GNTST_okay)
        {
            pages.AddRange(more);
        }

        Assert.Equal(32768, pages.Count);
        Assert.Equal(Enumerable.Range(0, 32768).Select(i => ForeignPages.AddressOf((uint)i)), pages.Select(page => page.Address).Order());
        Assert.Equal([GrantStatus.GNTST_no_space], Map(false, 9).Select(page => page.Status));
        foreach (ForeignPageRecord[] part in pages.Chunk(64))
        {
            Unmap(part);
        }

        Assert.Empty(_domain.Present);
        AssertFramesAccountedFor();
    }

    [Theory]
    [InlineData(NucleusCall.ReleasePage)]
    [InlineData(NucleusCall.EndGrant)]
    public void A_foreign_page_is_none_of_the_programs_own(int call)
    {
        ForeignPageRecord page = Assert.Single(Map(false, 1));
        Assert.Equal(-Errno.EINVAL, Call(call, page.Address));
        Assert.Equal(-Errno.EINVAL, SharedPages.Grant(0, page.Address, readOnly: false));
        Assert.Equal(-Errno.EPERM, SharedPages.Map(ForeignPages.FirstFrame));
        Assert.Equal(1u, ForeignPages.Mapped);
    }

    /// <summary>Maps and unmaps, refused or not, against a model.</summary>
    [Fact]
    public void No_frame_is_used_twice_and_none_that_is_stuck_again() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 9]).Array[1, 100].Sample(
            steps =>
            {
                Start();
                List<ForeignPageRecord> mapped = [];
                HashSet<ulong> stuck = [];
                foreach ((int kind, int number) in steps)
                {
                    _domain.Refusal = _ => kind == 3 ? (short)(number - 12) : null;
                    _domain.UnmapRefusal = _ => kind == 2 ? (short)-1 : null;
                    if (kind is 0 or 3)
                    {
                        ForeignPageRecord page = Assert.Single(Map(number % 2 == 0, (uint)number));
                        if (page.Status == GrantStatus.GNTST_okay)
                        {
                            Assert.DoesNotContain(page.Address, stuck);
                            Assert.DoesNotContain(page.Address, mapped.Select(other => other.Address));
                            mapped.Add(page);
                        }
                    }
                    else if (mapped.Count > 0)
                    {
                        ForeignPageRecord page = mapped[number % mapped.Count];
                        mapped.Remove(page);
                        if (Assert.Single(Unmap(page)) != GrantStatus.GNTST_okay)
                        {
                            stuck.Add(page.Address);
                        }
                    }
                }

                Assert.Equal(((uint)mapped.Count, (uint)stuck.Count), (ForeignPages.Mapped, ForeignPages.Stuck));
                Assert.Equal(mapped.Count + stuck.Count, _domain.Present.Count);
            },
            iter: 100,
            threads: 1);

    private static ulong Entry(ulong address)
    {
        ulong* entry = PageTable.Find(address, create: false);
        return entry == null ? 0 : *entry;
    }

    /// <summary>As the base class's check, for which other domains' pages are no frames.</summary>
    private void AssertFramesAccountedFor()
    {
        Resume();
        _ = AssertFramesAccountedFor(out _);
    }

    private void Resume()
    {
        _domain.Resume();
        DomainGeneration.Begin();
        ForeignPages.Forget();
    }

    private ForeignPageRecord[] Map(bool isReadOnly, params uint[] references)
    {
        for (int i = 0; i < references.Length; i++)
        {
            _records[i] = new() { Domain = 7, Reference = references[i], IsReadOnly = isReadOnly ? 1u : 0 };
        }

        Assert.Equal(0, Call(NucleusCall.MapForeignPages, (ulong)_records, (ulong)references.Length));
        return new Span<ForeignPageRecord>(_records, references.Length).ToArray();
    }

    private GrantStatus[] Unmap(params ForeignPageRecord[] pages)
    {
        pages.CopyTo(new Span<ForeignPageRecord>(_records, Room));
        Assert.Equal(0, Call(NucleusCall.UnmapForeignPages, (ulong)_records, (ulong)pages.Length));
        return [.. new Span<ForeignPageRecord>(_records, pages.Length).ToArray().Select(page => page.Status)];
    }

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_domain))]
    private void Start()
    {
        Boot(DefaultFrames);
        _domain = new GrantingDomain();
        _records = (ForeignPageRecord*)Allocate((ulong)((Room * sizeof(ForeignPageRecord) / 4096) + 1));
    }
}
