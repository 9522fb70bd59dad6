using System.Globalization;
using System.Text.RegularExpressions;
using Xenlet.QemuXen;

namespace Xenlet.Guest.Tests;

/// <summary>Guests with little memory, with much, and with none left.</summary>
/// <param name="world">Where the guests boot.</param>
/// <param name="tooLittle">MiB that Hello does not run in.</param>
public abstract partial class MemoryTests(World world, int tooLittle)
{
    [Theory]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(64)]
    [InlineData(512)]
    public async Task Hello_runs_in_any_memory_from_12_MiB_on(int memory)
    {
        EndedGuest guest = (await RunHelloAsync(memory)).AssertExited(0);
        Assert.Contains("Caught what the processor raised", guest.Console, StringComparison.Ordinal);
        Assert.Contains("500,000,500,000", guest.Console, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_little_memory_is_one_line_that_says_what_is_needed_and_that_is_enough()
    {
        EndedGuest small = (await RunHelloAsync(tooLittle)).AssertCrashed();
        string line = Assert.Single(small.Lines, line => line.Length > 0);
        Match needed = NeededMemory().Match(line);
        Assert.True(needed.Success, line);
        (await RunHelloAsync(int.Parse(needed.Groups["needed"].Value, CultureInfo.InvariantCulture))).AssertExited(0);
    }

    [Theory]
    [InlineData(24)]
    [InlineData(48)]
    [InlineData(100)]
    public async Task Out_of_memory_is_an_exception_and_the_program_goes_on(int memory)
    {
        EndedGuest guest = (await world.RunCaseAsync("out-of-memory 4", memory)).AssertExited(0);
        Assert.Contains("round 3: caught", guest.Lines);
        Assert.Contains("went on after all", guest.Lines);
    }

    [Fact]
    public async Task Native_memory_runs_out_with_an_error_and_the_program_goes_on()
    {
        EndedGuest guest = (await world.RunCaseAsync("native-out-of-memory", 48)).AssertExited(0);
        Assert.Contains("native memory ended, caught", guest.Lines);
        Assert.Contains("went on after all", guest.Lines);
    }

    /// <summary>Page tables, records of regions, threads and their stacks cost memory too: see MemoryAccountCases of the image.</summary>
    [Fact]
    public async Task Memory_that_ends_in_what_the_nucleus_needs_is_an_error_of_the_call_and_the_program_goes_on()
    {
        EndedGuest guest = (await world.RunCaseAsync("memory-accounts", 64)).AssertExited(0);
        Match told = Accounts().Match(guest.Console);
        Assert.True(told.Success, guest.Console);

        // A page and a table each, of some 14,000 pages; Linux's number of regions, less those of the program; 200 threads are too many.
        AssertBetween("pages", 4000, 7000);
        AssertBetween("regions", 65_000, 65_530);
        AssertBetween("threads", 50, 199);
        AssertBetween("refused", 5, 100);
        AssertBetween("thrown", 1, 100);
        Assert.Contains("went on after all", guest.Lines);

        void AssertBetween(string what, int least, int most)
        {
            int number = int.Parse(told.Groups[what].Value, CultureInfo.InvariantCulture);
            Assert.True(number >= least && number <= most, $"{what}: {number} is not between {least} and {most}\n{guest.Console}");
        }
    }

    [Theory]
    [InlineData(64, 40)]
    [InlineData(300, 250)]
    public async Task Most_of_the_memory_can_be_used(int memory, int touched)
    {
        EndedGuest guest = (await world.RunCaseAsync($"touch-memory {touched}", memory)).AssertExited(0);
        AssertTouched(guest, memory, touched);
    }

    /// <summary>Fails unless the pages were touched and the collector knows of at least three quarters of the memory.</summary>
    protected static void AssertTouched(EndedGuest guest, int memory, int touched)
    {
        Match told = Touched().Match(guest.Console);
        Assert.True(told.Success, guest.Console);
        Assert.Equal(touched, int.Parse(told.Groups["touched"].Value, CultureInfo.InvariantCulture));
        Assert.InRange(int.Parse(told.Groups["limit"].Value, CultureInfo.InvariantCulture), memory * 3 / 4 - 12, memory);
    }

    private async Task<EndedGuest> RunHelloAsync(int memory) =>
        await world.RunAsync(new GuestConfig { Name = world.NewName(), Kernel = await Images.Hello, MemoryMiB = memory });

    [GeneratedRegex(@"not enough memory.*memory=(?<needed>\d+)")]
    private static partial Regex NeededMemory();

    [GeneratedRegex(
        @"pages: (?<pages>\d+), then ENOMEM\nregions: (?<regions>\d+), then ENOMEM\nthreads: (?<threads>\d+), then an exception.*\n"
        + @"requests: (?<refused>\d+) refused, (?<thrown>\d+) exceptions\n")]
    private static partial Regex Accounts();

    [GeneratedRegex(@"touched (?<touched>\d+) MiB, the collector may use (?<limit>\d+) MiB")]
    private static partial Regex Touched();
}

/// <summary>
/// With less than 7 MiB the image reaches into what QEMU's firmware uses at the top of memory, and is damaged before it runs.
/// </summary>
[Collection(WithoutXen.Name)]
public sealed partial class MemoryTestsWithoutXen(DirectWorld world) : MemoryTests(world, tooLittle: 7)
{
    private readonly World _world = world;

    [Theory]
    [InlineData(2048, 64)]
    [InlineData(4096, 64)]
    [InlineData(6144, 64)]
    public async Task Large_memory_is_the_programs_too(int memory, int touched)
    {
        EndedGuest guest = (await _world.RunCaseAsync($"touch-memory {touched}", memory)).AssertExited(0);
        AssertTouched(guest, memory, touched);
    }

    /// <summary>Half of the memory, at 64 KiB a thread; what the administrator says wins, and so does the program.</summary>
    [Theory]
    [InlineData(19, "", 16, 80, "changed")]
    [InlineData(64, "", 350, 512, "changed")]
    [InlineData(64, "DOTNET_ThreadPool_ForceMaxWorkerThreads=1f ", 31, 31, "fixed")]
    public async Task The_thread_pool_may_grow_as_far_as_the_memory_reaches(
        int memory, string variables, int least, int most, string program)
    {
        EndedGuest guest = (await _world.RunCaseAsync($"{variables}thread-pool-limit", memory)).AssertExited(0);
        Match told = PoolLimit().Match(guest.Console);
        Assert.True(told.Success, guest.Console);
        Assert.InRange(int.Parse(told.Groups["threads"].Value, CultureInfo.InvariantCulture), least, most);
        Assert.Equal(program, told.Groups["program"].Value);
    }

    [Fact]
    public async Task Memory_above_4_GiB_is_used_when_that_below_is_full()
    {
        // Most of this machine's memory lies above 4 GiB: the program cannot have its 400 MiB without it.
        await using IGuest guest = await DirectWorld.StartAsync(
            new GuestConfig { Name = _world.NewName(), Kernel = await Images.Cases, MemoryMiB = 600, CommandLine = "touch-memory 400" },
            ["-machine", "max-ram-below-4g=128M"]);
        EndedGuest ended = (await EndedGuest.OfAsync(guest, World.Limit)).AssertExited(0);
        AssertTouched(ended, 600, 400);
    }

    [GeneratedRegex(@"pool: (?<threads>\d+) threads, (?<program>\w+)")]
    private static partial Regex PoolLimit();
}

[Collection(UnderXen.Name)]
public sealed class MemoryTestsUnderXen(XenWorld world) : MemoryTests(world, tooLittle: 6)
{
    private readonly World _world = world;

    [Fact]
    public async Task A_domain_whose_maxmem_is_above_its_memory_is_refused_with_one_line()
    {
        EndedGuest guest = await _world.RunAsync(
            new GuestConfig { Name = _world.NewName(), Kernel = await Images.Hello, MemoryMiB = 32, MaxMemoryMiB = 64 });
        guest.AssertCrashed();
        string line = Assert.Single(guest.Lines, line => line.Length > 0);
        Assert.Contains("maxmem is above memory", line, StringComparison.Ordinal);
        Assert.Contains("set maxmem equal to memory", line, StringComparison.Ordinal);
    }
}
