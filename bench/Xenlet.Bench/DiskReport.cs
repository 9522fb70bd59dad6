namespace Xenlet.Bench;

/// <summary>The tables about disks.</summary>
internal static class DiskReport
{
    public static string Write(DiskResults results)
    {
        MarkdownTable speed = new("one operation at a time, MB/s", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable rate = new("4 KiB, operations a second", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable time = new("processor time of the domain for an operation, µs", "Xenlet", "Linux", "Xenlet / Linux");
        MarkdownTable counts = new(
            "for an operation", "hypercalls: Xenlet", "Linux", "exits to Xen: Xenlet", "Linux",
            "notifications that reach the back end: Xenlet", "Linux", "interrupts: Xenlet", "Linux");
        MarkdownTable xenlet = new("for an operation of a Xenlet", "thread switches", "system calls", "bytes of garbage");
        foreach (DiskWork work in DiskWork.All)
        {
            Compare(
                work.IsRandom ? rate : speed,
                work,
                "time",
                work.IsRandom ? nanoseconds => 1e9 / nanoseconds : nanoseconds => work.Size * 1e3 / nanoseconds);
            Compare(time, work, "processor", nanoseconds => nanoseconds / 1e3);
            counts.Add([work.Title, .. ((string[])["traced-hypercalls", "exits", "back-end", "interrupts"]).SelectMany(
                figure => (string[])[results.Xenlet[work, figure].MedianText, results.Linux[work, figure].MedianText])]);
            xenlet.Add(
                [work.Title, .. ((string[])["switches", "calls", "garbage"]).Select(figure => results.Xenlet[work, figure].MedianText)]);
        }

        MarkdownTable save = new("", "Xenlet", "Linux", "Xenlet / Linux", "Xenlet in 32 MiB");
        Saved("`xl save`, ms", times => times.Save);
        Saved("start of `xl restore` to the guest's first sign of life, ms", times => times.Restore);
        Saved("what was saved, MiB", times => times.Size);
        save.Add(
            "memory in use behind the work, MiB",
            results.Xenlet.UsedMemory.ToString(),
            results.Linux.UsedMemory.ToString(),
            Series.Ratio(results.Xenlet.UsedMemory, results.Linux.UsedMemory),
            "");
        return $"{speed}\n{rate}\n{time}\n{counts}\n{xenlet}\n{save}";

        void Compare(MarkdownTable table, DiskWork work, string figure, Func<double, double> convert) =>
            table.AddRatio(work.Title, results.Xenlet[work, figure].Select(convert), results.Linux[work, figure].Select(convert));

        void Saved(string what, Func<SaveTimes, Series> select)
        {
            Series ours = select(results.Xenlet.Save);
            Series theirs = select(results.Linux.Save);
            save.Add(what, ours.ToString(), theirs.ToString(), Series.Ratio(ours, theirs), select(results.SmallXenlet).ToString());
        }
    }
}
