namespace Xenlet.Kernel.Nucleus.Xen.Abi;

/// <summary>The result of one grant table operation (grant_table.h, enum grant_status).</summary>
internal enum GrantStatus : short
{
    GNTST_okay = 0,
    GNTST_general_error = -1,
    GNTST_bad_domain = -2,
    GNTST_bad_gntref = -3,
    GNTST_bad_handle = -4,
    GNTST_bad_virt_addr = -5,
    GNTST_bad_dev_addr = -6,
    GNTST_no_device_space = -7,
    GNTST_permission_denied = -8,
    GNTST_bad_page = -9,
    GNTST_bad_copy_arg = -10,
    GNTST_address_too_big = -11,
    GNTST_eagain = -12,
    GNTST_no_space = -13,
}
