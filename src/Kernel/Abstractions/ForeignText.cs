using System.Globalization;
using System.Text;

namespace Xenlet.Kernel;

/// <summary>Escapes text from others, such as xenstore values, before it goes to a console.</summary>
/// <remarks>
/// A terminal obeys what it is shown: control characters in foreign text could clear the screen, change its title or make it send input,
/// and a line end could forge a line of the guest's own.
/// </remarks>
public static class ForeignText
{
    /// <summary>
    /// Returns the text as one line without anything that controls a terminal: control and format characters, line ends and unpaired
    /// surrogates become <c>\x1b</c> or <c>\u202e</c>; all else stays. Escaping the result again changes nothing.
    /// </summary>
    public static string Escape(string text) => Escape(text, keepsLines: false);

    /// <summary>As <see cref="Escape(string)"/>, but the lines of the text stay lines.</summary>
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
