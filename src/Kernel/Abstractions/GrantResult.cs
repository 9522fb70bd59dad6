namespace Xenlet.Kernel;

/// <summary>Xen's answer to one operation on another domain's grant (grant_table.h, enum grant_status).</summary>
public enum GrantResult : short
{
    /// <summary>GNTST_okay: it is done.</summary>
    Okay = 0,

    /// <summary>GNTST_general_error: any other reason, or an answer that the header does not have.</summary>
    GeneralError = -1,

    /// <summary>GNTST_bad_domain: there is no such domain.</summary>
    BadDomain = -2,

    /// <summary>GNTST_bad_gntref: there is no such grant, or it is not for this domain.</summary>
    BadReference = -3,

    /// <summary>GNTST_bad_handle: there is no such mapping.</summary>
    BadHandle = -4,

    /// <summary>GNTST_bad_virt_addr: the mapping cannot lie where it should.</summary>
    BadVirtualAddress = -5,

    /// <summary>GNTST_bad_dev_addr.</summary>
    BadDeviceAddress = -6,

    /// <summary>GNTST_no_device_space.</summary>
    NoDeviceSpace = -7,

    /// <summary>GNTST_permission_denied.</summary>
    PermissionDenied = -8,

    /// <summary>GNTST_bad_page: the granted page cannot be shared.</summary>
    BadPage = -9,

    /// <summary>GNTST_bad_copy_arg: offset and length cross the page, or the grant does not allow the direction.</summary>
    BadCopyArgument = -10,

    /// <summary>GNTST_address_too_big.</summary>
    AddressTooBig = -11,

    /// <summary>GNTST_eagain: the page is being brought back into memory; make the operation again.</summary>
    TryAgain = -12,

    /// <summary>GNTST_no_space: there is no room for another mapping, in Xen or in this domain.</summary>
    NoSpace = -13,
}
