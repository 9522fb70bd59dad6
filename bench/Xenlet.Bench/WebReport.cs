namespace Xenlet.Bench;

/// <summary>The tables about the web service.</summary>
internal static class WebReport
{
    public static string Write(WebResults results)
    {
        MarkdownTable whole = new("", "Xenlet", "Linux", "Xenlet / Linux");
        Row(whole, "`xl unpause` to the first answer, ms", "first.answer", 1);
        Row(whole, "of it: `Main` to listening, ms", "main.listens", 1);
        whole.AddRatio("image or program without symbols, MB", Megabytes(results.XenletSize), Megabytes(results.LinuxSize));
        Row(whole, "least `memory=` that serves 64 connections, MiB", "least-http.memory", 1);
        Row(whole, "the same over HTTPS, MiB", "least-https.memory", 1);

        MarkdownTable rate = new("requests or handshakes a second", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable latency = new("a request or handshake takes, µs", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable time = new("processor time of the domain for one, µs", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable garbage = new("bytes of garbage for one", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable counts = new(
            "for one", "thread switches: Xenlet", "Linux", "interrupts: Xenlet", "Linux",
            "notifications that reach the back end: Xenlet", "Linux", "system calls: Xenlet", "hypercalls: Xenlet");
        foreach (WebWork work in WebWork.All)
        {
            Row(rate, work.Title, $"{work.Name}.rate", 1);
            Row(latency, $"{work.Title}, median", $"{work.Name}.median", 1);
            Row(latency, $"{work.Title}, 99 of 100 are shorter", $"{work.Name}.slow", 1);
            Row(time, work.Title, $"{work.Name}.processor", 1e3);
            Row(garbage, work.Title, $"{work.Name}.garbage", 1);
            counts.Add([
                work.Title, .. ((string[])["switches", "interrupts", "back-end"]).SelectMany(figure => Pair($"{work.Name}.{figure}")),
                .. ((string[])["calls", "hypercalls"]).Select(figure => results.Xenlet[$"{work.Name}.{figure}"].MedianText)]);
        }

        return $"{whole}\n{rate}\n{latency}\n{time}\n{counts}\n{garbage}";

        void Row(MarkdownTable table, string title, string figure, double unit) => table.AddRatio(
            title, results.Xenlet[figure].Select(value => value / unit), results.Linux[figure].Select(value => value / unit));

        string[] Pair(string figure) => [results.Xenlet[figure].MedianText, results.Linux[figure].MedianText];
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
