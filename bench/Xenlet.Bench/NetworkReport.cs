namespace Xenlet.Bench;

/// <summary>The tables about network interfaces.</summary>
internal static class NetworkReport
{
    public static string Write(NetworkResults results)
    {
        MarkdownTable ping = new("round trip of a ping, µs", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable rate = new("frames a second", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable speed = new("MB/s", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable time = new("processor time of the domain for a frame or ping, µs", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable counts = new(
            "for a frame or ping", "hypercalls: Xenlet", "Linux", "exits to Xen: Xenlet", "Linux",
            "notifications that reach the back end: Xenlet", "Linux");
        MarkdownTable guests = new(
            "for a frame", "interrupts: Xenlet", "Linux", "thread switches: Xenlet", "Linux", "bytes of garbage: Xenlet", "Linux",
            "lost, of 100: Xenlet", "Linux", "system calls: Xenlet");
        foreach (PingWork work in PingWork.All)
        {
            Compare(ping, $"{work.Title}, median", work, "median", microseconds => microseconds);
            Compare(ping, $"{work.Title}, 95 of 100 are shorter", work, "slow", microseconds => microseconds);
            Costs(work);
        }

        foreach (FrameWork work in FrameWork.All)
        {
            Compare(rate, work.Title, work, "frame", nanoseconds => 1e9 / nanoseconds);
            Compare(speed, work.Title, work, "frame", nanoseconds => work.Size * 1e3 / nanoseconds);
            Costs(work);
            guests.Add([
                work.Title,
                .. ((string[])["interrupts", "switches", "garbage"]).SelectMany(figure => Pair(work, figure)),
                .. Pair(work, "arrived", arrived => 100 * (1 - (arrived / work.Count))),
                results.Xenlet[$"{work.Name}.calls"].MedianText]);
        }

        return $"{ping}\n{rate}\n{speed}\n{time}\n{counts}\n{guests}";

        void Costs(NetworkWork work)
        {
            Compare(time, work.Title, work, "processor", nanoseconds => nanoseconds / 1e3);
            counts.Add([work.Title, .. ((string[])["traced-hypercalls", "exits", "back-end"]).SelectMany(figure => Pair(work, figure))]);
        }

        void Compare(MarkdownTable table, string title, NetworkWork work, string figure, Func<double, double> convert) =>
            table.AddRatio(
                title, results.Xenlet[$"{work.Name}.{figure}"].Select(convert), results.Linux[$"{work.Name}.{figure}"].Select(convert));

        string[] Pair(NetworkWork work, string figure, Func<double, double>? convert = null) =>
            [.. ((WorkResults[])[results.Xenlet, results.Linux]).Select(
                of => of[$"{work.Name}.{figure}"].Select(convert ?? (value => value)).MedianText)];
    }
}
