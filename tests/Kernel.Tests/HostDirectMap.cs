namespace Xenlet.Kernel.Nucleus.Memory;

/// <summary>
/// The direct map on the host: a frame of RAM is found at its physical address, as on the nucleus's boot page tables, and a page that is
/// not RAM where the test has put it.
/// </summary>
internal static unsafe class DirectMap
{
    public const ulong Base = 0xffff_8000_0000_0000;

    /// <summary>Where pages that are not RAM lie, by physical address; one that is not here does not exist.</summary>
    public static Dictionary<ulong, nint> DevicePages { get; } = [];

    public static void Reset() => DevicePages.Clear();

    public static ulong* Words(ulong physical) => (ulong*)physical;

    public static byte* Bytes(ulong physical) => (byte*)physical;

    public static ulong PhysicalOf(void* address) => (ulong)address;

    public static void* DevicePage(ulong physical) => (void*)DevicePages.GetValueOrDefault(physical);

    public static void* MapDevicePage(ulong physical, bool uncached)
    {
        Assert.False(uncached);
        Assert.Contains(physical, DevicePages.Keys);
        return DevicePage(physical);
    }
}
