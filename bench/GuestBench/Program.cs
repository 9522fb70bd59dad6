using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Xenlet.GuestBench;

BootReport boot = BootReport.AtMain();
Console.WriteLine("GuestBench");
boot.WriteAfterFirstLine();
Console.WriteLine($"runtime {RuntimeInformation.FrameworkDescription}");

Rounds.ReportShort("system-call", operations =>
{
    for (long i = 0; i < operations; i++)
    {
        _ = NativeMethods.GetParentProcessId();
    }
});
using (ShortCalls calls = new())
{
    Rounds.ReportShort("write-nothing", calls.WriteNothing);
}

Rounds.ReportShort("futex-nobody", ShortCalls.WakeNobody);
Rounds.ReportShort("clock", operations =>
{
    for (long i = 0; i < operations; i++)
    {
        _ = Stopwatch.GetTimestamp();
    }
});
Rounds.Report("yield", ThreadMeasures.Yield);
Rounds.Report("semaphore", ThreadMeasures.Semaphore);
Rounds.Report("futex", ThreadMeasures.Futex);
Rounds.Report("exception", operations =>
{
    for (long i = 0; i < operations; i++)
    {
        try
        {
            Throw();
        }
        catch (InvalidOperationException)
        {
            // Thrown to be caught.
        }
    }
});
Rounds.Report("page", MemoryMeasures.TouchPages);
Rounds.Report("allocation", MemoryMeasures.Allocate);
Rounds.Report("collection", MemoryMeasures.Collect);
Console.WriteLine("GuestBench has ended");

[MethodImpl(MethodImplOptions.NoInlining)]
static void Throw() => throw new InvalidOperationException();
