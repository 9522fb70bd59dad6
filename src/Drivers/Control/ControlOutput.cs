using System.Text;
using Xenlet.Kernel;

namespace Xenlet.Drivers;

/// <summary>Writes whole texts to the console, one at a time.</summary>
internal sealed class ControlOutput(Stream stream)
{
    private const int LongestValue = 40;

    private static readonly TimeSpan LastMessageLimit = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();

    /// <summary>Writes a line that says who says it.</summary>
    public void Message(string text) => Write($"xenlet: {ForeignText.Escape(text)}\n");

    /// <summary>Writes a line while the guest ends: a console that takes no more output keeps it for two seconds, and no longer.</summary>
    public void LastMessage(string text)
    {
        Thread message = new(() => Message(text)) { IsBackground = true, Name = "last message" };
        message.Start();
        message.Join(LastMessageLimit);
    }

    /// <summary>Writes lines. Whatever they were made of, nothing in them commands the terminal.</summary>
    public void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(ForeignText.EscapeLines(text));
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

    /// <summary>A value that another domain wrote, in quotes and of bounded length.</summary>
    public static string Quote(string value) =>
        value.Length <= LongestValue ? $"'{ForeignText.Escape(value)}'" : $"'{ForeignText.Escape(value[..LongestValue])}...'";
}
