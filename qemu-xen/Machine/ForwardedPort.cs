using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Xenlet.QemuXen;

/// <summary>A port of a guest that this machine is to reach, at a port of its own if one is named.</summary>
/// <param name="GuestPort">The guest's TCP port.</param>
/// <param name="HostPort">The port of this machine, if it was said.</param>
public sealed record ForwardedPort(int GuestPort, int? HostPort = null)
{
    /// <summary>Reads PORT or HOSTPORT:PORT; null for anything else.</summary>
    public static ForwardedPort? Parse(string text)
    {
        int?[] numbers = [.. text.Split(':').Select(Number)];
        return numbers switch
        {
            [{ } guest] => new(guest),
            [{ } host, { } guest] => new(guest, host),
            _ => null,
        };
    }

    /// <summary>
    /// The port of this machine: the one that was named, else the guest's number, else, where that is taken, a free one. Another process
    /// can take it at any time.
    /// </summary>
    internal PortForward OnHost()
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
