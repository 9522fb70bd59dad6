using System.Globalization;

namespace Xenlet.Bench;

/// <summary>The tables about back ends.</summary>
internal static class BackEndReport
{
    public static string Write(BackEndResults results)
    {
        MarkdownTable speed = Compared("a disk of a Linux guest, one operation at a time, MB/s");
        MarkdownTable rate = Compared("a disk of a Linux guest, 4 KiB, operations a second");
        MarkdownTable served = Compared("processor time of the domain that serves it, for an operation, µs");
        MarkdownTable used = Compared("processor time of the Linux guest, for an operation, µs");
        MarkdownTable counts = ServingCosts.Table("for an operation served by a Xenlet");
        foreach (DiskWork work in DiskBackEndMeasurement.Works)
        {
            Compare(
                work.IsRandom ? rate : speed,
                work,
                "time",
                of => of.FrontEnd,
                work.IsRandom ? nanoseconds => 1e9 / nanoseconds : nanoseconds => work.Size * 1e3 / nanoseconds);
            Compare(served, work, "processor", of => of.BackEnd, nanoseconds => nanoseconds / 1e3);
            Compare(used, work, "processor", of => of.FrontEnd, nanoseconds => nanoseconds / 1e3);
            ServingCosts.Add(counts, work.Title, results.Xenlet.BackEnd, work.Name);
        }

        return $"{speed}\n{rate}\n{served}\n{used}\n{counts}\n{Many(results)}\n{NetworkBackEndReport.Write(results)}";

        void Compare(
            MarkdownTable table, DiskWork work, string figure, Func<BackEndKindResults, WorkResults> select,
            Func<double, double> convert) => table.AddRatio(
                work.Title,
                select(results.Xenlet)[$"{work.Name}.{figure}"].Select(convert),
                select(results.Linux)[$"{work.Name}.{figure}"].Select(convert));
    }

    private static MarkdownTable Many(BackEndResults results)
    {
        MarkdownTable table = Compared("many disks of one Linux guest");
        table.AddRatio("start of `xl block-attach` to Connected, ms", results.Xenlet.Attach, results.Linux.Attach);
        foreach (int count in results.DiskCounts)
        {
            Series inUse = Free(results.Xenlet, count).Select(bytes => results.Memory - (bytes / (1 << 20)));
            table.Add(
                string.Create(CultureInfo.InvariantCulture, $"memory of the Xenlet in use with {count} connected, of {results.Memory} MiB"),
                inUse.ToString(), "", "");
        }

        if (results.DiskCounts is [int few, .., int many])
        {
            table.AddRatio("bytes a disk", Growth(results.Xenlet), Growth(results.Linux));

            Series Growth(BackEndKindResults of)
            {
                Series growth = new();
                growth.AddRange(
                    Free(of, few).Values.Zip(Free(of, many).Values, (before, after) => (before - after) / (many - few)));
                return growth;
            }
        }

        return table;

        static Series Free(BackEndKindResults of, int count) => of.BackEnd[DiskBackEndMeasurement.MemoryName(count) + ".free"];
    }

    private static MarkdownTable Compared(string what) => new(what, "served by a Xenlet", "by dom0's Linux", "Xenlet / Linux");
}
