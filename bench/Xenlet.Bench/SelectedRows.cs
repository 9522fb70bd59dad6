using System.Text;

namespace Xenlet.Bench;

/// <summary>What is left of a report when only some rows were asked for.</summary>
internal static class SelectedRows
{
    /// <summary>Lines of a table above its first row.</summary>
    private const int Headings = 2;

    /// <summary>
    /// Leaves out rows without a figure, and tables without a row. A figure that is missing beside others is a dash: it may not have been
    /// asked for. What was and failed is named beside the report.
    /// </summary>
    public static string Of(string report)
    {
        StringBuilder kept = new();
        List<string> table = [];
        foreach (string line in report.Split('\n'))
        {
            if (line.StartsWith('|'))
            {
                table.Add(line);
            }
            else
            {
                AppendTable(kept, table);
                table.Clear();
                if (line.Length > 0 || !EndsWithEmptyLine(kept))
                {
                    kept.Append(line).Append('\n');
                }
            }
        }

        AppendTable(kept, table);
        return kept.ToString().TrimEnd('\n') + "\n";
    }

    private static void AppendTable(StringBuilder kept, List<string> lines)
    {
        string[][] rows = [.. lines.Skip(Headings).Select(Cells).Where(row => row[1..].Any(HasFigure))];
        if (rows.Length > 0)
        {
            MarkdownTable table = new(Cells(lines[0]));
            foreach (string[] row in rows)
            {
                table.Add([.. row.Select(cell => cell == Series.Failed ? "-" : cell)]);
            }

            kept.Append(table);
        }
    }

    private static bool EndsWithEmptyLine(StringBuilder text) => text.Length > 1 && text[^1] == '\n' && text[^2] == '\n';

    private static string[] Cells(string line) => [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];

    private static bool HasFigure(string cell) => cell is not ("" or "-" or Series.Failed);
}
