using Xenlet.Net;

namespace Xenlet.Sockets.Interfaces;

/// <summary>An interface as Linux shows one: the loopback, which is no <see cref="IpInterface"/>, or one of the stack's.</summary>
internal sealed class InterfaceView
{
    // linux/if.h
    private const uint IFF_UP = 1;
    private const uint IFF_BROADCAST = 2;
    private const uint IFF_LOOPBACK = 8;
    private const uint IFF_RUNNING = 0x40;
    private const uint IFF_MULTICAST = 0x1000;
    private const uint IFF_LOWER_UP = 0x1_0000;

    // linux/if_arp.h
    private const ushort ARPHRD_ETHER = 1;
    private const ushort ARPHRD_LOOPBACK = 772;

    /// <summary>Flags that tell the device's state, which /sys/class/net leaves out.</summary>
    public const uint Volatile = IFF_RUNNING | IFF_LOWER_UP;

    /// <summary>The frames that may wait for a device, as Linux has it.</summary>
    public const int QueueLength = 1000;

    private const int LoopbackIndex = 1;

    // As Linux has it. The stack's packets have at most 65,535 bytes.
    private const int LoopbackMtu = 65_536;

    private readonly IpInterface? _interface;

    private InterfaceView(IpInterface? which, InterfaceStatistics statistics, bool isRunning)
    {
        _interface = which;
        Statistics = statistics;
        IsRunning = isRunning;
    }

    public int Index => _interface?.Index ?? LoopbackIndex;

    public string Name => _interface?.Name ?? "lo";

    public int Mtu => _interface?.Mtu ?? LoopbackMtu;

    /// <summary>Its hardware address, which is all zero for the loopback.</summary>
    public byte[] HardwareAddress
    {
        get
        {
            byte[] bytes = new byte[MacAddress.Size];
            _interface?.Link.Address.CopyTo(bytes);
            return bytes;
        }
    }

    public byte[] HardwareBroadcast
    {
        get
        {
            byte[] bytes = new byte[MacAddress.Size];
            bytes.AsSpan().Fill(_interface is null ? (byte)0 : byte.MaxValue);
            return bytes;
        }
    }

    /// <summary>ARPHRD_ number.</summary>
    public ushort HardwareType => _interface is null ? ARPHRD_LOOPBACK : ARPHRD_ETHER;

    /// <summary>Whether frames can be sent: the back end is there.</summary>
    public bool IsRunning { get; }

    public bool IsLoopback => _interface is null;

    public InterfaceStatistics Statistics { get; }

    /// <summary>IFF_ bits.</summary>
    public uint Flags => (_interface is null ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST)
        | IFF_UP | (IsRunning ? IFF_RUNNING | IFF_LOWER_UP : 0);

    public IEnumerable<AddressView> Addresses => _interface is null
        ? [AddressView.LoopbackIPv4(this), AddressView.LoopbackIPv6(this)]
        : _interface.Addresses.Select(each => new AddressView(this, each));

    /// <summary>All interfaces, in the order of their indexes.</summary>
    /// <param name="stack">The stack.</param>
    /// <param name="isRunning">Whether an interface's device can send.</param>
    public static IEnumerable<InterfaceView> All(IpStack stack, Func<IpInterface, bool> isRunning) =>
    [
        new(null, stack.LoopbackStatistics, isRunning: true),
        .. stack.Interfaces.Select(each => new InterfaceView(each, each.Statistics, isRunning(each))),
    ];
}
