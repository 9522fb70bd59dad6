using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xenlet.QemuXen.Machine;

namespace Xenlet.QemuXen;

/// <summary>A port of this machine, at 127.0.0.1, that leads to a port of a guest.</summary>
/// <param name="HostPort">The port of this machine.</param>
/// <param name="GuestPort">The guest's TCP port.</param>
public sealed record PortForward(int HostPort, int GuestPort);

/// <summary>
/// The emulator's own network, in the words of QEMU's user networking: it gives a guest without an address this one by DHCP, and a guest
/// that has it is reached through the forwarded ports.
/// </summary>
/// <param name="Guest">The guest's address.</param>
/// <param name="PrefixLength">The prefix of its network, in bits: 8 to 28.</param>
public sealed record ForwardedNetwork(IPAddress Guest, int PrefixLength)
{
    /// <summary>What QEMU's answer says of a port that another process has (net/slirp.c).</summary>
    private const string PortIsTaken = "Could not set up host forwarding rule";

    /// <summary>What QEMU would choose itself: the first address that its DHCP server gives.</summary>
    public static ForwardedNetwork Default { get; } = new(new IPAddress([10, 0, 2, 15]), 24);

    /// <summary>The network in which a guest has an address, if it is one that a network with a few more members can have.</summary>
    /// <param name="text">The address and its prefix, such as 10.0.0.2/24.</param>
    public static ForwardedNetwork? Parse(string text) =>
        text.Split('/') is [var address, var prefix]
        && IPAddress.TryParse(address, out IPAddress? guest)
        && guest.AddressFamily == AddressFamily.InterNetwork
        && int.TryParse(prefix, NumberStyles.None, CultureInfo.InvariantCulture, out int length)
        && length is >= 8 and <= 28
            ? new(guest, length)
            : null;

    /// <summary>
    /// Adds the network to a machine. A port is taken only here, so it can be gone although it was free when it was chosen: then the
    /// ports are chosen anew, unless that one is chosen again.
    /// </summary>
    /// <param name="monitor">The machine's monitor.</param>
    /// <param name="id">The netdev's id.</param>
    /// <param name="choose">Chooses the ports.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The ports, which lead to the guest from now on.</returns>
    /// <exception cref="QemuXenException">A port is taken, and no other one was chosen for it.</exception>
    internal async Task<IReadOnlyList<PortForward>> AddAsync(
        QemuMonitor monitor, string id, Func<IReadOnlyList<PortForward>> choose, CancellationToken cancellationToken)
    {
        IReadOnlyList<PortForward> ports = choose();
        while (true)
        {
            try
            {
                await monitor.ExecuteAsync($$"""{"execute":"netdev_add","arguments":{{ToNetdev(id, ports)}}}""", cancellationToken);
                return ports;
            }
            catch (QemuXenException refused) when (refused.Message.Contains(PortIsTaken, StringComparison.Ordinal))
            {
                ports = choose();
                if (ports.Any(port => refused.Message.Contains(Rule(port), StringComparison.Ordinal)))
                {
                    throw;
                }
            }
        }
    }

    /// <summary>The netdev's object of QEMU's machine protocol.</summary>
    internal string ToNetdev(string id, IEnumerable<PortForward> ports)
    {
        uint guest = Number(Guest);
        uint mask = uint.MaxValue << (32 - PrefixLength);
        // QEMU's own host and name server take two of the highest addresses that are not the guest's.
        uint[] own = [.. Enumerable.Range(1, 3).Select(index => (guest | ~mask) - (uint)index).Where(address => address != guest)];
        string forwards = string.Join(',', ports.Select(port => $$"""{"str":"{{Rule(port)}}"}"""));
        string net = string.Create(CultureInfo.InvariantCulture, $"{Address(guest & mask)}/{PrefixLength}");
        string addresses = $"""
            "net":"{net}","host":"{Address(own[0])}","dns":"{Address(own[1])}","dhcpstart":"{Guest}"
            """;
        return $$"""{"type":"user","id":"{{id}}","ipv6":false,{{addresses}},"hostfwd":[{{forwards}}]}""";
    }

    /// <summary>A rule of QEMU's, which its errors name.</summary>
    private string Rule(PortForward port) => string.Create(
        CultureInfo.InvariantCulture, $"tcp:127.0.0.1:{port.HostPort}-{Guest}:{port.GuestPort}");

    private static uint Number(IPAddress address) =>
        BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());

    private static IPAddress Address(uint number) => new([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);
}
