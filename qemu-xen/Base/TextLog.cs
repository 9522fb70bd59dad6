using System.Text;

namespace Xenlet.QemuXen;

/// <summary>A log that can be read while it grows: whole lines of text without carriage returns. Thread-safe.</summary>
public sealed class TextLog
{
    private readonly Lock _lock = new();
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
            lock (_lock)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>Everything so far, including an incomplete last line.</summary>
    public string Text
    {
        get
        {
            lock (_lock)
            {
                return string.Join('\n', _lines.Append(_partial.ToString()));
            }
        }
    }

    /// <summary>The last lines, for a message about a failure.</summary>
    public string Tail(int count)
    {
        lock (_lock)
        {
            IEnumerable<string> all = _partial.Length > 0 ? _lines.Append(_partial.ToString()) : _lines;
            return string.Join('\n', all.TakeLast(count));
        }
    }

    /// <summary>Appends bytes of UTF-8 text. The end of a line may come later.</summary>
    internal void Append(ReadOnlySpan<byte> bytes)
    {
        List<string> added = new();
        lock (_lock)
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

    /// <summary>Appends everything from a stream until its end; a broken connection counts as its end.</summary>
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
            // The other end has gone. What was read stays.
        }
    }
}
