namespace Xenlet.Bench;

/// <summary>The tables about the web service.</summary>
internal static class WebReport
{
    public static string Write(WebResults results)
    {
        MarkdownTable whole = new(Heading(""));
        Row(whole, "`xl unpause` to the first answer, ms", "first.answer", 1);
        Row(whole, "of it: `Main` to listening, ms", "main.listens", 1);
        Only(whole, "image or program without symbols, MB", Megabytes(results.XenletSize), Megabytes(results.LinuxSize));
        Least(whole, "least `memory=` that serves 64 connections, MiB", "least-http.memory");
        Least(whole, "the same over HTTPS, MiB", "least-https.memory");

        MarkdownTable rate = new(Heading("requests or handshakes a second"));
        MarkdownTable latency = new(Heading("a request or handshake takes, µs"));
        MarkdownTable time = new(Heading("processor time of the domain for one, µs"));
        MarkdownTable garbage = new(Heading("bytes of garbage for one"));
        MarkdownTable counts = new(
            "for one", "thread switches: Xenlet", "Linux", "interrupts: Xenlet", "Linux",
            "notifications that reach the back end: Xenlet", "Linux", "system calls: Xenlet", "hypercalls: Xenlet");
        MarkdownTable collections = new(
            "collections of the heap", "for 1,000: Xenlet", "Linux", "with .NET's defaults", "pause of one, µs: Xenlet", "Linux",
            "with .NET's defaults");
        foreach (WebWork work in WebWork.All)
        {
            Row(rate, work.Title, $"{work.Name}.rate", 1, isMoreBetter: true);
            Row(latency, $"{work.Title}, median", $"{work.Name}.median", 1);
            Row(latency, $"{work.Title}, 99 of 100 are shorter", $"{work.Name}.slow", 1);
            Row(time, work.Title, $"{work.Name}.processor", 1e3);
            Row(garbage, work.Title, $"{work.Name}.garbage", 1);
            counts.Add([
                work.Title, .. ((string[])["switches", "interrupts", "back-end"]).SelectMany(figure => Pair($"{work.Name}.{figure}")),
                .. ((string[])["calls", "hypercalls"]).Select(figure => results.Xenlet[$"{work.Name}.{figure}"].MedianText)]);
            collections.Add([
                work.Title, .. ((string[])["collections", "pause"]).SelectMany(figure => All($"{work.Name}.{figure}"))]);
        }

        return $"{whole}\n{rate}\n{latency}\n{time}\n{counts}\n{garbage}\n{collections}";

        string[] Heading(string what) => [what, "Xenlet", "Linux", "with .NET's defaults", "Xenlet / better Linux"];

        void Row(MarkdownTable table, string title, string figure, double unit, bool isMoreBetter = false)
        {
            Series xenlet = results.Xenlet[figure].Select(value => value / unit);
            Series linux = results.Linux[figure].Select(value => value / unit);
            Series defaults = results.LinuxWithDefaults[figure].Select(value => value / unit);
            string ratio = Series.Ratio(xenlet, Better(linux, defaults, isMoreBetter));
            table.Add(title, xenlet.ToString(), linux.ToString(), defaults.ToString(), ratio);
        }

        void Only(MarkdownTable table, string title, Series xenlet, Series linux) =>
            table.Add(title, xenlet.ToString(), linux.ToString(), "", Series.Ratio(xenlet, linux));

        void Least(MarkdownTable table, string title, string figure) => Only(table, title, results.Xenlet[figure], results.Linux[figure]);

        string[] All(string figure) => [.. Pair(figure), results.LinuxWithDefaults[figure].MedianText];

        string[] Pair(string figure) => [results.Xenlet[figure].MedianText, results.Linux[figure].MedianText];
    }

    /// <summary>The one with the better median; where one has no figure, the other.</summary>
    private static Series Better(Series one, Series other, bool isMoreBetter)
    {
        if (one.IsEmpty || other.IsEmpty)
        {
            return one.IsEmpty ? other : one;
        }

        return one.Median >= other.Median == isMoreBetter ? one : other;
    }

    private static Series Megabytes(long bytes)
    {
        Series series = new();
        if (bytes > 0)
        {
            series.Add(bytes / 1e6);
        }

        return series;
    }
}
