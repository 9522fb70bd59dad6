using System.Text;

namespace XenStoreTool;

/// <summary>Takes a typed line apart.</summary>
internal static class CommandLine
{
    /// <summary>
    /// Splits at blanks. What stands in single or double quotes is taken as it is, blanks included; a backslash is an ordinary character,
    /// as the values of nodes have a use for it.
    /// </summary>
    /// <exception cref="UsageException">A quote has no end.</exception>
    public static string[] Split(string line)
    {
        List<string> words = [];
        StringBuilder? word = null;
        for (int i = 0; i < line.Length; i++)
        {
            if (char.IsWhiteSpace(line[i]))
            {
                Finish();
            }
            else if (line[i] is '"' or '\'')
            {
                int end = line.IndexOf(line[i], i + 1);
                if (end < 0)
                {
                    throw new UsageException($"the quote {line[i]} in column {i + 1} has no end.");
                }

                (word ??= new()).Append(line, i + 1, end - i - 1);
                i = end;
            }
            else
            {
                (word ??= new()).Append(line[i]);
            }
        }

        Finish();
        return [.. words];

        void Finish()
        {
            if (word is not null)
            {
                words.Add(word.ToString());
                word = null;
            }
        }
    }
}
