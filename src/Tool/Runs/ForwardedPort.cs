using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xenlet.QemuXen;

namespace Xenlet.Tool.Runs;

/// <summary>
/// What <c>--forward</c> asks for: a port of the guest that this machine is to reach, at a port of its own if one is named.
/// </summary>
/// <param name="GuestPort">The guest's TCP port.</param>
/// <param name="HostPort">The port of this machine, if it was said.</param>
internal sealed record ForwardedPort(int GuestPort, int? HostPort)
{
    /// <summary>Reads PORT or HOSTPORT:PORT; null for anything else.</summary>
    public static ForwardedPort? Parse(string text)
    {
        int?[] numbers = [.. text.Split(':').Select(Number)];
        return numbers switch
        {
            [{ } guest] => new(guest, HostPort: null),
            [{ } host, { } guest] => new(guest, host),
            _ => null,
        };
    }

    /// <summary>The port of this machine: the one that was named, else the guest's number, else, where that is taken, a free one.</summary>
    public PortForward OnHost()
    {
        if (HostPort is { } named)
        {
            return new(named, GuestPort);
        }

        try
        {
            return new(Bind(GuestPort), GuestPort);
        }
        catch (SocketException)
        {
            return new(Bind(0), GuestPort);
        }
    }

    /// <summary>The network in which the guest's variables give it an address, or the one that gives it an address by DHCP.</summary>
    public static ForwardedNetwork NetworkOf(IEnumerable<KeyValuePair<string, string>> variables) =>
        variables.Where(variable => variable.Key == "XENLET_IP")
            .SelectMany(variable => variable.Value.Split(','))
            .Select(ForwardedNetwork.Parse)
            .FirstOrDefault(network => network is not null) ?? ForwardedNetwork.Default;

    /// <summary>Sees that a port can be had; 0 is any.</summary>
    private static int Bind(int port)
    {
        using TcpListener listener = new(IPAddress.Loopback, port);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static int? Number(string text) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0 ? number : null;
}
