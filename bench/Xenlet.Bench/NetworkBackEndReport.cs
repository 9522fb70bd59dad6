namespace Xenlet.Bench;

/// <summary>The tables about network back ends.</summary>
internal static class NetworkBackEndReport
{
    public static string Write(BackEndResults results)
    {
        MarkdownTable rate = Compared("between two guests");
        MarkdownTable served = Compared("processor time of the domain with the switch or bridge");
        MarkdownTable used = Compared("processor time of both guests");
        MarkdownTable counts = ServingCosts.Table("on the switch, Linux guests");
        foreach (TcpWork work in NetworkBackEndMeasurement.TcpWorks)
        {
            string title = work.Kind == TcpWorkKind.Send ? "TCP, one connection" : work.Title;
            Row(rate, $"{title}, {(work.IsBulk ? "MB/s" : "1/s")}", of => of.FrontEnd[$"{work.Name}.rate"]);
            Processor(title, work.IsBulk ? "ms a MB" : "µs each", work.Name, work.IsBulk ? 1e6 : 1e3);
        }

        foreach (FrameWork work in NetworkBackEndMeasurement.FrameWorks)
        {
            string title = $"frames of {work.Size:N0} bytes";
            Row(rate, $"{title}, received a second", of => of.FrontEnd[$"{work.Name}.frame"].Select(nanoseconds => 1e9 / nanoseconds));
            Row(rate, $"{title}, lost of 100", of => of.FrontEnd[$"{work.Name}.lost"].Select(share => share * 100));
            Processor(title, "µs each", work.Name, 1e3);
        }

        return $"{rate}\n{served}\n{used}\n{counts}\n{Uplink(results)}";

        void Processor(string title, string unit, string name, double divisor)
        {
            Row(served, $"{title}, {unit}", of => of.BackEnd[$"{name}.processor"].Select(nanoseconds => nanoseconds / divisor));
            Row(used, $"{title}, {unit}", of => of.FrontEnd[$"{name}.processor"].Select(nanoseconds => nanoseconds / divisor));
            ServingCosts.Add(counts, title, results.LinuxOnSwitch.BackEnd, name);
        }

        void Row(MarkdownTable table, string title, Func<BackEndKindResults, Series> select)
        {
            Series linux = select(results.LinuxOnBridge);
            Series guests = select(results.LinuxOnSwitch);
            Series xenlets = select(results.XenletsOnSwitch);
            table.Add(
                title, guests.ToString(), linux.ToString(), Series.Ratio(guests, linux), xenlets.ToString(),
                Series.Ratio(xenlets, linux));
        }
    }

    private static MarkdownTable Uplink(BackEndResults results)
    {
        MarkdownTable table = new(
            "dom0 and a Linux guest", "through a Xenlet's uplink", "the guest on dom0's bridge", "uplink / bridge");
        foreach (TcpWork work in UplinkMeasurement.Works)
        {
            table.AddRatio(
                $"{work.Title}, {(work.IsBulk ? "MB/s" : "1/s")}",
                results.ThroughUplink.FrontEnd[$"{work.Name}.rate"],
                results.ToDom0.FrontEnd[$"{work.Name}.rate"]);
        }

        foreach (TcpWork work in UplinkMeasurement.Works)
        {
            string title = $"{work.Title}, {(work.IsBulk ? "ms a MB" : "µs each")}";
            string uplink = Processor(results.ThroughUplink.BackEnd, work, $"{work.Name}.processor").ToString();
            table.Add($"processor time of the Xenlet, {title}", uplink, "", "");
            table.AddRatio(
                $"of dom0, {title}",
                Processor(results.ThroughUplink.BackEnd, work, UplinkMeasurement.InDom0(work)),
                Processor(results.ToDom0.BackEnd, work, UplinkMeasurement.InDom0(work)));
            table.AddRatio(
                $"of the guest, {title}",
                Processor(results.ThroughUplink.FrontEnd, work, $"{work.Name}.processor"),
                Processor(results.ToDom0.FrontEnd, work, $"{work.Name}.processor"));
        }

        return table;

        static Series Processor(WorkResults of, TcpWork work, string name) =>
            of[name].Select(nanoseconds => nanoseconds / (work.IsBulk ? 1e6 : 1e3));
    }

    private static MarkdownTable Compared(string what) => new(
        what, "Linux guests on a Xenlet's switch", "Linux guests on a bridge", "switch / bridge", "Xenlets on a Xenlet's switch",
        "/ Linux on a bridge");
}
