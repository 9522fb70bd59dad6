using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Tests.Xen;

/// <summary>
/// Xen's side of other domains' grants: it maps, unmaps and copies as it should, unless a test has it refuse or lie.
/// </summary>
internal sealed unsafe class GrantingDomain
{
    /// <summary>The domain from whose pages is copied to this one's.</summary>
    public const ushort Source = 8;

    private readonly Dictionary<uint, byte[]> _pages = [];
    private readonly Dictionary<ulong, uint> _mappings = [];
    private uint _nextHandle = 100;

    public GrantingDomain()
    {
        Machine.CpuidLeaves[(0, 0)] = [0x10, 0x68747541, 0x444d4163, 0x69746e65];
        Machine.CpuidLeaves[(0x40000000, 0)] = [0x40000004, 0x566e6558, 0x65584d4d, 0x4d4d566e];
        Machine.CpuidLeaves[(0x40000001, 0)] = [0x0004_0011, 0, 0, 0];
        Machine.CpuidLeaves[(0x40000004, 0)] = [1 << 4, 0, 42, 0];
        Machine.Hypervisor = Answer;
        Action<ulong>? invalidate = Machine.OnInvalidatePage;

        // Pages of other domains are not the simulated machine's RAM.
        Machine.OnInvalidatePage = address =>
        {
            if (address < ForeignPages.AddressOf(0) || address >= ForeignPages.AddressOf(ForeignPages.Capacity))
            {
                invalidate?.Invoke(address);
            }
            else
            {
                Invalidated.Add(address);
            }
        };
        XenPlatform.Initialise();
        Machine.Hypercalls.Clear();
    }

    /// <summary>The status of an operation on a reference, in place of the true one. The operation is not done then.</summary>
    public Func<uint, short?> Refusal { get; set; } = static _ => null;

    /// <summary>The status with which an unmap by a handle is refused.</summary>
    public Func<uint, short?> UnmapRefusal { get; set; } = static _ => null;

    /// <summary>The number of operations after which a call stops; those behind it get no status.</summary>
    public int StopAfter { get; set; } = int.MaxValue;

    /// <summary>What each hypercall answers.</summary>
    public long Result { get; set; }

    /// <summary>Called with the guest physical address of each mapping before it ends.</summary>
    public Action<ulong> BeforeUnmap { get; set; } = static _ => { };

    /// <summary>What was mapped: guest physical address, reference, flags, domain.</summary>
    public List<(ulong Address, uint Reference, uint Flags, ushort Domain)> Mapped { get; } = [];

    /// <summary>The number of operations of each hypercall.</summary>
    public List<int> Batches { get; } = [];

    /// <summary>Addresses of other domains' pages for which the processor's translations were invalidated.</summary>
    public List<ulong> Invalidated { get; } = [];

    /// <summary>Guest physical addresses with a mapping.</summary>
    public IReadOnlyCollection<ulong> Present => _mappings.Keys;

    /// <summary>A granted page.</summary>
    public byte[] Page(uint reference) =>
        _pages.TryGetValue(reference, out byte[]? page) ? page : _pages[reference] = new byte[4096];

    /// <summary>The domain has been resumed: it has no mappings.</summary>
    public void Resume() => _mappings.Clear();

    private long Answer(HostHypercall call)
    {
        Assert.Equal(HypercallNumber.__HYPERVISOR_grant_table_op, call.Number);
        int count = (int)call.A3;
        Batches.Add(count);
        for (int i = 0; i < Math.Min(count, StopAfter); i++)
        {
            switch ((uint)call.A1)
            {
                case GrantTableOp.GNTTABOP_map_grant_ref:
                    Map(ref *((gnttab_map_grant_ref*)call.A2 + i));
                    break;
                case GrantTableOp.GNTTABOP_unmap_grant_ref:
                    Unmap(ref *((gnttab_unmap_grant_ref*)call.A2 + i));
                    break;
                case GrantTableOp.GNTTABOP_copy:
                    Copy(ref *((gnttab_copy*)call.A2 + i));
                    break;
                default:
                    Assert.Fail($"operation {call.A1}");
                    break;
            }
        }

        return Result;
    }

    private void Map(ref gnttab_map_grant_ref map)
    {
        map.status = Refusal(map.@ref) ?? 0;
        if (map.status == 0)
        {
            Assert.True(_mappings.TryAdd(map.host_addr, _nextHandle), $"{map.host_addr:x} is mapped twice");
            map.handle = _nextHandle++;
            Mapped.Add((map.host_addr, map.@ref, map.flags, map.dom));
        }
    }

    private void Unmap(ref gnttab_unmap_grant_ref unmap)
    {
        BeforeUnmap(unmap.host_addr);
        Assert.Equal(_mappings.GetValueOrDefault(unmap.host_addr), unmap.handle);
        unmap.status = UnmapRefusal(unmap.handle) ?? 0;
        if (unmap.status == 0)
        {
            _mappings.Remove(unmap.host_addr);
        }
    }

    private void Copy(ref gnttab_copy copy)
    {
        Assert.True(copy.flags is > 0 and <= (GrantTableOp.GNTCOPY_source_gref | GrantTableOp.GNTCOPY_dest_gref), "no page is another's");
        Assert.True(copy.source.offset + copy.len <= 4096 && copy.dest.offset + copy.len <= 4096, "an operation crosses a page");
        bool isFrom = (copy.flags & GrantTableOp.GNTCOPY_source_gref) != 0;
        bool isTo = (copy.flags & GrantTableOp.GNTCOPY_dest_gref) != 0;

        // Where both are others', the source is another domain's.
        Assert.Equal(isFrom ? isTo ? Source : (ushort)7 : DomainId.DOMID_SELF, copy.source.domid);
        Assert.Equal(isTo ? (ushort)7 : DomainId.DOMID_SELF, copy.dest.domid);
        copy.status = (isFrom ? Refusal(copy.source.@ref) : null) ?? (isTo ? Refusal(copy.dest.@ref) : null) ?? 0;
        if (copy.status == 0)
        {
            Bytes(copy.source, isFrom, copy.len).CopyTo(Bytes(copy.dest, isTo, copy.len));
        }
    }

    private Span<byte> Bytes(gnttab_copy_ptr end, bool isForeign, int length) => isForeign
        ? Page(end.@ref).AsSpan(end.offset, length) : new((byte*)(end.gmfn * 4096) + end.offset, length);
}
