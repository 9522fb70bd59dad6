using System.Globalization;
using Xenlet.Kernel;

namespace Xenlet.GuestBench;

/// <summary>Where the time of a guest's start went, by the nucleus's own clock.</summary>
internal sealed class BootReport
{
    private readonly GuestStatistics _main = Xenlet.Kernel.Guest.ReadStatistics();

    private BootReport()
    {
    }

    /// <summary>Notes the time; to be called first of all in Main.</summary>
    public static BootReport AtMain() => new();

    /// <summary>
    /// Writes nanoseconds of the nucleus, of the runtime up to Main, of Main's first line, and the pages in use besides
    /// the image.
    /// </summary>
    public void WriteAfterFirstLine()
    {
        GuestStatistics now = Xenlet.Kernel.Guest.ReadStatistics();
        double nucleus = _main.NucleusBootTime.TotalNanoseconds;
        double runtime = _main.Uptime.TotalNanoseconds - nucleus;
        double line = (now.Uptime - _main.Uptime).TotalNanoseconds;
        Console.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"measured boot-nucleus {nucleus:F0}\nmeasured boot-runtime {runtime:F0}\nmeasured boot-line {line:F0}\nmeasured boot-pages "
            + $"{now.UsedPages}\n"));
    }
}
