using System.Runtime.InteropServices;

namespace Xenlet.HostilePeer;

/// <summary>Maps pages that a guest has granted to this domain (<c>xen/gntdev.h</c> of Linux).</summary>
internal sealed unsafe class GrantMapper(uint domain) : IDisposable
{
    private static readonly nuint MapCall = XenFile.CallNumber('G', 0, sizeof(MapRequest));
    private static readonly nuint UnmapCall = XenFile.CallNumber('G', 1, sizeof(UnmapRequest));
    private readonly XenFile _file = new("gntdev");

    /// <summary>Maps a page; null where there is no such grant.</summary>
    public MappedPage? TryMap(uint reference)
    {
        MapRequest request = new() { Count = 1, Domain = domain, Reference = reference };
        _file.Call(MapCall, ref request, "mapping a grant");
        byte* address = (byte*)_file.TryMapPage(request.Index);
        if (address == null)
        {
            Forget(request.Index);
            return null;
        }

        return new MappedPage(address, () =>
        {
            XenFile.UnmapPage(address);
            Forget(request.Index);
        });
    }

    public void Dispose() => _file.Dispose();

    private void Forget(ulong index)
    {
        UnmapRequest request = new() { Index = index, Count = 1 };
        _file.TryCall(UnmapCall, ref request);
    }

    /// <summary>struct ioctl_gntdev_map_grant_ref with one reference.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MapRequest
    {
        public uint Count;
        public uint Pad;
        public ulong Index;
        public uint Domain;
        public uint Reference;
    }

    /// <summary>struct ioctl_gntdev_unmap_grant_ref.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct UnmapRequest
    {
        public ulong Index;
        public uint Count;
        public uint Pad;
    }
}
