using System.Globalization;

namespace Xenlet.XenBus.Tests;

/// <summary>Random schedules: afterwards the bus's view is the store's, nothing is left over, and nothing hangs.</summary>
public sealed class ScheduleTests
{
    private const int Count = 40;
    private const int CountOfSoak = 1500;

    /// <summary>
    /// The numbers of the schedules: always the same ones, or the one that the environment variable XENLET_SCHEDULE gives.
    /// </summary>
    private static IEnumerable<int> Numbers(int first, int count) =>
        Environment.GetEnvironmentVariable("XENLET_SCHEDULE") is { Length: > 0 } number
            ? [int.Parse(number, CultureInfo.InvariantCulture)]
            : Enumerable.Range(first, count);

    [Fact]
    public Task After_random_schedules_the_buses_agree_with_the_store_and_nothing_is_left_over() => RunAsync(Numbers(1, Count));

    [Fact]
    [Trait("Category", "Soak")]
    public Task After_many_random_schedules_the_buses_agree_with_the_store_and_nothing_is_left_over() =>
        RunAsync(Numbers(Count + 1, CountOfSoak));

    /// <summary>Several at a time, each with a xenstored of its own: a schedule mostly waits.</summary>
    private static Task RunAsync(IEnumerable<int> numbers) =>
        Parallel.ForEachAsync(numbers, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (number, _) =>
        {
            await using Schedule schedule = new(number);
            await schedule.RunAsync();
        });
}
