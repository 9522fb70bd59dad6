using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Xenlet.Net.Tests.Linux.Services;

/// <summary>As much of HTTP/1.1 as curl needs to leave a file with PUT, and to fetch it with GET, any number of times.</summary>
internal sealed class HttpStream(Dictionary<string, byte[]> files) : TcpStream
{
    private readonly List<byte> _received = [];
    private string _method = "";
    private string _path = "";
    private int _bodyLength = -1;

    protected override void OnData(ReadOnlySpan<byte> data)
    {
        _received.AddRange(data);
        while (TryAnswer())
        {
        }
    }

    private bool TryAnswer()
    {
        ReadOnlySpan<byte> bytes = CollectionsMarshal.AsSpan(_received);
        if (_bodyLength < 0)
        {
            int end = bytes.IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                return false;
            }

            string[] lines = Encoding.ASCII.GetString(bytes[..end]).Split("\r\n");
            string[] request = lines[0].Split(' ');
            (_method, _path) = (request[0], request[1]);
            string? length = lines.FirstOrDefault(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
            _bodyLength = length is null ? 0 : int.Parse(length.AsSpan(15), CultureInfo.InvariantCulture);
            if (lines.Any(line => line.StartsWith("Expect:", StringComparison.OrdinalIgnoreCase)))
            {
                Send("HTTP/1.1 100 Continue\r\n\r\n"u8);
            }

            _received.RemoveRange(0, end + 4);
            return true;
        }

        if (bytes.Length < _bodyLength)
        {
            return false;
        }

        if (_method == "PUT")
        {
            files[_path] = bytes[.._bodyLength].ToArray();
        }

        byte[] answer = files.GetValueOrDefault(_path, []);
        Send(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {(_method == "GET" ? answer.Length : 0)}\r\n\r\n"));
        if (_method == "GET")
        {
            Send(answer);
        }

        _received.RemoveRange(0, _bodyLength);
        _bodyLength = -1;
        return true;
    }
}
