using Xenlet.Kernel.Nucleus.Linux.Sockets;
using Xenlet.Kernel.Sockets;

namespace Xenlet.Kernel;

/// <summary>From the nucleus's values of options to those that the stack sees.</summary>
internal static unsafe class SocketOptionReader
{
    private const int IP_PMTUDISC_DO = 2;

    public static SocketOptions Read(SocketOptionValues* values)
    {
        int multicastAddress = Get(values, SocketOptionIndex.MulticastAddress);
        return new SocketOptions
        {
            IsIPv6Only = Is(values, SocketOptionIndex.IPv6Only),
            ReusesAddress = Is(values, SocketOptionIndex.ReuseAddress),
            ReusesPort = Is(values, SocketOptionIndex.ReusePort),
            AllowsBroadcast = Is(values, SocketOptionIndex.Broadcast),
            NoDelay = Is(values, SocketOptionIndex.NoDelay),
            KeepsAlive = Is(values, SocketOptionIndex.KeepAlive),
            KeepAliveTime = Get(values, SocketOptionIndex.KeepAliveTime),
            KeepAliveInterval = Get(values, SocketOptionIndex.KeepAliveInterval),
            KeepAliveProbes = Get(values, SocketOptionIndex.KeepAliveProbes),
            UserTimeout = Get(values, SocketOptionIndex.UserTimeout),
            MaximumSegment = Get(values, SocketOptionIndex.MaximumSegment),
            TimeToLive = Get(values, SocketOptionIndex.TimeToLive),
            HopLimit = Get(values, SocketOptionIndex.HopLimit),
            TypeOfService = Get(values, SocketOptionIndex.TypeOfService),
            TrafficClass = Get(values, SocketOptionIndex.TrafficClass),
            MulticastTimeToLive = Get(values, SocketOptionIndex.MulticastTimeToLive),
            MulticastHopLimit = Get(values, SocketOptionIndex.MulticastHopLimit),
            LoopsMulticast = Is(values, SocketOptionIndex.MulticastLoop4) && Is(values, SocketOptionIndex.MulticastLoop6),
            MulticastInterface = Get(values, SocketOptionIndex.MulticastInterface),
            MulticastAddress = multicastAddress == 0 ? default : FromIPv4((uint)multicastAddress),
            DoesNotFragment = Get(values, SocketOptionIndex.MtuDiscover4) == IP_PMTUDISC_DO
                || Get(values, SocketOptionIndex.MtuDiscover6) == IP_PMTUDISC_DO,
            ReceivesErrors4 = Is(values, SocketOptionIndex.ReceiveErrors4),
            ReceivesErrors6 = Is(values, SocketOptionIndex.ReceiveErrors6),
            ReceiveBuffer = Get(values, SocketOptionIndex.ReceiveBuffer),
            SendBuffer = Get(values, SocketOptionIndex.SendBuffer),
        };
    }

    private static SocketEndpoint FromIPv4(uint address)
    {
        EndpointRecord record = EndpointRecord.FromIPv4(address, 0);
        return new SocketEndpoint(record.High, record.Low, 0);
    }

    private static int Get(SocketOptionValues* values, SocketOptionIndex index) => values->Values[(int)index];

    private static bool Is(SocketOptionValues* values, SocketOptionIndex index) => Get(values, index) != 0;
}
