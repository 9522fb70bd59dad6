namespace Xenlet.Kernel.Tests.Managed;

/// <summary>The managed API of other domains' pages, above a nucleus that a test plays.</summary>
public sealed class ForeignPageTests : IDisposable
{
    private readonly XenForeignPages _foreign = new();
    private readonly List<(int Call, int Count)> _calls = [];
    private readonly List<ForeignCopyRecord> _parts = [];
    private readonly List<ulong> _unmapped = [];
    private long _generation;

    public ForeignPageTests() => NucleusSystemCall.Nucleus = Answer;

    /// <summary>What the nucleus answers for a reference.</summary>
    private Func<uint, GrantStatus> Status { get; set; } = static _ => GrantStatus.GNTST_okay;

    public void Dispose() => NucleusSystemCall.Nucleus = static (_, _, _, _) => -Errno.ENOSYS;

    [Fact]
    public void Any_number_is_mapped_and_unmapped_in_calls_of_64_and_each_has_its_answer()
    {
        Status = static reference => reference % 3 == 0 ? GrantStatus.GNTST_bad_gntref : GrantStatus.GNTST_okay;
        uint[] references = [.. Enumerable.Range(0, 130).Select(i => (uint)i)];
        IForeignPage?[] pages = new IForeignPage?[130];
        GrantResult[] results = new GrantResult[130];

        _foreign.Map(7, references, isReadOnly: true, pages, results);

        Assert.Equal([(NucleusCall.MapForeignPages, 64), (NucleusCall.MapForeignPages, 64), (NucleusCall.MapForeignPages, 2)], _calls);
        for (uint i = 0; i < 130; i++)
        {
            Assert.Equal(i % 3 == 0 ? GrantResult.BadReference : GrantResult.Okay, results[i]);
            (uint, ushort, bool)? page = pages[i] is { } mapped ? (mapped.Reference, mapped.Domain, mapped.IsReadOnly) : null;
            (uint, ushort, bool)? expected = i % 3 == 0 ? null : (i, (ushort)7, true);
            Assert.Equal(expected, page);
        }

        _calls.Clear();
        Status = static _ => GrantStatus.GNTST_okay;
        Assert.True(_foreign.Unmap([.. pages.OfType<IForeignPage>()]));
        Assert.Equal([(NucleusCall.UnmapForeignPages, 64), (NucleusCall.UnmapForeignPages, 22)], _calls);
    }

    [Fact]
    public void A_page_is_unmapped_once_and_cannot_be_used_after_it()
    {
        IForeignPage page = Map(5);
        Memory<byte> memory = page.Memory;
        Assert.Equal(ISharedPage.Size, memory.Length);
        page.Dispose();
        page.Dispose();
        Assert.True(_foreign.Unmap([page, page]));
        Assert.Single(_unmapped);
        Assert.Throws<ObjectDisposedException>(() => _ = page.Memory);
        Assert.Throws<ObjectDisposedException>(() => page.Span.Clear());
        Assert.Throws<ObjectDisposedException>(() => memory.Span.Clear());
    }

    [Fact]
    public void A_mapping_that_Xen_does_not_end_is_reported_and_is_over_for_its_owner()
    {
        IForeignPage[] pages = [Map(5), Map(6)];
        Status = static _ => GrantStatus.GNTST_general_error;
        Assert.False(_foreign.Unmap(pages));
        Assert.True(_foreign.Unmap(pages));
        Assert.Throws<ObjectDisposedException>(() => _ = pages[0].Memory);
    }

    [Fact]
    public void A_resume_ends_all_mappings_and_no_call_is_made_for_them()
    {
        IForeignPage before = Map(5);
        _foreign.OnResumed(++_generation << 32);
        IForeignPage after = Map(6);
        Assert.Throws<ObjectDisposedException>(() => _ = before.Memory);
        before.Dispose();
        Assert.Empty(_unmapped);
        after.Dispose();
        Assert.Equal([(ulong)(_generation << 32)], _unmapped);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, -1)]
    [InlineData(0, 9)]
    [InlineData(8, 1)]
    [InlineData(int.MaxValue, 1)]
    [InlineData(1, int.MaxValue)]
    public void A_part_outside_the_buffer_is_refused(int offset, int length)
    {
        GrantCopy[] copies = [new() { BufferOffset = offset, Length = length }];
        Assert.Throws<ArgumentException>(() => _foreign.CopyFrom(7, copies, new byte[8]));
        Assert.Throws<ArgumentException>(() => _foreign.CopyTo(7, copies, new byte[8]));
        GrantTransfer[] transfers = [new() { IsFromBuffer = true, SourceOffset = offset, Length = length }];
        Assert.Throws<ArgumentException>(() => _foreign.CopyBetween(8, 7, transfers, new byte[8]));
        Assert.Empty(_calls);
    }

    [Fact]
    public void Parts_between_domains_say_from_where_and_to_where_and_have_an_answer_each()
    {
        Status = reference => reference == 3 ? GrantStatus.GNTST_bad_gntref : GrantStatus.GNTST_okay;
        GrantTransfer[] transfers =
        [
            new() { IsFromBuffer = true, SourceOffset = 4, Reference = 1, Offset = 5, Length = 4 },
            new() { SourceReference = 9, SourceOffset = 6, Reference = 3, Offset = 7, Length = 8 },
        ];
        _foreign.CopyBetween(8, 7, transfers, new byte[8]);
        Assert.Equal([GrantResult.Okay, GrantResult.BadReference], transfers.Select(part => part.Result));
        Assert.Equal(
            [(0u, (ushort)7, 1u, 5u, 4u), (1u, (ushort)7, 3u, 7u, 8u)],
            _parts.Select(part => (part.HasSource, part.Domain, part.Reference, part.Offset, part.Length)));
        Assert.Equal((true, false), (_parts[0].Address != 0, _parts[1].Address != 0));
        Assert.Equal(((ushort)8, 9u, 6u), (_parts[1].SourceDomain, _parts[1].SourceReference, _parts[1].SourceOffset));
    }

    [Theory]
    [InlineData(0, true, 1)]
    [InlineData(3, true, 4)]
    [InlineData(8, true, 9)]
    [InlineData(int.MaxValue, false, 9)]
    public async Task What_Xen_wants_to_be_tried_again_is_tried_again_and_nothing_else_and_not_for_ever(int again, bool isGood, int tries)
    {
        Dictionary<uint, int> asked = [];
        Status = reference =>
        {
            int count = asked[reference] = asked.GetValueOrDefault(reference) + 1;
            return reference == 1 && count <= again ? GrantStatus.GNTST_eagain : GrantStatus.GNTST_okay;
        };
        byte[] buffer = new byte[8];
        GrantCopy[] copies = [new() { Reference = 0, Length = 1 }, new() { Reference = 1, Length = 1 }];
        foreach (Func<ValueTask<bool>> call in (Func<ValueTask<bool>>[])[
            () => _foreign.CopyFromAsync(7, copies, buffer), () => _foreign.CopyToAsync(7, copies, buffer), MapAsync])
        {
            asked.Clear();
            Assert.Equal(isGood, await call());
            Assert.Equal((1, tries), (asked[0], asked[1]));
        }

        async ValueTask<bool> MapAsync()
        {
            GrantResult[] results = new GrantResult[2];
            IForeignPage?[] pages = await _foreign.MapAsync(7, new uint[] { 0, 1 }, false, results);
            Assert.Equal(results.Select(result => result == GrantResult.Okay), pages.Select(page => page is not null));
            return results[1] == GrantResult.Okay;
        }
    }

    private IForeignPage Map(uint reference)
    {
        IForeignPage?[] pages = new IForeignPage?[1];
        _foreign.Map(7, [reference], isReadOnly: false, pages, new GrantResult[1]);
        return pages[0]!;
    }

    private unsafe long Answer(int call, ulong address, ulong count, ulong argument)
    {
        _calls.Add((call, (int)count));
        for (int i = 0; i < (int)count; i++)
        {
            if (call == NucleusCall.CopyForeignPages)
            {
                ForeignCopyRecord* part = (ForeignCopyRecord*)address + i;
                part->Status = Status(part->Reference);
                _parts.Add(*part);
                continue;
            }

            ForeignPageRecord* record = (ForeignPageRecord*)address + i;
            record->Status = Status(record->Reference);
            if (call == NucleusCall.MapForeignPages)
            {
                (record->Slot, record->Address) = ((ulong)(_generation << 32) | (uint)i, SharedPages.WindowStart);
            }
            else
            {
                _unmapped.Add(record->Slot);
            }
        }

        return 0;
    }
}
