using System.Buffers.Binary;
using System.Text;
using Xenlet.Kernel.Sockets;
using Xenlet.Net;

namespace Xenlet.Sockets.Interfaces;

/// <summary>ioctl of interfaces (netdevice(7)): an ifreq has 16 bytes of a name, and from there on the answer.</summary>
/// <param name="stack">The stack.</param>
/// <param name="isRunning">Whether an interface's device can send.</param>
internal sealed class InterfaceQuestions(IpStack stack, Func<IpInterface, bool> isRunning)
{
    /// <summary>Bytes of an ifreq.</summary>
    public const int Size = 40;

    private const int NameSize = 16;

    // linux/sockios.h
    private const int SIOCGIFNAME = 0x8910;
    private const int SIOCGIFFLAGS = 0x8913;
    private const int SIOCGIFADDR = 0x8915;
    private const int SIOCGIFBRDADDR = 0x8919;
    private const int SIOCGIFNETMASK = 0x891b;
    private const int SIOCGIFMTU = 0x8921;
    private const int SIOCGIFHWADDR = 0x8927;
    private const int SIOCGIFINDEX = 0x8933;
    private const int SIOCGIFTXQLEN = 0x8942;

    private const short AF_INET = 2;

    /// <summary>Puts the answer into an ifreq.</summary>
    public SocketErrno Answer(int command, Span<byte> request)
    {
        Span<byte> answer = request[NameSize..];
        IEnumerable<InterfaceView> all = InterfaceView.All(stack, isRunning);
        if (command == SIOCGIFNAME)
        {
            int index = BinaryPrimitives.ReadInt32LittleEndian(answer);
            if (all.FirstOrDefault(each => each.Index == index) is not { } named)
            {
                return SocketErrno.ENODEV;
            }

            request[..NameSize].Clear();
            Encoding.UTF8.GetBytes(named.Name, request[..(NameSize - 1)]);
            return SocketErrno.None;
        }

        int end = request[..NameSize].IndexOf((byte)0);
        string name = Encoding.UTF8.GetString(request[..(end < 0 ? NameSize : end)]);
        return all.FirstOrDefault(each => each.Name == name) is { } found ? Answer(command, found, answer) : SocketErrno.ENODEV;
    }

    private static SocketErrno Answer(int command, InterfaceView which, Span<byte> answer)
    {
        switch (command)
        {
            case SIOCGIFINDEX:
                BinaryPrimitives.WriteInt32LittleEndian(answer, which.Index);
                return SocketErrno.None;
            case SIOCGIFMTU:
                BinaryPrimitives.WriteInt32LittleEndian(answer, which.Mtu);
                return SocketErrno.None;
            case SIOCGIFTXQLEN:
                BinaryPrimitives.WriteInt32LittleEndian(answer, InterfaceView.QueueLength);
                return SocketErrno.None;
            case SIOCGIFFLAGS:
                // A short: what netlink has beyond it does not fit.
                BinaryPrimitives.WriteUInt16LittleEndian(answer, (ushort)which.Flags);
                return SocketErrno.None;
            case SIOCGIFHWADDR:
                answer[..16].Clear();
                BinaryPrimitives.WriteUInt16LittleEndian(answer, which.HardwareType);
                which.HardwareAddress.CopyTo(answer[2..]);
                return SocketErrno.None;
        }

        if (which.Addresses.FirstOrDefault(each => each.Address.IsIPv4) is not { } address)
        {
            return SocketErrno.EADDRNOTAVAIL;
        }

        uint mask = address.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - address.PrefixLength);
        uint value = command switch
        {
            SIOCGIFADDR => address.Address.IPv4,
            SIOCGIFNETMASK => mask,
            SIOCGIFBRDADDR => address.Broadcast?.IPv4 ?? 0,
            _ => throw new ArgumentOutOfRangeException(nameof(command)),
        };

        // sockaddr_in
        answer[..16].Clear();
        BinaryPrimitives.WriteInt16LittleEndian(answer, AF_INET);
        BinaryPrimitives.WriteUInt32BigEndian(answer[4..], value);
        return SocketErrno.None;
    }
}
