using System.Diagnostics;

namespace Xenlet.Build;

/// <summary>The machine's current speed, to which budgets of processor time are relative.</summary>
internal static class Calibration
{
    private const int Rounds = 3;
    private const int Words = 1 << 20;
    private const int Steps = 1 << 27;

    /// <summary>
    /// The processor time of a fixed piece of work, the least of three runs: arithmetic and branches over 4 MiB of memory, as in emulators
    /// and compilers.
    /// </summary>
    public static TimeSpan Run() => Enumerable.Range(0, Rounds).Min(_ => Once());

    private static TimeSpan Once()
    {
        uint[] memory = new uint[Words];
        using Process self = Process.GetCurrentProcess();
        TimeSpan before = self.TotalProcessorTime;
        uint state = 1;
        for (int i = 0; i < Steps; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            ref uint word = ref memory[state % Words];
            word = (word & 1) != 0 ? word + state : word ^ state;
        }

        GC.KeepAlive(memory);
        self.Refresh();
        return self.TotalProcessorTime - before;
    }
}
