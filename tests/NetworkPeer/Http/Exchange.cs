using System.Globalization;
using System.Text;

namespace Xenlet.NetworkPeer.Http;

/// <summary>A connection of a table: what is sent on it, and how many answers that ought to have.</summary>
/// <remarks>
/// The text of a table: <c>=== NAME</c> begins a connection, <c>#</c> a comment. Every other line is sent, with CR LF unless it ends in a
/// backslash. In it <c>\r \n \t \0 \\ \xHH</c> are bytes, and <c>\{N TEXT}</c> is a text N times. <c>@answers N</c> says that there are N
/// answers, <c>@await</c> sends the rest when something has come, <c>@end</c> ends the sending behind it.
/// </remarks>
internal sealed class Exchange(string name)
{
    private readonly List<byte[]> _parts = [];
    private List<byte> _part = [];

    /// <summary>What it shows.</summary>
    public string Name => name;

    /// <summary>What is sent at once; each part but the first when something has come.</summary>
    public IReadOnlyList<byte[]> Parts => _parts;

    /// <summary>How many answers are awaited, without those of status 1xx.</summary>
    public int Answers { get; private set; } = 1;

    /// <summary>Whether the client's side is shut down behind the last part.</summary>
    public bool EndsSending { get; private set; }

    /// <summary>Whether the first answer has no body, whatever its headers say.</summary>
    public bool AsksForHeaders => _parts[0].AsSpan().StartsWith("HEAD "u8);

    /// <summary>Reads a table.</summary>
    /// <param name="text">The table.</param>
    public static List<Exchange> Read(string text)
    {
        List<Exchange> exchanges = [];
        foreach (string line in (text.EndsWith('\n') ? text[..^1] : text).Split('\n'))
        {
            if (line.StartsWith("=== ", StringComparison.Ordinal))
            {
                exchanges.LastOrDefault()?.EndPart();
                exchanges.Add(new(line[4..]));
            }
            else if (!line.StartsWith('#'))
            {
                exchanges.LastOrDefault()?.Add(line);
            }
        }

        exchanges.LastOrDefault()?.EndPart();
        return exchanges;
    }

    private void Add(string line)
    {
        switch (line.Split(' '))
        {
            case ["@answers", var number]:
                Answers = int.Parse(number, CultureInfo.InvariantCulture);
                break;
            case ["@await"]:
                EndPart();
                break;
            case ["@end"]:
                EndsSending = true;
                break;
            default:
                bool isWhole = !line.EndsWith('\\') || line.EndsWith("\\\\", StringComparison.Ordinal);
                _part.AddRange(Encoding.Latin1.GetBytes(Unescape(isWhole ? line : line[..^1])));
                _part.AddRange(isWhole ? "\r\n"u8 : []);
                break;
        }
    }

    private void EndPart()
    {
        _parts.Add([.. _part]);
        _part = [];
    }

    private static string Unescape(string line)
    {
        StringBuilder text = new();
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] != '\\')
            {
                text.Append(line[i]);
                continue;
            }

            char kind = line[++i];
            switch (kind)
            {
                case 'x':
                    text.Append((char)byte.Parse(line.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                    i += 2;
                    break;
                case '{':
                    int blank = line.IndexOf(' ', i);
                    int end = line.IndexOf('}', i);
                    int times = int.Parse(line.AsSpan(i + 1, blank - i - 1), CultureInfo.InvariantCulture);
                    text.Insert(text.Length, Unescape(line[(blank + 1)..end]), times);
                    i = end;
                    break;
                default:
                    text.Append(kind switch { 'r' => '\r', 'n' => '\n', 't' => '\t', '0' => '\0', _ => kind });
                    break;
            }
        }

        return text.ToString();
    }
}
