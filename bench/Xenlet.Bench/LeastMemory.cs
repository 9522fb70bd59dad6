using Xenlet.QemuXen;

namespace Xenlet.Bench;

/// <summary>Looks for the least memory in which a program runs to its end under Xen.</summary>
internal static class LeastMemory
{
    private const int SurelyEnough = 10;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Goes down from what is surely enough, a MiB at a time, to the first size that fails.</summary>
    /// <returns>The least size that works, in MiB.</returns>
    /// <exception cref="BenchException">Even the first size fails.</exception>
    public static async Task<int> FindAsync(XenMachine machine, MeasuredProgram program, CancellationToken cancellationToken)
    {
        int memory = SurelyEnough;
        while (memory > 0 && await RunsInAsync(machine, program, memory, cancellationToken) is null)
        {
            memory--;
        }

        return memory < SurelyEnough
            ? memory + 1
            : throw new BenchException(
                $"{program.Name} does not run in {memory} MiB: {await RunsInAsync(machine, program, memory, cancellationToken)}");
    }

    /// <summary>Null, or what went wrong.</summary>
    private static async Task<string?> RunsInAsync(
        XenMachine machine, MeasuredProgram program, int memory, CancellationToken cancellationToken)
    {
        try
        {
            GuestConfig config = new() { Name = $"{program.Name}-{memory}MiB", Kernel = program.Image, MemoryMiB = memory };
            await using XenGuest guest = await machine.CreateGuestAsync(config, cancellationToken);
            GuestEnd end = await guest.WaitForEndAsync(Limit, cancellationToken);
            return end.ExitStatus == 0 ? null : $"{end.Reason}, {guest.Console.Tail(3)}";
        }
        catch (QemuXenException failure)
        {
            return failure.Message;
        }
    }
}
