using System.Runtime.InteropServices;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>Where an option's value lies in <see cref="SocketOptionValues"/>.</summary>
internal enum SocketOptionIndex
{
    ReuseAddress,
    ReusePort,
    Broadcast,
    KeepAlive,
    LingerOn,
    LingerSeconds,
    ReceiveBuffer,
    SendBuffer,
    DontRoute,
    OutOfBandInline,
    Priority,
    ReceiveLowWater,
    NoDelay,
    KeepAliveTime,
    KeepAliveInterval,
    KeepAliveProbes,
    UserTimeout,
    MaximumSegment,
    TypeOfService,
    TimeToLive,
    PacketInfo4,
    MtuDiscover4,
    ReceiveErrors4,
    MulticastTimeToLive,
    MulticastLoop4,
    MulticastInterface,
    MulticastAddress,
    HopLimit,
    TrafficClass,
    IPv6Only,
    PacketInfo6,
    MtuDiscover6,
    ReceiveErrors6,
    MulticastHopLimit,
    MulticastLoop6,
    Count,
}

/// <summary>The values of a socket's options. Time limits are apart, in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SocketOptionValues
{
    public fixed int Values[(int)SocketOptionIndex.Count];

    /// <summary>Whether the program has set SO_SNDBUF, so that the send queue does not grow by itself.</summary>
    public bool IsSendBufferSet;

    /// <summary>SO_BINDTODEVICE: the interface's name, as <see cref="GroupOptions"/> has it; 0 for none.</summary>
    public ulong DeviceHigh;
    public ulong DeviceLow;

    /// <summary>SO_RCVTIMEO, in nanoseconds; 0 for none.</summary>
    public ulong ReceiveTimeout;

    /// <summary>SO_SNDTIMEO, in nanoseconds; 0 for none.</summary>
    public ulong SendTimeout;
}
