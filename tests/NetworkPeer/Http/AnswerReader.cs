using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Xenlet.NetworkPeer.Http;

/// <summary>Reads answers of HTTP/1.1 as far as it takes to know where each ends (RFC 9112, section 6.3), and keeps every byte.</summary>
internal sealed class AnswerReader(Socket socket)
{
    private readonly byte[] _buffer = new byte[64 * 1024];
    private readonly List<byte> _came = [];
    private int _position;

    /// <summary>The answers that were read, each byte a character. Whether another has come behind them is chance.</summary>
    public string Text => Encoding.Latin1.GetString([.. _came[.._position]]);

    /// <summary>Whether the server has ended the connection, in whatever way.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Waits until something has come.</summary>
    public async Task AwaitAsync(CancellationToken cancellationToken)
    {
        int before = _came.Count;
        while (_came.Count == before && await ReceiveAsync(cancellationToken))
        {
        }
    }

    /// <summary>Reads an answer, and those of status 1xx before it.</summary>
    /// <returns>Whether the server says that others may follow.</returns>
    public async Task<bool> ReadAsync(bool hasNoBody, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await LineAsync(cancellationToken) is not { } status || !status.StartsWith("HTTP/1.1 ", StringComparison.Ordinal))
            {
                await RestAsync(cancellationToken);
                return false;
            }

            string code = status.Split(' ')[1];
            Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
            while (await LineAsync(cancellationToken) is { Length: > 0 } header)
            {
                string[] parts = header.Split(':', 2);
                headers[parts[0]] = parts.ElementAtOrDefault(1)?.Trim() ?? "";
            }

            if (code == "101")
            {
                await RestAsync(cancellationToken);
                return false;
            }

            if (code[0] == '1')
            {
                continue;
            }

            if (!hasNoBody && code is not ("204" or "304"))
            {
                await BodyAsync(headers, cancellationToken);
            }

            return !HasEnded && headers.GetValueOrDefault("Connection") != "close";
        }
    }

    /// <summary>Reads until the server ends the connection.</summary>
    public async Task RestAsync(CancellationToken cancellationToken)
    {
        while (await ReceiveAsync(cancellationToken))
        {
        }

        _position = _came.Count;
    }

    private async Task BodyAsync(Dictionary<string, string> headers, CancellationToken cancellationToken)
    {
        if (headers.TryGetValue("Content-Length", out string? length))
        {
            await SkipAsync(int.Parse(length, CultureInfo.InvariantCulture), cancellationToken);
        }
        else if (headers.GetValueOrDefault("Transfer-Encoding") == "chunked")
        {
            int chunk;
            do
            {
                string? size = await LineAsync(cancellationToken);
                chunk = int.Parse(size ?? "0", NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                await SkipAsync(chunk + 2, cancellationToken);
            }
            while (chunk > 0 && !HasEnded);
        }
        else
        {
            await RestAsync(cancellationToken);
        }
    }

    private async Task SkipAsync(int count, CancellationToken cancellationToken)
    {
        while (_came.Count < _position + count && await ReceiveAsync(cancellationToken))
        {
        }

        _position = Math.Min(_position + count, _came.Count);
    }

    private async Task<string?> LineAsync(CancellationToken cancellationToken)
    {
        int end;
        while ((end = _came.IndexOf((byte)'\n', _position)) < 0)
        {
            if (!await ReceiveAsync(cancellationToken))
            {
                return null;
            }
        }

        string line = Encoding.Latin1.GetString([.. _came[_position..end]]).TrimEnd('\r');
        _position = end + 1;
        return line;
    }

    private async Task<bool> ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            int count = await socket.ReceiveAsync(_buffer, cancellationToken);
            _came.AddRange(_buffer.AsSpan(0, count));
            HasEnded = count == 0;
        }
        catch (SocketException)
        {
            HasEnded = true;
        }

        return !HasEnded;
    }
}
