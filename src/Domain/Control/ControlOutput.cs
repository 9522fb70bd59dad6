using System.Text;
using Xenlet.Kernel;

namespace Xenlet.Domain;

/// <summary>Writes complete texts to the console, one at a time.</summary>
internal sealed class ControlOutput(Stream stream)
{
    private const int LongestValue = 40;

    private static readonly TimeSpan LastMessageLimit = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();

    /// <summary>Writes a line that names its author.</summary>
    public void Message(string text) => Write($"xenlet: {ForeignText.Escape(text)}\n");

    /// <summary>Writes a line while the guest ends. A console that takes no more output delays the end by two seconds at most.</summary>
    public void LastMessage(string text)
    {
        Thread message = new(() => Message(text)) { IsBackground = true, Name = "last message" };
        message.Start();
        message.Join(LastMessageLimit);
    }

    /// <summary>Writes lines, with control characters escaped: nothing in them is a command to the terminal.</summary>
    public void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(ForeignText.EscapeLines(text));
        lock (_lock)
        {
            try
            {
                stream.Write(bytes);
                stream.Flush();
            }
            catch (IOException)
            {
                // The console fails, and there is nowhere else to report it.
            }
        }
    }

    /// <summary>A value that another domain wrote, in quotes and with a limited length.</summary>
    public static string Quote(string value) =>
        value.Length <= LongestValue ? $"'{ForeignText.Escape(value)}'" : $"'{ForeignText.Escape(value[..LongestValue])}...'";
}
