namespace Xenlet.Bench;

/// <summary>The tables about xenstore.</summary>
internal static class StoreReport
{
    public static string Write(StoreResults results)
    {
        MarkdownTable guests = new("in a guest", "Xenlet", "Linux, libxenstore", "Xenlet / libxenstore", "Linux, our client");
        Rate("reads one at a time, 1/s", "one", "one");
        Rate("reads, 20 in flight (libxenstore: one at a time), 1/s", "many", "one");
        Time("one read, median, µs", "median", 1e3);
        Time("one read, 95 of 100 are shorter, µs", "percentile-95", 1e3);
        Bytes(guests, results.Xenlet, 3, results.LinuxClient);
        Series xenlet = results.XenletExchange["exchange"].Select(time => time / 1e6);
        Series linux = results.LinuxExchange["exchange"].Select(time => time / 1e6);
        guests.Add(
            "dom0 writes, the guest is told and writes, dom0 is told, ms",
            xenlet.ToString(),
            linux.ToString(),
            Series.Ratio(xenlet, linux),
            "");

        MarkdownTable host = new("on the host, over the socket", "our client", "libxenstore", "our client / libxenstore");
        HostRate("reads one at a time, 1/s", "one", "one");
        HostRate("reads, 20 in flight (libxenstore: one at a time), 1/s", "many", "one");
        HostTime("one read, median, µs", "median", 1e3);
        Bytes(host, results.HostClient, 2, null);
        return $"{guests}\n{host}";

        void Rate(string what, string operation, string others) => Row(what, operation, others, time => 1e9 / time);

        void Time(string what, string operation, double unit) => Row(what, operation, operation, time => time / unit);

        void Row(string what, string operation, string others, Func<double, double> convert)
        {
            Series ours = results.Xenlet[operation].Select(convert);
            Series theirs = results.LinuxLibrary[others].Select(convert);
            guests.Add(
                what,
                ours.ToString(),
                theirs.ToString(),
                Series.Ratio(ours, theirs),
                results.LinuxClient[operation].Select(convert).ToString());
        }

        void HostRate(string what, string operation, string others) => HostRow(what, operation, others, time => 1e9 / time);

        void HostTime(string what, string operation, double unit) => HostRow(what, operation, operation, time => time / unit);

        void HostRow(string what, string operation, string others, Func<double, double> convert)
        {
            Series ours = results.HostClient[operation].Select(convert);
            Series theirs = results.HostLibrary[others].Select(convert);
            host.Add(what, ours.ToString(), theirs.ToString(), Series.Ratio(ours, theirs));
        }
    }

    private static void Bytes(MarkdownTable table, WorkResults ours, int empty, WorkResults? last)
    {
        foreach ((string what,
            string operation) in (ReadOnlySpan<(string, string)>)[("one at a time", "bytes-one"), ("20 in flight", "bytes-many")])
        {
            string[] cells = [$"bytes of garbage for each read, {what}", ours[operation].ToString(), .. Enumerable.Repeat("", empty)];
            if (last is not null)
            {
                cells[^1] = last[operation].ToString();
            }

            table.Add(cells);
        }
    }
}
