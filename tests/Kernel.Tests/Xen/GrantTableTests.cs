using System.Runtime.InteropServices;
using CsCheck;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>The grant table against Xen's side of it, with another domain that maps and unmaps as it likes.</summary>
public sealed unsafe class GrantTableTests : NucleusTest, IDisposable
{
    private const uint MaximumFrames = 3;
    private const ulong FirstFrame = 0x10_0001;

    private grant_entry_v1* _table;
    private uint _version = 1;
    private long _refusal;

    public GrantTableTests() => Start();

    public void Dispose() => NativeMemory.AlignedFree(_table);

    [Fact]
    public void A_grant_is_an_entry_that_Xen_understands()
    {
        long writable = GrantTable.Grant(7, 0x1234_5678, readOnly: false);
        long readOnly = GrantTable.Grant(0x7fef, uint.MaxValue, readOnly: true);

        Assert.Equal((8, 9), (writable, readOnly));
        Assert.Equal("0100070078563412", Convert.ToHexStringLower(Entry(writable)));
        Assert.Equal("0500ef7fffffffff", Convert.ToHexStringLower(Entry(readOnly)));
    }

    [Fact]
    public void The_tool_stacks_references_are_left_alone()
    {
        Assert.True(GrantTable.Grant(1, 1, false) >= GrantTable.GNTTAB_NR_RESERVED_ENTRIES);
        for (ulong reference = 0; reference < GrantTable.GNTTAB_NR_RESERVED_ENTRIES; reference++)
        {
            Assert.Equal(-Errno.EINVAL, GrantTable.End(reference, out _));
            Assert.Equal("aaaaaaaaaaaaaaaa", Convert.ToHexStringLower(Entry((long)reference)));
        }
    }

    [Fact]
    public void An_entry_that_is_taken_in_a_new_frame_is_not_given_out()
    {
        _table[10].flags = GrantTable.GTF_permit_access;
        Assert.Equal([8, 9, 11], Enumerable.Range(0, 3).Select(_ => GrantTable.Grant(1, 1, false)));
    }

    [Theory]
    [InlineData(DomainId.DOMID_SELF, 1)]
    [InlineData(ushort.MaxValue, 1)]
    [InlineData(1, 1UL << 32)]
    public void What_no_entry_can_say_is_refused(ushort domain, ulong frame)
    {
        Assert.Equal(-Errno.EINVAL, GrantTable.Grant(domain, frame, false));
        Assert.Equal(0u, GrantTable.InUse);
    }

    [Fact]
    public void The_table_grows_frame_by_frame_until_Xen_allows_no_more()
    {
        List<long> references = [];
        long answer;
        while ((answer = GrantTable.Grant(1, 1, false)) >= 0)
        {
            references.Add(answer);
        }

        Assert.Equal(-Errno.ENOSPC, answer);
        Assert.Equal(Enumerable.Range(8, ((int)MaximumFrames * 512) - 8).Select(reference => (long)reference), references);
        Assert.Equal((uint)references.Count, GrantTable.InUse);
        Assert.Equal(
            Enumerable.Range(0, (int)MaximumFrames).Select(i => ((ulong)i, FirstFrame + (ulong)i)),
            Machine.Hypercalls.Where(call => call.Number == HypercallNumber.__HYPERVISOR_memory_op)
                .Select(call => (MemoryMarshal.Read<xen_add_to_physmap>(call.Argument).idx,
                    MemoryMarshal.Read<xen_add_to_physmap>(call.Argument).gpfn)));

        Assert.Equal(0, GrantTable.End(700, out _));
        Assert.Equal(700, GrantTable.Grant(1, 1, false));
    }

    [Fact]
    public void A_frame_that_Xen_refuses_is_an_error_of_the_grant_and_asked_for_again()
    {
        _refusal = -Errno.ENOMEM;
        Assert.Equal(-Errno.ENOMEM, GrantTable.Grant(1, 1, false));
        _refusal = 0;
        Assert.Equal(8, GrantTable.Grant(1, 1, false));
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(8ul)]
    [InlineData(511ul)]
    [InlineData(512ul)]
    [InlineData(ulong.MaxValue)]
    public void Only_a_grant_can_be_ended(ulong reference)
    {
        long other = GrantTable.Grant(1, 1, false);
        Assert.Equal(0, GrantTable.End((ulong)other, out _));
        Assert.Equal(-Errno.EINVAL, GrantTable.End(reference, out _));
        Assert.Equal(0u, GrantTable.InUse);
    }

    [Theory]
    [InlineData(GrantTable.GTF_reading)]
    [InlineData(GrantTable.GTF_writing)]
    [InlineData(GrantTable.GTF_reading | GrantTable.GTF_writing)]
    public void A_page_that_is_mapped_stays_granted(int bits)
    {
        long reference = GrantTable.Grant(1, 0x77, false);
        _table[reference].flags |= (ushort)bits;
        byte[] before = Entry(reference);

        Assert.Equal(-Errno.EBUSY, GrantTable.End((ulong)reference, out _));

        Assert.Equal(before, Entry(reference));
        Assert.Equal(1u, GrantTable.InUse);
        _table[reference].flags &= (ushort)~bits;
        Assert.Equal(0, GrantTable.End((ulong)reference, out ulong frame));
        Assert.Equal(0x77ul, frame);
    }

    [Theory]
    [InlineData(2u, 1u, 0)]
    [InlineData(2u, 2u, -Errno.EOPNOTSUPP)]
    public void A_table_of_version_2_is_set_to_version_1_or_refused(uint version, uint afterwards, long expected)
    {
        Start(initialise: false);
        _version = version;
        Func<HostHypercall, long> xen = Machine.Hypervisor;
        Machine.Hypervisor = call =>
        {
            if (call is { Number: HypercallNumber.__HYPERVISOR_grant_table_op, A1: GrantTableOp.GNTTABOP_set_version })
            {
                Assert.Equal(1u, HostHypercall.At<gnttab_set_version>(call.A2).version);
                HostHypercall.At<gnttab_set_version>(call.A2).version = afterwards;
                return 0;
            }

            return xen(call);
        };

        Assert.Equal(expected, GrantTable.Initialise(_table, FirstFrame));
        Assert.Equal(expected == 0, GrantTable.IsReady);
    }

    /// <summary>Grants, ends, maps and unmaps in any order, against a model.</summary>
    [Fact]
    public void No_page_that_is_mapped_ever_loses_its_grant() =>
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 40], Gen.UShort[0, 0x7fef], Gen.UInt, Gen.Bool).Array[1, 400].Sample(
            steps =>
            {
                Start();
                Dictionary<long, (ushort Domain, uint Frame, bool ReadOnly, bool Mapped)> model = [];
                foreach ((int kind, int choice, ushort domain, uint frame, bool readOnly) in steps)
                {
                    if (kind == 0 || model.Count == 0)
                    {
                        long reference = GrantTable.Grant(domain, frame, readOnly);
                        Assert.True(reference >= 8);
                        model.Add(reference, (domain, frame, readOnly, false));
                        continue;
                    }

                    long chosen = model.Keys.ElementAt(choice % model.Count);
                    (ushort Domain, uint Frame, bool ReadOnly, bool Mapped) one = model[chosen];
                    if (kind == 1)
                    {
                        Assert.Equal(one.Mapped ? -Errno.EBUSY : 0, GrantTable.End((ulong)chosen, out ulong ended));
                        if (!one.Mapped)
                        {
                            Assert.Equal(one.Frame, ended);
                            model.Remove(chosen);
                            Assert.Equal(0, _table[chosen].flags);
                        }
                    }
                    else if (kind == 2)
                    {
                        _table[chosen].flags |= (ushort)(GrantTable.GTF_reading | (one.ReadOnly ? 0 : GrantTable.GTF_writing));
                        model[chosen] = one with { Mapped = true };
                    }
                    else
                    {
                        _table[chosen].flags &= unchecked((ushort)~(GrantTable.GTF_reading | GrantTable.GTF_writing));
                        model[chosen] = one with { Mapped = false };
                    }
                }

                Assert.Equal((uint)model.Count, GrantTable.InUse);
                foreach ((long reference, (ushort domain, uint frame, bool readOnly, bool mapped)) in model)
                {
                    int flags = 1 | (readOnly ? 4 : 0) | (mapped ? readOnly ? 8 : 24 : 0);
                    Assert.Equal((flags, domain, frame), ((int)_table[reference].flags, _table[reference].domid, _table[reference].frame));
                }
            },
            iter: 200,
            threads: 1);

    /// <summary>
    /// Another processor maps and unmaps all the time as Xen does it, by exchanging flags and domain at once. What is ended is not mapped,
    /// and what Xen finds permitted is a complete entry.
    /// </summary>
    [Fact]
    public void A_domain_that_maps_without_end_never_has_a_page_whose_grant_has_ended()
    {
        const ushort domain = 5;
        const int mapped = GrantTable.GTF_reading | GrantTable.GTF_writing;
        long reference = GrantTable.Grant(domain, domain * 1000, false);
        int* word = (int*)(_table + reference);
        bool stop = false;
        string? broken = null;
        System.Threading.Thread peer = new(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                int seen = Volatile.Read(ref *word);
                if ((seen & GrantTable.GTF_type_mask) == 0)
                {
                    continue;
                }

                if (Interlocked.CompareExchange(ref *word, seen | mapped, seen) == seen)
                {
                    // Until it is unmapped here the entry must not change.
                    uint frame = Volatile.Read(ref _table[reference].frame);
                    if (seen >>> 16 != domain || frame < domain * 1000)
                    {
                        broken = $"mapped {seen:x} frame {frame}";
                    }

                    System.Threading.Thread.SpinWait(20);
                    if (Volatile.Read(ref *word) != (seen | mapped))
                    {
                        broken = $"{Volatile.Read(ref *word):x} while {seen:x} was mapped";
                    }

                    Interlocked.And(ref *word, ~mapped);
                    System.Threading.Thread.SpinWait(20);
                }
            }
        });
        peer.Start();
        int ended = 0;
        long limit = Environment.TickCount64 + 20_000;
        while (ended < 2000 && Environment.TickCount64 < limit)
        {
            long result = GrantTable.End((ulong)reference, out _);
            Assert.True(result is 0 or -Errno.EBUSY, $"{result}");
            if (result == 0)
            {
                Assert.Equal(0, Volatile.Read(ref *word));
                ended++;
                Assert.Equal(reference, GrantTable.Grant(domain, (uint)((domain * 1000) + ended), false));
            }
        }

        Volatile.Write(ref stop, true);
        peer.Join();
        Assert.Null(broken);
        Assert.True(ended > 0);
    }

    private byte[] Entry(long reference) => new Span<byte>(_table + reference, 8).ToArray();

    /// <summary>A table of no frames, whose memory Xen fills in frame by frame; the reserved entries hold what they hold.</summary>
    private void Start(bool initialise = true)
    {
        Boot(DefaultFrames);
        if (_table == null)
        {
            _table = (grant_entry_v1*)NativeMemory.AlignedAlloc(MaximumFrames * 4096, 4096);
        }

        NativeMemory.Clear(_table, MaximumFrames * 4096);
        NativeMemory.Fill(_table, 64, 0xaa);
        _refusal = 0;
        _version = 1;

        // The table is Xen's page, not the simulated machine's RAM.
        Machine.OnInvalidatePage = null;
        Machine.ArgumentLength = sizeof(xen_add_to_physmap);
        Machine.Hypervisor = Answer;
        Machine.CpuidLeaves[(0, 0)] = [0x10, 0x68747541, 0x444d4163, 0x69746e65];
        Hypercall.Initialise();
        if (initialise)
        {
            Assert.Equal(0, GrantTable.Initialise(_table, FirstFrame));
        }
    }

    private long Answer(HostHypercall call)
    {
        switch (call.Number, call.A1)
        {
            case (HypercallNumber.__HYPERVISOR_grant_table_op, GrantTableOp.GNTTABOP_get_version):
                HostHypercall.At<gnttab_get_version>(call.A2).version = _version;
                return 0;
            case (HypercallNumber.__HYPERVISOR_grant_table_op, GrantTableOp.GNTTABOP_query_size):
                HostHypercall.At<gnttab_query_size>(call.A2).max_nr_frames = MaximumFrames;
                return 0;
            case (HypercallNumber.__HYPERVISOR_memory_op, MemoryOp.XENMEM_add_to_physmap):
                Assert.Equal(MemoryOp.XENMAPSPACE_grant_table, HostHypercall.At<xen_add_to_physmap>(call.A2).space);
                return _refusal;
            default:
                Assert.Fail($"hypercall {call.Number} {call.A1}");
                return 0;
        }
    }
}
