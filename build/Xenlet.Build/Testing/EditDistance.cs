namespace Xenlet.Build;

/// <summary>How far apart two words are (Levenshtein's distance).</summary>
internal static class EditDistance
{
    /// <summary>The least number of characters to insert, to delete and to exchange that makes one of the other.</summary>
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
