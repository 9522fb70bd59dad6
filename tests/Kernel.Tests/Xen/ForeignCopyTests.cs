using CsCheck;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>Copies between the program's memory and other domains' pages, with a Xen that refuses, fails and lies.</summary>
public sealed unsafe class ForeignCopyTests : NucleusTest, IDisposable
{
    private const int BufferPages = 4;

    private readonly GrantingDomain _domain;
    private readonly ForeignCopyRecord* _records;
    private readonly ulong _buffer;

    public ForeignCopyTests()
    {
        _domain = new GrantingDomain();
        _records = (ForeignCopyRecord*)Allocate(1);
        _buffer = Allocate(BufferPages);
    }

    public void Dispose() => Machine.Reset();

    /// <summary>Any parts, in both directions, against copies of byte arrays.</summary>
    [Fact]
    public void What_is_copied_arrives_and_nothing_else_changes() =>
        Gen.Select(Gen.Bool, Gen.Select(Gen.UInt[0, 5], Gen.Int[0, 4095], Gen.Int[1, 4096], Gen.Int[0, 4096 * (BufferPages - 1)])
            .Array[1, 64]).Sample(
            (toForeign, parts) =>
            {
                Random random = new(parts.Length);
                Dictionary<uint, byte[]> pages = [];
                for (uint reference = 0; reference < 6; reference++)
                {
                    random.NextBytes(_domain.Page(reference));
                    pages[reference] = [.. _domain.Page(reference)];
                }

                Span<byte> memory = new((void*)_buffer, BufferPages * 4096);
                random.NextBytes(memory);
                byte[] expected = memory.ToArray();
                for (int i = 0; i < parts.Length; i++)
                {
                    (uint reference, int offset, int length, int place) = parts[i];
                    length = Math.Min(length, 4096 - offset);
                    _records[i] = Part(reference, offset, length, _buffer + (ulong)place);
                    Span<byte> there = pages[reference].AsSpan(offset, length);
                    Span<byte> here = expected.AsSpan(place, length);
                    (toForeign ? here : there).CopyTo(toForeign ? there : here);
                }

                Assert.Equal(0, Copy(parts.Length, toForeign));

                Assert.All(Statuses(parts.Length), status => Assert.Equal(GrantStatus.GNTST_okay, status));
                Assert.True(memory.SequenceEqual(expected), "the program's memory");
                Assert.All(pages, page => Assert.Equal(page.Value, _domain.Page(page.Key)));
                Assert.All(_domain.Batches, batch => Assert.InRange(batch, 1, ForeignCopy.Batch));
            },
            iter: 100,
            threads: 1);

    /// <summary>Parts of a third domain's pages, and between them parts of the program's memory.</summary>
    [Fact]
    public void What_goes_from_one_domain_to_another_arrives_and_the_program_sees_nothing_of_it()
    {
        Random random = new(1);
        Span<byte> memory = new((void*)_buffer, BufferPages * 4096);
        random.NextBytes(memory);
        byte[] before = memory.ToArray();
        random.NextBytes(_domain.Page(1));
        random.NextBytes(_domain.Page(2));
        byte[] expected = [.. _domain.Page(3)];
        for (int i = 0; i < 40; i++)
        {
            int length = random.Next(1, 4097);
            int source = random.Next(4097 - length);
            int offset = random.Next(4097 - length);
            bool isOwn = i % 5 == 0;
            uint page = (uint)random.Next(1, 3);
            _records[i] = isOwn ? Part(3, offset, length, _buffer + (ulong)source + 4000) : Between(page, source, 3, offset, length);
            (isOwn ? before.AsSpan(source + 4000, length) : _domain.Page(page).AsSpan(source, length)).CopyTo(expected.AsSpan(offset));
        }

        Assert.Equal(0, Copy(40, toForeign: true));

        Assert.All(Statuses(40), status => Assert.Equal(GrantStatus.GNTST_okay, status));
        Assert.Equal(expected, _domain.Page(3));
        Assert.True(memory.SequenceEqual(before), "the program's memory");
    }

    /// <summary>The direction from others' pages has no such parts, and none crosses the page that it comes from.</summary>
    [Theory]
    [InlineData(0u, 1u, false)]
    [InlineData(1u, 4096u, true)]
    [InlineData(4096u, 1u, true)]
    [InlineData(uint.MaxValue, 1u, true)]
    public void A_part_between_domains_that_cannot_be_is_refused_and_Xen_is_not_asked(uint sourceOffset, uint length, bool toForeign)
    {
        _records[0] = Between(1, 0, 3, 0, (int)length);
        _records[0].SourceOffset = sourceOffset;
        Assert.Equal(0, Copy(1, toForeign));
        Assert.Equal([GrantStatus.GNTST_bad_copy_arg], Statuses(1));
        Assert.Empty(_domain.Batches);
    }

    /// <summary>Either page may be refused.</summary>
    [Theory]
    [InlineData(1u)]
    [InlineData(3u)]
    public void A_part_between_domains_has_the_status_of_the_page_that_is_refused(uint refused)
    {
        _domain.Refusal = reference => reference == refused ? (short)GrantStatus.GNTST_bad_gntref : null;
        _records[0] = Between(1, 0, 3, 0, 8);
        _records[1] = Between(2, 0, 4, 0, 8);
        Assert.Equal(0, Copy(2, toForeign: true));
        Assert.Equal([GrantStatus.GNTST_bad_gntref, GrantStatus.GNTST_okay], Statuses(2));
    }

    [Fact]
    public void Each_part_has_its_own_status()
    {
        _domain.Refusal = reference => reference == 0 ? null : (short)-(int)reference;
        for (uint i = 0; i < 14; i++)
        {
            // Every part takes two operations.
            _records[i] = Part(i, 0, 100, _buffer + 4000);
        }

        Assert.Equal(0, Copy(14, toForeign: false));
        Assert.Equal(Enumerable.Range(0, 14).Select(i => (GrantStatus)(short)-i), Statuses(14));
    }

    [Theory]
    [InlineData((short)1)]
    [InlineData((short)-14)]
    [InlineData(short.MaxValue)]
    public void A_status_that_the_header_does_not_have_is_a_failure(short lie)
    {
        _domain.Refusal = _ => lie;
        _records[0] = Part(1, 0, 1, _buffer);
        Assert.Equal(0, Copy(1, toForeign: false));
        Assert.Equal([GrantStatus.GNTST_general_error], Statuses(1));
    }

    /// <summary>The second part takes two operations, of which one is done.</summary>
    [Theory]
    [InlineData(0L)]
    [InlineData(-14L)]
    public void A_part_that_is_done_by_half_has_failed(long result)
    {
        _records[0] = Part(1, 0, 8, _buffer);
        _records[1] = Part(1, 0, 8, _buffer + 4092);
        _records[2] = Part(1, 0, 8, _buffer);
        (_domain.StopAfter, _domain.Result) = (2, result);

        Assert.Equal(0, Copy(3, toForeign: true));

        Assert.Equal([GrantStatus.GNTST_okay, GrantStatus.GNTST_general_error, GrantStatus.GNTST_general_error], Statuses(3));
    }

    [Theory]
    [InlineData(0u, 0u)]
    [InlineData(0u, 4097u)]
    [InlineData(1u, 4096u)]
    [InlineData(4096u, 1u)]
    [InlineData(uint.MaxValue, 1u)]
    [InlineData(1u, uint.MaxValue)]
    public void A_part_that_crosses_the_granted_page_is_refused_and_Xen_is_not_asked(uint offset, uint length)
    {
        _records[0] = Part(1, 0, 1, _buffer);
        (_records[0].Offset, _records[0].Length) = (offset, length);
        Assert.Equal(0, Copy(1, toForeign: false));
        Assert.Equal([GrantStatus.GNTST_bad_copy_arg], Statuses(1));
        Assert.Empty(_domain.Batches);
    }

    [Fact]
    public void Memory_that_is_not_the_programs_to_read_or_to_write_is_refused_before_anything_is_copied()
    {
        ulong readOnly = (ulong)Nucleus.Linux.Memory.MemoryCalls.Map(0, 4096, 1, 0x22, -1);
        ulong fullOfSecrets = HostMemory.Base + 4096;
        foreach ((ulong address, bool toForeign, long expected) in ((ulong, bool, long)[])[
            (readOnly, true, 0), (readOnly, false, -Errno.EFAULT), (readOnly + 4095, true, -Errno.EFAULT), (0, true, -Errno.EFAULT),
            (fullOfSecrets, true, -Errno.EFAULT), (fullOfSecrets, false, -Errno.EFAULT), (ulong.MaxValue - 1, false, -Errno.EFAULT)])
        {
            _domain.Batches.Clear();
            _records[0] = Part(1, 0, 2, _buffer);
            _records[1] = Part(1, 0, 2, address);
            Assert.Equal((address, expected), (address, Copy(2, toForeign)));
            Assert.Equal(expected == 0, _domain.Batches.Count > 0);
        }
    }

    private static ForeignCopyRecord Part(uint reference, int offset, int length, ulong address) =>
        new() { Domain = 7, Reference = reference, Offset = (uint)offset, Length = (uint)length, Address = address };

    private static ForeignCopyRecord Between(uint source, int sourceOffset, uint reference, int offset, int length) => new()
    {
        HasSource = 1,
        SourceDomain = GrantingDomain.Source,
        SourceReference = source,
        SourceOffset = (uint)sourceOffset,
        Domain = 7,
        Reference = reference,
        Offset = (uint)offset,
        Length = (uint)length,
    };

    private long Copy(int count, bool toForeign) =>
        Call(NucleusCall.CopyForeignPages, (ulong)_records, (ulong)count, toForeign ? 1u : 0);

    private GrantStatus[] Statuses(int count) => [.. new Span<ForeignCopyRecord>(_records, count).ToArray().Select(part => part.Status)];
}
