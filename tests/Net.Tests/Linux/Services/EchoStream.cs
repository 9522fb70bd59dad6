namespace Xenlet.Net.Tests.Linux.Services;

/// <summary>Sends back what it gets (RFC 862).</summary>
internal sealed class EchoStream : TcpStream
{
    protected override void OnData(ReadOnlySpan<byte> data) => Send(data);
}
