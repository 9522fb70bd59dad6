namespace Xenlet.Build;

/// <summary>The distance between two words (Levenshtein).</summary>
internal static class EditDistance
{
    /// <summary>The minimum number of characters to insert, delete and replace that turns one word into the other.</summary>
    public static int Between(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        foreach ((int index, char character) in left.Index())
        {
            int diagonal = row[0];
            row[0] = index + 1;
            for (int column = 1; column < row.Length; column++)
            {
                int exchanged = diagonal + (right[column - 1] == character ? 0 : 1);
                diagonal = row[column];
                row[column] = Math.Min(exchanged, Math.Min(row[column], row[column - 1]) + 1);
            }
        }

        return row[^1];
    }
}
