using Xenlet.Net;

namespace Xenlet.Samples;

/// <summary>Sends back each datagram that comes to port 7 (RFC 862), over IPv4 and IPv6.</summary>
internal sealed class UdpEcho : IUdpUser
{
    private const ushort Port = 7;
    private readonly UdpEndpoint _endpoint;

    /// <summary>Takes the port.</summary>
    /// <exception cref="InvalidOperationException">Somebody else has it.</exception>
    public UdpEcho(IpStack stack)
    {
        _endpoint = stack.CreateUdpEndpoint(this, isIPv6: true);
        NetworkError error = _endpoint.Bind(new Endpoint(InternetAddress.AnyIPv6, Port));
        if (error != NetworkError.None)
        {
            throw new InvalidOperationException($"port {Port}: {error}");
        }
    }

    public bool TryReceive(in UdpOrigin origin, ReadOnlySpan<byte> data) =>
        _endpoint.Send(data, origin.Remote, origin.InterfaceIndex) == NetworkError.None;

    public void OnError(NetworkError error)
    {
        // Only the errors of a connected peer are told.
    }

    public void OnWritable()
    {
        // What found no room is lost, as on any network.
    }
}
