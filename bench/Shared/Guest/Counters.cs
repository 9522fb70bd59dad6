using Xenlet.Kernel;

namespace Xenlet.BenchPrograms;

/// <summary>What the nucleus counts.</summary>
internal sealed class Counters
{
    private readonly GuestStatistics _read = Kernel.Guest.ReadStatistics();

    private Counters()
    {
    }

    public static Counters Read() => new();

    /// <summary>Bytes that hold nothing.</summary>
    public static double FreeMemory()
    {
        GuestStatistics now = Kernel.Guest.ReadStatistics();
        return (now.TotalPages - now.UsedPages) * 4096.0;
    }

    /// <summary>What was counted between an earlier reading and this one.</summary>
    public IEnumerable<(string What, double Count)> Since(Counters earlier) =>
    [
        ("hypercalls", _read.Hypercalls - earlier._read.Hypercalls),
        ("notifications", _read.Notifications - earlier._read.Notifications),
        ("interrupts", _read.Upcalls - earlier._read.Upcalls),
        ("switches", _read.ThreadSwitches - earlier._read.ThreadSwitches),
        ("calls", _read.SystemCalls - earlier._read.SystemCalls),
    ];
}
