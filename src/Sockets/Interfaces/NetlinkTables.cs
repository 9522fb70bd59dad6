using System.Buffers.Binary;
using Xenlet.Net;
using static Xenlet.Sockets.Interfaces.NetlinkCode;

namespace Xenlet.Sockets.Interfaces;

/// <summary>A line of a table of netlink's.</summary>
/// <param name="Type">RTM_NEW number; the number after it says that the line has gone.</param>
/// <param name="Family">AF_ number of what it is about.</param>
/// <param name="Group">RTMGRP_ bit of those who hear of its changes.</param>
/// <param name="Key">What makes it this line and no other.</param>
/// <param name="Message">Its content.</param>
internal sealed record NetlinkLine(ushort Type, byte Family, uint Group, string Key, NetlinkMessage Message);

/// <summary>The stack's interfaces, addresses and routes as messages of rtnetlink (rtnetlink(7)).</summary>
/// <param name="stack">The stack.</param>
/// <param name="isRunning">Whether an interface's device can send.</param>
internal sealed class NetlinkTables(IpStack stack, Func<IpInterface, bool> isRunning)
{
    // IF_OPER_ numbers of linux/if.h.
    private const byte OperUnknown = 0;
    private const byte OperDown = 2;
    private const byte OperUp = 6;

    /// <summary>All interfaces.</summary>
    /// <param name="isWhole">With what changes without anybody being told: counters.</param>
    public IEnumerable<NetlinkLine> Links(bool isWhole)
    {
        foreach (InterfaceView each in InterfaceView.All(stack, isRunning))
        {
            // ifinfomsg
            NetlinkMessage message = new(
            [
                AF_UNSPEC, 0, (byte)each.HardwareType, (byte)(each.HardwareType >> 8),
                .. NetlinkMessage.Number(each.Index), .. NetlinkMessage.Number(each.Flags), .. NetlinkMessage.Number(0),
            ]);
            message.Add(IFLA_IFNAME, each.Name);
            message.Add(IFLA_TXQLEN, NetlinkMessage.Number(InterfaceView.QueueLength));
            message.Add(IFLA_OPERSTATE, each.IsLoopback ? OperUnknown : each.IsRunning ? OperUp : OperDown);
            message.Add(IFLA_MTU, NetlinkMessage.Number(each.Mtu));
            message.Add(IFLA_ADDRESS, each.HardwareAddress);
            message.Add(IFLA_BROADCAST, each.HardwareBroadcast);
            if (isWhole)
            {
                AddStatistics(message, each.Statistics);
            }

            yield return new(RTM_NEWLINK, AF_UNSPEC, RTMGRP_LINK, each.Name, message);
        }
    }

    /// <summary>All addresses.</summary>
    /// <param name="isWhole">With what changes without anybody being told: lifetimes.</param>
    public IEnumerable<NetlinkLine> Addresses(bool isWhole)
    {
        long now = stack.Internet.Clock.Now;
        foreach (AddressView each in InterfaceView.All(stack, isRunning).SelectMany(which => which.Addresses))
        {
            bool isIPv4 = each.Address.IsIPv4;
            byte family = isIPv4 ? AF_INET : AF_INET6;

            // ifaddrmsg
            NetlinkMessage message = new(
                [family, (byte)each.PrefixLength, each.Flags, each.Scope, .. NetlinkMessage.Number(each.Interface.Index)]);
            message.Add(IFA_ADDRESS, Bytes(each.Address));
            if (isIPv4)
            {
                message.Add(IFA_LOCAL, Bytes(each.Address));
                if (each.Broadcast is { } broadcast)
                {
                    message.Add(IFA_BROADCAST, Bytes(broadcast));
                }

                message.Add(IFA_LABEL, each.Interface.Name);
            }

            message.Add(IFA_FLAGS, NetlinkMessage.Number((int)each.Flags));
            if (isWhole)
            {
                // ifa_cacheinfo: the times at which it was made and last changed are not kept.
                (uint preferred, uint valid) = each.LifetimeAt(now);
                message.Add(
                    IFA_CACHEINFO, [.. NetlinkMessage.Number(preferred), .. NetlinkMessage.Number(valid), .. new byte[2 * sizeof(uint)]]);
            }

            uint group = isIPv4 ? RTMGRP_IPV4_IFADDR : RTMGRP_IPV6_IFADDR;
            yield return new(RTM_NEWADDR, family, group, $"{each.Interface.Name} {each.Address}", message);
        }
    }

    /// <summary>The routes of the main table.</summary>
    public IEnumerable<NetlinkLine> Routes()
    {
        foreach (Route each in stack.Routes)
        {
            bool isIPv4 = each.Prefix.Address.IsIPv4;
            byte family = isIPv4 ? AF_INET : AF_INET6;
            byte scope = each.Gateway is null && isIPv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;

            // rtmsg
            NetlinkMessage message = new(
                [family, (byte)each.Prefix.Length, 0, 0, RT_TABLE_MAIN, ProtocolOf(each), scope, RTN_UNICAST, .. NetlinkMessage.Number(0)]);
            message.Add(RTA_TABLE, NetlinkMessage.Number((int)RT_TABLE_MAIN));
            if (each.Prefix.Length > 0)
            {
                message.Add(RTA_DST, Bytes(each.Prefix.Address));
            }

            if (each.Gateway is { } gateway)
            {
                message.Add(RTA_GATEWAY, Bytes(gateway));
            }

            message.Add(RTA_OIF, NetlinkMessage.Number(each.Interface.Index));
            if (each.Metric != 0)
            {
                message.Add(RTA_PRIORITY, NetlinkMessage.Number(each.Metric));
            }

            uint group = isIPv4 ? RTMGRP_IPV4_ROUTE : RTMGRP_IPV6_ROUTE;
            yield return new(RTM_NEWROUTE, family, group, each.ToString(), message);
        }
    }

    private static byte ProtocolOf(Route route) => route switch
    {
        { Gateway: null } or { Origin: AddressOrigin.LinkLocal } => RTPROT_KERNEL,
        { Origin: AddressOrigin.Dhcp } => RTPROT_DHCP,
        { Origin: AddressOrigin.RouterAdvertisement } => RTPROT_RA,
        _ => RTPROT_BOOT,
    };

    /// <summary>rtnl_link_stats and rtnl_link_stats64, which have the same 24 numbers in the same order.</summary>
    private static void AddStatistics(NetlinkMessage message, InterfaceStatistics counters)
    {
        long[] values = new long[24];
        long[] known =
        [
            counters.RxPackets, counters.TxPackets, counters.RxBytes, counters.TxBytes, counters.RxErrors, 0, counters.RxDropped,
            counters.TxDropped, counters.Multicast,
        ];
        known.CopyTo(values, 0);
        message.Add(IFLA_STATS, [.. values.SelectMany(value => NetlinkMessage.Number(unchecked((uint)value)))]);
        byte[] wide = new byte[values.Length * sizeof(long)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(wide.AsSpan(i * sizeof(long)), values[i]);
        }

        message.Add(IFLA_STATS64, wide);
    }

    private static byte[] Bytes(InternetAddress address)
    {
        byte[] bytes = new byte[address.Size];
        address.Write(bytes);
        return bytes;
    }
}
