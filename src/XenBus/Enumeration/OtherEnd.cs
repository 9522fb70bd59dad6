namespace Xenlet.XenBus.Enumeration;

/// <summary>Who the other end of a device is.</summary>
/// <param name="Domain">Its domain, smaller than the first of Xen's reserved numbers.</param>
/// <param name="Path">Its directory, an absolute path.</param>
internal sealed record OtherEnd(uint Domain, string Path);
