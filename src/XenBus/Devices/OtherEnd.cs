namespace Xenlet.XenBus.Devices;

/// <summary>Who the other end is.</summary>
internal sealed record OtherEnd(uint Domain, string Path);
