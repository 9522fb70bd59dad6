using System.Globalization;
using System.Text;

namespace Xenlet.Kernel;

/// <summary>Text that somebody else wrote, such as values of xenstore, on its way to a console.</summary>
/// <remarks>
/// A terminal obeys what it is shown: control characters of a stranger clear its screen, change its title or make it type, and a line's end
/// lets a stranger forge lines of the guest's own.
/// </remarks>
public static class ForeignText
{
    /// <summary>
    /// The text as one line in which nothing commands a terminal: control and format characters, line ends and halves of characters become
    /// <c>\x1b</c> or <c>\u202e</c>, all else stays. Escaping it again changes nothing.
    /// </summary>
    public static string Escape(string text) => Escape(text, keepsLines: false);

    /// <summary>The same, of a text of several lines: they stay lines.</summary>
    public static string EscapeLines(string text) => Escape(text, keepsLines: true);

    private static string Escape(string text, bool keepsLines)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder? escaped = null;
        int done = 0;
        for (int i = 0; i < text.Length;)
        {
            int length = Rune.DecodeFromUtf16(text.AsSpan(i), out Rune rune, out int used) == System.Buffers.OperationStatus.Done
                ? used
                : 0;
            if (length > 0 && (IsHarmless(rune) || (keepsLines && rune.Value == '\n')))
            {
                i += length;
                continue;
            }

            escaped ??= new StringBuilder(text.Length + 16);
            escaped.Append(text, done, i - done);
            int value = length > 0 ? rune.Value : text[i];
            escaped.Append(value < 0x100 ? "\\x" : value < 0x10000 ? "\\u" : "\\U")
                .Append(value.ToString(value < 0x100 ? "x2" : value < 0x10000 ? "x4" : "x8", CultureInfo.InvariantCulture));
            i += Math.Max(length, 1);
            done = i;
        }

        return escaped is null ? text : escaped.Append(text, done, text.Length - done).ToString();
    }

    private static bool IsHarmless(Rune rune) => Rune.GetUnicodeCategory(rune)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
