namespace Xenlet.Net;

/// <summary>Where a datagram comes from, and how it came.</summary>
/// <param name="Remote">Who has sent it.</param>
/// <param name="Local">The address and port that it was sent to: ours, a group's, or everybody's.</param>
/// <param name="InterfaceIndex">The interface by which it came; 1 is the loopback.</param>
/// <param name="HopLimit">Its time to live or hop limit on arrival.</param>
/// <param name="TrafficClass">Its type of service or traffic class.</param>
public readonly record struct UdpOrigin(Endpoint Remote, Endpoint Local, int InterfaceIndex, byte HopLimit, byte TrafficClass);
