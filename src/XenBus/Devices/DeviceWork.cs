namespace Xenlet.XenBus.Devices;

/// <summary>Identifies work on a device's queue: work that is equal waits there once.</summary>
/// <param name="Kind">What the work does.</param>
/// <param name="Path">For <see cref="DeviceWorkKind.NotifyLocalEnd"/>: what changed below the device's node; empty for anything.</param>
internal sealed record DeviceWork(DeviceWorkKind Kind, string Path = "");
