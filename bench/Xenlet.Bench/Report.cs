using System.Text;

namespace Xenlet.Bench;

/// <summary>Writes the figures as Markdown.</summary>
internal static class Report
{
    /// <summary>Sections of the parts that were measured.</summary>
    public static string Write(IReadOnlySet<Part> parts, Results results)
    {
        StringBuilder text = new();
        text.Append(results.Heading.Describe(results.XenletWork.Runtime, results.Loads)).Append('\n');
        Section(Part.Start, "Start, ms", () => $"{Start(results)}");
        Section(Part.Start, "One line, from `xl unpause` to the domain's end", () => $"{OneLine(results.OneLineRuns)}");
        Section(Part.Work, "Where a Xenlet's start goes", () => $"{Boot(results.XenletWork)}");
        Section(Part.Size, "Size", () => $"{Size(results)}");
        Section(Part.Work, "Work", () => $"{Work(results)}");
        Section(Part.Store, "XenStore", () => StoreReport.Write(results.Store));
        Section(Part.Bus, "XenBus", () => BusReport.Write(results.Bus));
        Section(Part.Disks, "Disks, saving and restoring", () => DiskReport.Write(results.Disks));
        Section(Part.Network, "Network", () => NetworkReport.Write(results.Network));
        Section(Part.Tcp, "TCP", () => TcpReport.Write(results.Tcp));
        Section(Part.Web, "A web service", () => WebReport.Write(results.Web));
        Section(Part.BackEnds, "Back ends", () => BackEndReport.Write(results.BackEnds));
        return text.ToString();

        void Section(Part part, string heading, Func<string> write)
        {
            if (parts.Contains(part))
            {
                text.Append($"\n### {heading}\n\n").Append(write());
            }
        }
    }

    private static MarkdownTable Start(Results results)
    {
        MarkdownTable table = new("", "Xenlet (Hello)", "Linux", "Linux / Xenlet");
        Row("`xl create -p`", times => times.Create);
        Row("`xl unpause`, until it asks Xen", times => times.XlUnpause);
        Row("from there to the guest's first line", times => times.FirstLine);
        Row("`xl unpause` to the guest's first line", times => times.Whole);
        return table;

        void Row(string what, Func<StartTimes, Series> select)
        {
            Series xenlet = select(results.HelloStart);
            Series linux = select(results.LinuxStart);
            table.Add(what, xenlet.ToString(), linux.ToString(), Series.Ratio(linux, xenlet));
        }
    }

    private static MarkdownTable OneLine(OneLineRuns runs)
    {
        MarkdownTable table = new("", "ms", "times the assembled guest");
        Row("assembled guest", runs.Assembled);
        Row("Xenlet, `XenletServices` `false`", runs.WithoutServices);
        Row("Xenlet, `XenletServices` `true`", runs.WithControl);
        Row("Xenlet, `XenletServices` `devices`", runs.WithDevices);
        return table;

        void Row(string what, Series time) => table.Add(what, time.ToString(), Series.Ratio(time, runs.Assembled));
    }

    private static MarkdownTable Boot(WorkResults work)
    {
        MarkdownTable table = new("", "Xenlet (GuestBench)");
        Row("nucleus: its first managed instruction to the program's first instruction, ms", "boot-nucleus", 1e6);
        Row("runtime: from there to `Main`, ms", "boot-runtime", 1e6);
        Row("`Main`'s first line, ms", "boot-line", 1e6);
        Row("memory in use behind it, besides the image, MiB", "boot-pages", 256);
        return table;

        void Row(string what, string operation, double unit) => table.Add(what, work[operation].Select(value => value / unit).ToString());
    }

    private static MarkdownTable Size(Results results)
    {
        MarkdownTable table = new("", "one line", "Hello");
        Row("image without symbols, MiB", footprint => Series.Format(footprint.Size / 1048576.0));
        Row("least `memory=` that works, MiB", footprint => footprint.LeastMemory is { } memory ? $"{memory}" : Series.Failed);
        return table;

        void Row(string what, Func<Footprint, string> select) => table.Add(what, select(results.OneLine), select(results.Hello));
    }

    private static MarkdownTable Work(Results results)
    {
        MarkdownTable table = new("", "Xenlet", "Linux", "Xenlet / Linux");
        Times("system call that does nothing, ns", "system-call", 1);
        Times("write of no bytes to a pipe, ns", "write-nothing", 1);
        Times("futex wake-up of nobody, ns", "futex-nobody", 1);
        Times("reading the clock, ns", "clock", 1);
        Times("first touch of a page, µs", "page", 1e3);
        Rates("thread switches by `sched_yield`, 1/s", "yield", 1);
        Rates("thread switches by `SemaphoreSlim`, 1/s", "semaphore", 1);
        Rates("futex wake-ups, 1/s", "futex", 1);
        Rates("exceptions thrown and caught, 1/s", "exception", 1);
        Rates("allocation of objects of 128 bytes, MiB/s", "allocation", 128.0 / 1048576);
        Times("full collection, 100,000 live objects, ms", "collection", 1e6);
        return table;

        void Times(string what, string operation, double unit) => Row(what, operation, nanoseconds => nanoseconds / unit);

        void Rates(string what, string operation, double amount) => Row(what, operation, nanoseconds => amount * 1e9 / nanoseconds);

        void Row(string what, string operation, Func<double, double> convert) =>
            table.AddRatio(what, results.XenletWork[operation].Select(convert), results.LinuxWork[operation].Select(convert));
    }
}
