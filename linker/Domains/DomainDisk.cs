namespace Xenlet.Linker.Domains;

/// <summary>A disk of the domain: an item XenletDisk.</summary>
/// <param name="Device">Its name in the guest, such as xvda.</param>
/// <param name="Target">Path in dom0 of a block device or a file.</param>
/// <param name="Format">The format of its contents, in the terms of xl-disk-configuration(5).</param>
/// <param name="IsReadOnly">Whether the guest may only read it.</param>
internal sealed record DomainDisk(string Device, string Target, string Format, bool IsReadOnly)
{
    /// <summary>Its specification for xl. The target comes last, because it may contain anything.</summary>
    public string ForXl => $"format={Format},vdev={Device},access={(IsReadOnly ? "ro" : "rw")},target={Target}";
}
