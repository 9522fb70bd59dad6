using System.Net;
using System.Net.Sockets;

namespace Xenlet.Tests;

/// <summary>A port of this machine for a program that a test starts, which takes it a moment later.</summary>
internal static class FreePort
{
    /// <summary>
    /// Below the ports that Linux chooses by itself for connections and for tests beside this one (net.ipv4.ip_local_port_range): of those,
    /// one that is free now can be taken a moment later.
    /// </summary>
    private const int Least = 20_000;
    private const int Most = 30_000;

    /// <summary>A TCP port of 127.0.0.1 that no process has.</summary>
    /// <exception cref="InvalidOperationException">All of many are taken.</exception>
    public static int Choose()
    {
        for (int tries = 0; tries < 100; tries++)
        {
            int port = Random.Shared.Next(Least, Most);
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Another one may be free.
            }
        }

        throw new InvalidOperationException($"no port between {Least} and {Most} is free");
    }
}
