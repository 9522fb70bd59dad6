using System.Text;

namespace Xenlet.Bench;

/// <summary>A Markdown table whose columns line up when read as text.</summary>
/// <param name="columns">The heading; all columns but the first are right-aligned.</param>
internal sealed class MarkdownTable(params string[] columns)
{
    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    /// <summary>A row of two figures, and how many times the one's median is the other's.</summary>
    public void AddRatio(string what, Series dividend, Series divisor) =>
        Add(what, dividend.ToString(), divisor.ToString(), Series.Ratio(dividend, divisor));

    public override string ToString()
    {
        int[] widths = [.. columns.Select((column, i) => _rows.Select(row => row[i].Length).Append(column.Length).Max())];
        StringBuilder text = new();
        Line(columns);
        Line([.. widths.Select((width, i) => i == 0 ? new string('-', width) : new string('-', width - 1) + ":")]);
        _rows.ForEach(Line);
        return text.ToString();

        void Line(string[] cells)
        {
            IEnumerable<string> padded = cells.Select((cell, i) => i == 0 ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]));
            text.Append("| ").AppendJoin(" | ", padded).Append(" |\n");
        }
    }
}
