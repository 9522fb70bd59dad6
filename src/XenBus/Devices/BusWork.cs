namespace Xenlet.XenBus.Devices;

/// <summary>Identifies work on a bus's queue: work that is equal waits there once.</summary>
/// <param name="Kind">What the work does.</param>
/// <param name="Node">The node of the device that it is for; empty where it is for the whole bus.</param>
internal sealed record BusWork(BusWorkKind Kind, string Node = "");
