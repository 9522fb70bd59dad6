using System.Globalization;

namespace Xenlet.Bench;

/// <summary>The tables about TCP.</summary>
internal static class TcpReport
{
    /// <summary>Bytes of data in a segment of an Ethernet, with timestamps.</summary>
    private const double Segment = 1448;

    private const double Megabyte = 1e6;

    public static string Write(TcpResults results)
    {
        MarkdownTable rate = new("", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable latency = new("a request takes, µs", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable time = new("processor time of the domain", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable counts = new(
            "for a MB, request or connection", "thread switches: Xenlet", "Linux", "interrupts: Xenlet", "Linux",
            "notifications that reach the back end: Xenlet", "Linux", "system calls: Xenlet", "hypercalls: Xenlet");
        MarkdownTable garbage = new("bytes of garbage", "Xenlet", "Linux", "Xenlet / Linux");
        foreach (TcpWork work in TcpWork.All)
        {
            string unit = work.IsBulk ? "MB/s" : "1/s";
            Compare(rate, $"{work.Title}, {unit}", work, "rate", value => value);
            Compare(time, work.IsBulk ? $"{work.Title}, ms a MB" : $"{work.Title}, µs each", work, "processor", value =>
                value / (work.IsBulk ? 1e6 : 1e3));
            counts.Add([
                work.Title, .. ((string[])["switches", "interrupts", "back-end"]).SelectMany(figure => Pair(work, figure)),
                .. ((string[])["calls", "hypercalls"]).Select(figure => results.Xenlet[$"{work.Name}.{figure}"].MedianText)]);
            Compare(garbage, work.IsBulk ? $"{work.Title}, a segment" : $"{work.Title}, each", work, "garbage", value =>
                work.IsBulk ? value * Segment / Megabyte : value);
            if (work.Kind == TcpWorkKind.Request)
            {
                Compare(latency, $"{work.Title}, median", work, "median", value => value);
                Compare(latency, $"{work.Title}, 99 of 100 are shorter", work, "slow", value => value);
            }
        }

        return $"{rate}\n{latency}\n{time}\n{counts}\n{garbage}\n{Flood(results)}\n{Memory(results)}\n{Host(results)}";

        void Compare(MarkdownTable table, string title, TcpWork work, string figure, Func<double, double> convert) =>
            table.AddRatio(
                title, results.Xenlet[$"{work.Name}.{figure}"].Select(convert), results.Linux[$"{work.Name}.{figure}"].Select(convert));

        string[] Pair(TcpWork work, string figure) =>
            [results.Xenlet[$"{work.Name}.{figure}"].MedianText, results.Linux[$"{work.Name}.{figure}"].MedianText];
    }

    private static MarkdownTable Flood(TcpResults results)
    {
        MarkdownTable table = new("one connection that echoes, and hostile frames", "Xenlet", "Linux", "Xenlet / Linux");
        Row("alone, KiB/s", "quiet");
        Row("beside a flood of frames to nobody, KiB/s", "busy");
        Row("in a flood of hostile frames, KiB/s", "flooded");
        Row("frames of the flood, 1/s", "frames");
        return table;

        void Row(string title, string figure) => table.AddRatio(title, results.Xenlet[$"flood.{figure}"], results.Linux[$"flood.{figure}"]);
    }

    private static MarkdownTable Memory(TcpResults results)
    {
        MarkdownTable table = new("memory of idle connections with a receive pending", "Xenlet", "Linux", "Xenlet / Linux");
        (int few, int many) = results.Idle;
        Row(string.Create(CultureInfo.InvariantCulture, $"free memory falls from {few:N0} to {many:N0}, MiB"), 1 << 20);
        Row("bytes a connection", many - few);
        return table;

        void Row(string title, double unit) =>
            table.AddRatio(title, Fall(results.Xenlet).Select(bytes => bytes / unit), Fall(results.Linux).Select(bytes => bytes / unit));

        Series Fall(WorkResults of)
        {
            Series falls = new();
            falls.AddRange(of["idle-few.free"].Values.Zip(of["idle-many.free"].Values, (before, after) => before - after));
            return falls;
        }
    }

    private static MarkdownTable Host(TcpResults results)
    {
        MarkdownTable table = new("without Xen, processor time for a MB on this machine, µs", "the stack", "Linux's loopback", "ratio");
        Series linux = results.LinuxLoopback.Select(nanoseconds => nanoseconds / 1e3);
        Row("loopback", results.StackLoopback);
        Row("segments of 1,448 bytes, checksums by the stack", results.StackSegments);
        return table;

        void Row(string title, Series times) => table.AddRatio(title, times.Select(nanoseconds => nanoseconds / 1e3), linux);
    }
}
