namespace Xenlet.Bench;

/// <summary>Tables of what a Xenlet that serves spends on an operation, as the counters of its nucleus and of its collector say.</summary>
internal static class ServingCosts
{
    private static readonly (string Title, string Figure)[] Columns =
    [
        ("hypercalls", "hypercalls"), ("notifications", "notifications"), ("interrupts", "interrupts"), ("thread switches", "switches"),
        ("system calls", "calls"), ("bytes of garbage", "garbage"),
    ];

    public static MarkdownTable Table(string what) => new([what, .. Columns.Select(column => column.Title)]);

    /// <summary>A row of one kind of operation.</summary>
    /// <param name="table">From <see cref="Table"/>.</param>
    /// <param name="title">What stands before the figures.</param>
    /// <param name="results">The figures.</param>
    /// <param name="name">What the operation is called in them.</param>
    public static void Add(MarkdownTable table, string title, WorkResults results, string name) =>
        table.Add([title, .. Columns.Select(column => results[$"{name}.{column.Figure}"].MedianText)]);
}
