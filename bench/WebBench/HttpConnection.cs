using System.Buffers.Text;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.WebBench;

/// <summary>A connection of the client, which asks for one thing again and again. Of HTTP it reads what an answer's end needs.</summary>
internal sealed class HttpConnection : IDisposable
{
    private static readonly byte[] EndOfHeaders = "\r\n\r\n"u8.ToArray();

    private readonly Stream _stream;
    private readonly byte[] _request;
    private readonly byte[] _buffer = new byte[4096];

    private HttpConnection(Stream stream, string path)
    {
        _stream = stream;
        _request = Encoding.ASCII.GetBytes($"GET /{path} HTTP/1.1\r\nHost: guest\r\n\r\n");
    }

    /// <summary>Connects, and makes the handshake of TLS, none of whose sessions is resumed.</summary>
    public static async Task<HttpConnection> OpenAsync(IPAddress address, string path, bool isTls)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, isTls ? HttpPorts.Tls : HttpPorts.Plain);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        Stream stream = new NetworkStream(socket, ownsSocket: true);
        if (!isTls)
        {
            return new(stream, path);
        }

        SslStream tls = new(stream);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "WebBench",
            AllowTlsResume = false,

            // The service signs its own certificate.
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == Service.CertificateSubject,
        });
        return new(tls, path);
    }

    /// <summary>Asks once.</summary>
    /// <exception cref="InvalidDataException">That is not answered as it ought to be.</exception>
    public async Task AskAsync()
    {
        await _stream.WriteAsync(_request);
        int received = 0;
        do
        {
            int part = await _stream.ReadAsync(_buffer.AsMemory(received));
            received += part > 0 ? part : throw new InvalidDataException("the service has ended the connection");
        }
        while (!IsWhole(_buffer.AsSpan(0, received)));
    }

    public void Dispose() => _stream.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        int end = answer.IndexOf(EndOfHeaders);
        if (end < 0)
        {
            return false;
        }

        ReadOnlySpan<byte> headers = answer[..end];
        if (!headers.StartsWith("HTTP/1.1 200 "u8))
        {
            throw new InvalidDataException(Encoding.ASCII.GetString(headers));
        }

        ReadOnlySpan<byte> name = "Content-Length: "u8;
        int length = headers.IndexOf(name);
        return length < 0
            ? answer.EndsWith("\r\n0\r\n\r\n"u8)
            : Utf8Parser.TryParse(headers[(length + name.Length)..], out int body, out _)
                && answer.Length == end + EndOfHeaders.Length + body;
    }
}
