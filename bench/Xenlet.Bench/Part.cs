namespace Xenlet.Bench;

/// <summary>A part of the measurements that can be run alone.</summary>
internal enum Part
{
    /// <summary>Starts of guests.</summary>
    Start,

    /// <summary>Sizes of images, and the least memory.</summary>
    Size,

    /// <summary>Computing in a guest, and where a Xenlet's start goes.</summary>
    Work,

    /// <summary>xenstore.</summary>
    Store,

    /// <summary>XenBus.</summary>
    Bus,

    /// <summary>Disks, and saving guests.</summary>
    Disks,

    /// <summary>Network interfaces.</summary>
    Network,

    /// <summary>TCP through sockets.</summary>
    Tcp,

    /// <summary>A web service.</summary>
    Web,

    /// <summary>Back ends.</summary>
    BackEnds,
}
