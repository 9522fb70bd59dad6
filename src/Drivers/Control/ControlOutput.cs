using System.Text;

namespace Xenlet.Drivers;

/// <summary>Writes whole texts to the console, one at a time.</summary>
internal sealed class ControlOutput(Stream stream)
{
    private const int LongestValue = 40;

    private readonly Lock _gate = new();

    /// <summary>Writes a line that says who says it.</summary>
    public void Message(string text) => Write($"xenlet: {text}\n");

    /// <summary>Writes a text as it is.</summary>
    public void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        lock (_gate)
        {
            try
            {
                stream.Write(bytes);
                stream.Flush();
            }
            catch (IOException)
            {
                // Who cannot be told cannot be told that.
            }
        }
    }

    /// <summary>A value that another domain wrote, fit for a terminal.</summary>
    public static string Quote(string value)
    {
        string start = value.Length <= LongestValue ? value : value[..LongestValue];
        StringBuilder text = new("'");
        foreach (char character in start)
        {
            text.Append(char.IsAscii(character) && !char.IsControl(character) ? character : '?');
        }

        return text.Append(value.Length <= LongestValue ? "'" : "...'").ToString();
    }
}
