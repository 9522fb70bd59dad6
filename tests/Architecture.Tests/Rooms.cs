namespace Xenlet.Architecture.Tests;

/// <summary>The floors of every room that has them.</summary>
internal static class Rooms
{
    public static readonly Room[] All =
    [
        new(
            "Xenlet.Kernel", "src/Kernel/Nucleus", "Base", "Memory", "Xen/Abi", "Unwind", "Platform/Pc", "Platform/Xen", "Platform",
            "Platform/Random", "Threads", "Console", "Ends",
            "Linux", "Calls", "Entry", "Boot")
        {
            Namespace = "Xenlet.Kernel.Nucleus",
        },
        new("Xenlet.Net", "src/Net", "Base", "Wire", "Links", "Internet", "Tcp", "Udp", "Configuration", "Stack"),
        new("Xenlet.Drivers", "src/Drivers", "Rings", "Reports", "FrontEnds", "Block", "Net"),
        new("Xenlet.BackEnds", "src/BackEnds", "Rings", "Sessions", "Block", "Stores", "Net/Filter", "Net"),
        new("Xenlet.Tool", "src/Tool", "Base", "Images", "Devices", "Runs", "CommandLines"),
        new("Xenlet.XenBus", "src/XenBus", "Base", "Enumeration", "Devices", "Buses"),
        new("Xenlet.QemuXen", "qemu-xen", "Base", "Image", "Machine", "Guests", "Commands"),
        new("Xenlet.XenStoreRing", "src/XenStoreRing", "Wire", "Transport", "Client"),
    ];
}
