using Xenlet.Net.Internet;

namespace Xenlet.Net.Tcp;

/// <content>What the internet layer tells.</content>
internal sealed partial class TcpLayer : ITransport
{
    bool ITransport.OnError(in IcmpError error, ReadOnlySpan<byte> payload)
    {
        SequenceNumber sequence = new(error.SequenceNumber);
        if (!_connections.TryGet(error.Flow, out TcpConnection? connection) || !connection.IsUnderWay(sequence))
        {
            return false;
        }

        // What a router says may be otherwise in a moment (RFC 9293, MUST-56); that a neighbour is silent, or a port shut, is certain.
        (TcpError reason, bool isHard) = error.Kind switch
        {
            IcmpErrorKind.PortUnreachable or IcmpErrorKind.ProtocolUnreachable => (TcpError.Refused, true),
            IcmpErrorKind.NeighbourUnreachable => (TcpError.HostUnreachable, true),
            IcmpErrorKind.NetworkUnreachable => (TcpError.NetworkUnreachable, false),
            IcmpErrorKind.HostUnreachable or IcmpErrorKind.TimeExceeded => (TcpError.HostUnreachable, false),
            _ => (TcpError.None, false),
        };
        if (reason != TcpError.None)
        {
            try
            {
                connection.OnError(reason, sequence, isHard);
            }
#pragma warning disable CA1031 // As Guard, without its closure: whoever forges errors would have garbage made.
            catch (Exception fault)
            {
                OnFault(connection, fault);
            }
#pragma warning restore CA1031
        }

        return true;
    }

    void ITransport.OnMtuChanged(InternetAddress remote) => OnMtuChanged(remote);

    void ITransport.OnAddressRemoved(InternetAddress local) => OnAddressGone(local, TcpError.NetworkDown);
}
