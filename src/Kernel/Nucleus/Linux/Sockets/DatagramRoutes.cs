using Xenlet.Kernel.Nucleus.Base;
using Xenlet.Kernel.Sockets;
using Thread = Xenlet.Kernel.Nucleus.Threads.Thread;

namespace Xenlet.Kernel.Nucleus.Linux.Sockets;

/// <summary>
/// Whether a datagram can be sent where the program wants it. Nearly always the nucleus can tell; else the sender waits for the stack,
/// which alone knows routes, so that the call that is wrong fails, as on Linux, and not the next one.
/// </summary>
internal static unsafe class DatagramRoutes
{
    /// <summary>RFC 8200, section 5: any link carries packets of 1280 bytes; less the headers of IPv6 and UDP.</summary>
    private const uint AlwaysCarried = 1232;

    private const int IP_PMTUDISC_DO = 2;

    /// <summary>0 if it can be sent.</summary>
    public static long Check(Thread* thread, Socket* socket, EndpointRecord* remote, uint length, uint flags, bool isNamed)
    {
        bool isAnswer = SocketControl.HasFoundRoute(thread, socket);
        if (!isAnswer && !IsInDoubt(socket, remote, length, isNamed))
        {
            return 0;
        }

        if (!isAnswer && (flags & SocketTransfers.NoCall) != 0)
        {
            return -Errno.EAGAIN;
        }

        long result = SocketControl.FindRoute(thread, socket, *remote, length);
        DatagramState* state = result == 0 ? DatagramState.Of(socket) : null;
        if (state != null)
        {
            state->Routed = *remote;
            state->RoutedLength = Math.Max(length, AlwaysCarried);
        }

        return result;
    }

    /// <summary>Something has changed that may make a way, or close one.</summary>
    public static void Forget(Socket* socket)
    {
        if (socket->Datagrams != null)
        {
            socket->Datagrams->RoutedLength = 0;
        }
    }

    private static bool IsInDoubt(Socket* socket, EndpointRecord* remote, uint length, bool isNamed)
    {
        bool isIPv4 = remote->IsIPv4;
        SocketOptionIndex discovery = isIPv4 ? SocketOptionIndex.MtuDiscover4 : SocketOptionIndex.MtuDiscover6;
        bool isWhole = length > AlwaysCarried && SocketOptionTable.Get(socket, discovery) == IP_PMTUDISC_DO;
        if (socket->Kind != SocketKind.Datagram)
        {
            return false;
        }

        DatagramState* state = socket->Datagrams;
        if (state != null && state->RoutedLength >= length && state->Routed.Low == remote->Low && state->Routed.High == remote->High)
        {
            return false;
        }

        // A connected peer has a route, or connect would have failed.
        return isWhole || (isNamed && !remote->IsLoopback && (!StackRequests.HasRoute(isIPv4)
            || socket->Local.IsLoopback
            || (isIPv4 && MayBeBroadcast(remote->IPv4) && SocketOptionTable.Get(socket, SocketOptionIndex.Broadcast) == 0)));
    }

    /// <summary>Of links with prefixes of 28 bits or less; the rare longer ones are told of by the next call.</summary>
    private static bool MayBeBroadcast(uint address) => (address & 0xf) == 0xf;
}
