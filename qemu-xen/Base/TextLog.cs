using System.Text;

namespace Xenlet.QemuXen;

/// <summary>A log that grows while it is read: whole lines of text, without carriage returns, safe for several threads.</summary>
public sealed class TextLog
{
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private readonly StringBuilder _partial = new();
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Raised for every complete line, in order, on the thread that appends.</summary>
    public event Action<string>? LineAdded;

    /// <summary>All complete lines so far.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Everything so far, an incomplete last line included.</summary>
    public string Text
    {
        get
        {
            lock (_gate)
            {
                return string.Join('\n', _lines.Append(_partial.ToString()));
            }
        }
    }

    /// <summary>The last lines, for a message about a failure.</summary>
    public string Tail(int count)
    {
        lock (_gate)
        {
            IEnumerable<string> all = _partial.Length > 0 ? _lines.Append(_partial.ToString()) : _lines;
            return string.Join('\n', all.TakeLast(count));
        }
    }

    /// <summary>Adds bytes of UTF-8 text; the end of a line may come later.</summary>
    internal void Append(ReadOnlySpan<byte> bytes)
    {
        List<string> added = new();
        lock (_gate)
        {
            char[] characters = new char[bytes.Length + 1];
            int count = _decoder.GetChars(bytes, characters, flush: false);
            foreach (char c in characters.AsSpan(0, count))
            {
                if (c == '\n')
                {
                    added.Add(_partial.ToString());
                    _lines.Add(_partial.ToString());
                    _partial.Clear();
                }
                else if (c != '\r')
                {
                    _partial.Append(c);
                }
            }
        }

        foreach (string line in added)
        {
            LineAdded?.Invoke(line);
        }
    }

    /// <summary>Appends all that a stream gives until its end; a connection that breaks is its end.</summary>
    internal async Task CopyFromAsync(Stream stream)
    {
        byte[] buffer = new byte[16 * 1024];
        try
        {
            int count;
            while ((count = await stream.ReadAsync(buffer)) > 0)
            {
                Append(buffer.AsSpan(0, count));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The other end has gone; what was read stays.
        }
    }
}
