using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>HYPERVISOR_xen_version: the hypervisor's version and features (version.h, features.h).</summary>
internal static unsafe class XenVersion
{
    public const uint XENVER_version = 0;
    public const uint XENVER_extraversion = 1;
    public const uint XENVER_get_features = 6;
    public const uint XENVER_guest_handle = 8;

    /// <summary>Size of a <c>xen_domain_handle_t</c>.</summary>
    public const int DomainHandleSize = 16;

    /// <summary>Size of a <c>xen_extraversion_t</c>.</summary>
    public const int XEN_EXTRAVERSION_LEN = 16;

    public const int XENFEAT_auto_translated_physmap = 2;
    public const int XENFEAT_hvm_callback_vector = 8;
    public const int XENFEAT_hvm_safe_pvclock = 9;

    /// <summary>XENVER_version: major in the upper 16 bits, minor in the lower, or a negative errno.</summary>
    public static long Version() => Hypercall.Invoke(HypercallNumber.__HYPERVISOR_xen_version, XENVER_version);

    /// <summary>XENVER_extraversion: the rest of the version, such as ".5". Ends with a NUL unless it fills the buffer.</summary>
    /// <param name="text">At least <see cref="XEN_EXTRAVERSION_LEN"/> bytes that are present in memory.</param>
    public static long ExtraVersion(byte* text) =>
        Hypercall.Invoke(HypercallNumber.__HYPERVISOR_xen_version, XENVER_extraversion, (ulong)text);

    /// <summary>XENVER_guest_handle: the domain's UUID, as set by the tool stack.</summary>
    /// <param name="handle">At least <see cref="DomainHandleSize"/> bytes that are present in memory.</param>
    public static long GuestHandle(byte* handle) =>
        Hypercall.Invoke(HypercallNumber.__HYPERVISOR_xen_version, XENVER_guest_handle, (ulong)handle);

    /// <summary>XENVER_get_features: 32 feature bits; submap 0 holds XENFEAT_ 0 to 31.</summary>
    public static long GetFeatures(uint submapIndex, out uint submap)
    {
        xen_feature_info info = new() { submap_idx = submapIndex };
        long result = Hypercall.Invoke(HypercallNumber.__HYPERVISOR_xen_version, XENVER_get_features, (ulong)&info);
        submap = info.submap;
        return result;
    }
}

/// <summary>Argument of XENVER_get_features (version.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct xen_feature_info
{
    public uint submap_idx;
    public uint submap;
}
