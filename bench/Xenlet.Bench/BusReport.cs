using System.Globalization;

namespace Xenlet.Bench;

/// <summary>The tables about XenBus.</summary>
internal static class BusReport
{
    public static string Write(BusResults results)
    {
        MarkdownTable trees = new(
            ["devices found", .. BusResults.Counts.Select(count => count.ToString("N0", CultureInfo.InvariantCulture))]);
        Row("first request to the tree, ms", tree => tree["tree"].Select(time => time / 1e6));
        Row("requests", tree => tree["requests"]);
        Row("one round trip, ms", tree => tree["round-trip"].Select(time => time / 1e6));
        Row("first request to the tree, in round trips", tree => tree["round-trips"]);
        Row("aim: 5 + requests / 20", tree => tree["requests"].Select(requests => 5 + (requests / 20)));
        Row("collected memory a device, bytes", tree => tree["bytes"]);
        trees.Add(["Linux's kernel: `xenbus_probe` as a whole, ms", .. BusResults.Counts.Select(count => results.Linux[count].ToString())]);

        MarkdownTable plugs = new("a disk is plugged, ms", "Xenlet");
        plugs.Add("start of `xl block-attach` to the guest's line that it is connected", results.Plug.ToString());
        plugs.Add("of it: found to attached, by the guest's clock", results.Plugs["attach"].Select(time => time / 1e6).ToString());
        return $"{trees}\n{plugs}";

        void Row(string what, Func<WorkResults, Series> select) =>
            trees.Add([what, .. BusResults.Counts.Select(count => select(results.Trees[count]).ToString())]);
    }
}
